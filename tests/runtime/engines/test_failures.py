"""A missing engine is reported in one line with the remedy; nothing is left running."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

import apache_beam as beam
import pytest

from pipelines.errors import DataError, ServiceError, UsageError
from pipelines.runtime import job_errors
from pipelines.runtime.engines import flink
from pipelines.runtime.engines.config import load_runner
from pipelines.runtime.engines.java import Program, free_port, listens
from pipelines.runtime.job_errors import raise_reported, report_errors
from pipelines.runtime.run_pipeline import _explain_failure, run_to_end

PORTABLE = 'title = "t"\ncan = ["c"]\ncannot = ["n"]\nneeds = "n"\n[beam]\nrunner = "PortableRunner"\n'


def config_file(folder, text):
    path = folder / "own.toml"
    path.write_text(PORTABLE + text, encoding="utf-8")
    return str(path)


def error_of(runner):
    """Return the line in which a run on the runner ends, before any step is built."""

    def never(pipeline):
        raise AssertionError("a pipeline was built")

    with pytest.raises((ServiceError, UsageError)) as failed:
        run_to_end(never, runner)
    return str(failed.value)


def fake_java(folder, version):
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{version}' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    return str(folder)


def with_jars(folder):
    (folder / "lib").mkdir()
    (folder / "lib" / "beam-runners-flink-1.19-2.62.0.jar").touch()
    return config_file(folder, '[job_server]\njars = "lib"\nflink_master = "[local]"\n')


def test_a_job_server_that_is_neither_running_nor_configured_is_reported(tmp_path):
    port = free_port()
    error = error_of(config_file(tmp_path, f'job_endpoint = "localhost:{port}"\n'))
    assert f"no job server listens at localhost:{port}: start one there" in error


def test_missing_jars_are_reported_with_the_make_target_that_fetches_them(tmp_path):
    error = error_of(config_file(tmp_path, '[job_server]\njars = "lib"\nflink_master = "[local]"\n'))
    assert error == f"the jars of Flink are not in {tmp_path}/lib: run make flink (it needs Maven)"


def test_a_missing_cluster_is_reported(tmp_path):
    port = free_port()
    job_server = f'[job_server]\njars = "lib"\nflink_master = "localhost:{port}"\n'
    error = error_of(config_file(tmp_path, job_server))
    assert f"no Flink cluster listens at localhost:{port}: start one (make flink-cluster)" in error


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ('openjdk version "21.0.2" 2024-01-16', "is Java 21: Flink needs 11 or 17"),
        ('java version "1.8.0_392"', "is Java 8: Flink needs 11 or 17"),
        ("no version at all", "does not tell its version"),
    ],
)
def test_a_wrong_java_version_is_reported_with_the_versions_flink_needs(
    tmp_path, monkeypatch, version, error
):
    monkeypatch.setenv("JAVA_HOME", fake_java(tmp_path, version))
    assert error in error_of(with_jars(tmp_path))


def test_a_java_home_without_java_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert error_of(with_jars(tmp_path)).startswith(f"no Java in JAVA_HOME={tmp_path}/nowhere: install")


def test_a_missing_prism_is_reported_with_the_make_target_that_builds_it(tmp_path):
    text = PORTABLE.replace("PortableRunner", "PrismRunner") + 'prism_location = "prism"\n'
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    error = error_of(str(path))
    assert error == f"no Prism at {tmp_path}/prism: run make prism (it needs Go), or set prism_location"


def test_the_shipped_dataflow_file_must_be_filled_in():
    error = error_of("dataflow")
    assert "dataflow: project is still a placeholder: copy runner_config/dataflow.toml" in error


def test_a_missing_engine_is_one_line_and_exit_code_4(tmp_path):
    port = free_port()
    path = config_file(tmp_path, f'job_endpoint = "localhost:{port}"\n')
    (tmp_path / "scans.ndjson").write_text("", encoding="utf-8")
    words = ["run", "--lake", tmp_path / "lake", "--scans", tmp_path / "scans.ndjson", "--runner", path]
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1), done.stderr
    assert done.stderr.startswith("truyvet run: no job server listens")


def test_a_program_ends_when_the_process_that_started_it_is_killed(tmp_path):
    code = (
        "import sys, time; from pipelines.runtime.engines.java import Program;"
        "print(Program('sleep', ['sleep', '600']).pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_that_ends_at_once_points_to_its_log():
    program = Program("the thing", ["sh", "-c", "echo broken; exit 3"])
    with pytest.raises(ServiceError, match="the thing did not start: see") as failed:
        program.wait_for(f"localhost:{free_port()}")
    log = failed.value.remedy.removeprefix("see ")
    with open(log, encoding="utf-8") as file:
        assert file.read() == "broken\n"
    program.stop()
    assert os.path.exists(log)
    os.unlink(log)
    os.rmdir(os.path.dirname(log))


def test_a_running_job_server_is_used_and_not_stopped(tmp_path):
    with socket.socket() as server:
        server.bind(("localhost", 0))
        server.listen()
        endpoint = f"localhost:{server.getsockname()[1]}"
        config = load_runner(config_file(tmp_path, f'job_endpoint = "{endpoint}"\n'))
        assert flink.job_endpoint(config) == endpoint
        assert listens(endpoint)
    assert flink._started == {}


def test_a_steps_error_is_raised_instead_of_the_failure_of_the_job(tmp_path):
    config = load_runner(config_file(tmp_path, 'job_endpoint = "localhost:1"\n'))

    def job():
        """Fail as on an engine, after a step in another process has reported why."""
        with raise_reported(str(tmp_path)), _explain_failure(config):
            with suppress(DataError), report_errors(str(tmp_path)):
                raise DataError("a file is damaged", "restore it")
            job_errors._of_this_process.clear()
            raise RuntimeError("Pipeline job-001 failed in state FAILED")

    with pytest.raises(DataError, match="a file is damaged: restore it"):
        job()


def test_any_other_failure_of_a_job_is_one_line(tmp_path):
    config = load_runner(config_file(tmp_path, 'job_endpoint = "localhost:1"\n'))
    with pytest.raises(ServiceError) as failed, _explain_failure(config):
        raise RuntimeError("Pipeline job-001 failed in state FAILED: a record's value")
    assert (
        str(failed.value) == f"the job failed on {config.name}: see the engine's own log, then run it again"
    )


def interrupt(_element):
    raise KeyboardInterrupt


def test_an_interrupt_during_a_step_interrupts_the_run():
    with pytest.raises(KeyboardInterrupt):
        run_to_end(lambda begin: begin | beam.Create([1], reshuffle=False) | "Wait" >> beam.Map(interrupt))
