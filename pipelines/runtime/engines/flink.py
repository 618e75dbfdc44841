"""The job server of Flink: the one that listens, or one that is started and ends with this process."""

import atexit

from pipelines.errors import ServiceError
from pipelines.runtime.engines.config import JobServer, RunnerConfig
from pipelines.runtime.engines.java import Program, free_port, java_command, listens

_DRIVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"

_started: dict[JobServer, tuple[Program, str]] = {}


def job_endpoint(config: RunnerConfig) -> str:
    """Where a job server listens; one is started for this process when there is none.

    Raises:
        ServiceError: none listens and none can be started.
    """
    endpoint = str(config.beam.get("job_endpoint", ""))
    if endpoint and listens(endpoint):
        return endpoint
    wanted = config.job_server
    if wanted is None:
        raise ServiceError(
            f"no job server listens at {endpoint or 'any address'}",
            f"start one there, or say in [job_server] of {config.name} how to",
        )
    if not wanted.flink_master.startswith("[") and not listens(wanted.flink_master):
        raise ServiceError(
            f"no Flink cluster listens at {wanted.flink_master}",
            "start one (make flink-cluster), or name its REST address as flink_master",
        )
    if wanted not in _started:
        _started[wanted] = _start(wanted)
    return _started[wanted][1]


def kept_log(config: RunnerConfig) -> str:
    """Where to read what the job server said, also when it has ended; empty where it is not ours."""
    known = config.job_server and _started.get(config.job_server)
    return known[0].keep_log() if known else ""


def stop_all() -> None:
    """End the job servers that this process has started."""
    while _started:
        _started.popitem()[1][0].stop()


def _start(wanted: JobServer) -> tuple[Program, str]:
    """Start a job server on a free port: one that listens for everybody would be used and then end."""
    command = java_command(wanted.jars, wanted.heap)
    port = free_port()
    flags = [f"--flink-master={wanted.flink_master}", f"--job-port={port}"]
    flags += ["--artifact-port=0", "--expansion-port=0"]
    if wanted.flink_conf_dir:
        flags.append(f"--flink-conf-dir={wanted.flink_conf_dir}")
    program = Program("the job server of Flink", [*command, _DRIVER, *flags])
    endpoint = f"localhost:{port}"
    program.wait_for(endpoint)
    if not _started:
        atexit.register(stop_all)
    return program, endpoint
