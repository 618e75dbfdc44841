"""Flink's job server: one that is already running, or one started for the time of this process."""

import atexit

from pipelines.errors import ServiceError
from pipelines.runtime.engines.config import JobServer, RunnerConfig
from pipelines.runtime.engines.java import Program, free_port, java_command, listens

_DRIVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"

_started: dict[JobServer, tuple[Program, str]] = {}


def job_endpoint(config: RunnerConfig) -> str:
    """Return the address of a job server; one is started for this process if there is none.

    Raises:
        ServiceError: none is running and none can be started.
    """
    endpoint = str(config.beam.get("job_endpoint", ""))
    if endpoint and listens(endpoint):  # already running, so not ours to stop
        return endpoint
    wanted = config.job_server
    if wanted is None:
        raise ServiceError(
            f"no job server listens at {endpoint or 'any address'}",
            f"start one there, or describe one in [job_server] of {config.name}",
        )
    # "[local]" and "[auto]" are Flink's words for a cluster inside the job server.
    if not wanted.flink_master.startswith("[") and not listens(wanted.flink_master):
        raise ServiceError(
            f"no Flink cluster listens at {wanted.flink_master}",
            "start one (make flink-cluster), or set flink_master to its REST address",
        )
    # Runners with the same settings share a server.
    if wanted not in _started:
        _started[wanted] = _start(wanted)
    return _started[wanted][1]


def kept_log(config: RunnerConfig) -> str:
    """Return the path of the job server's log, which is then kept; empty if we did not start it."""
    known = config.job_server and _started.get(config.job_server)
    return known[0].keep_log() if known else ""


def stop_all() -> None:
    """Stop the job servers that this process has started."""
    while _started:
        _started.popitem()[1][0].stop()


def _start(wanted: JobServer) -> tuple[Program, str]:
    """Start a job server on a free port: at the usual one, others would use it and lose it when we end."""
    command = java_command(wanted.jars, wanted.heap)
    port = free_port()
    flags = [f"--flink-master={wanted.flink_master}", f"--job-port={port}"]
    flags += ["--artifact-port=0", "--expansion-port=0"]  # 0: any free one; the defaults may be taken
    if wanted.flink_conf_dir:
        flags.append(f"--flink-conf-dir={wanted.flink_conf_dir}")
    program = Program("Flink's job server", [*command, _DRIVER, *flags])
    endpoint = f"localhost:{port}"
    program.wait_for(endpoint)
    # A JVM takes seconds to start, so one server serves all jobs of the process.
    if not _started:
        atexit.register(stop_all)
    return program, endpoint
