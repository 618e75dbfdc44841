"""What is missing is one line with the remedy, and an exit code; nothing is left running."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress

import apache_beam as beam
import pytest

from pipelines.errors import DataError, ServiceError, UsageError
from pipelines.runtime import job_errors as failures
from pipelines.runtime.engines import flink
from pipelines.runtime.engines.config import load_runner
from pipelines.runtime.engines.java import Program, free_port, listens
from pipelines.runtime.job_errors import raise_reported, report_errors
from pipelines.runtime.run_pipeline import _explained, run_to_end

PORTABLE = 'title = "t"\ncan = ["c"]\ncannot = ["n"]\nneeds = "n"\n[beam]\nrunner = "PortableRunner"\n'


def config_file(folder, text):
    path = folder / "own.toml"
    path.write_text(PORTABLE + text, encoding="utf-8")
    return str(path)


def said_by(runner):
    """The one line that running on it ends with, before any step is built."""

    def never(pipeline):
        raise AssertionError("a pipeline was built")

    with pytest.raises((ServiceError, UsageError)) as failed:
        run_to_end(never, runner)
    return str(failed.value)


def fake_java(folder, said):
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    return str(folder)


def with_jars(folder):
    (folder / "lib").mkdir()
    (folder / "lib" / "beam-runners-flink-1.19-2.62.0.jar").touch()
    return config_file(folder, '[job_server]\njars = "lib"\nflink_master = "[local]"\n')


def test_a_job_server_that_is_not_there_and_is_not_to_be_started_is_named(tmp_path):
    port = free_port()
    said = said_by(config_file(tmp_path, f'job_endpoint = "localhost:{port}"\n'))
    assert f"no job server listens at localhost:{port}: start one there" in said


def test_missing_jars_are_named_with_the_target_that_brings_them(tmp_path):
    said = said_by(config_file(tmp_path, '[job_server]\njars = "lib"\nflink_master = "[local]"\n'))
    assert said == f"the jars of Flink are not in {tmp_path}/lib: run make flink, it needs Maven"


def test_a_cluster_that_is_not_there_is_named(tmp_path):
    port = free_port()
    said = said_by(config_file(tmp_path, f'[job_server]\njars = "lib"\nflink_master = "localhost:{port}"\n'))
    assert f"no Flink cluster listens at localhost:{port}: start one (make flink-cluster)" in said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('openjdk version "21.0.2" 2024-01-16', "is Java 21: Flink needs 11 or 17"),
        ('java version "1.8.0_392"', "is Java 8: Flink needs 11 or 17"),
        ("no version at all", "is no Java that says its version"),
    ],
)
def test_a_wrong_java_is_named_with_what_flink_needs(tmp_path, monkeypatch, said, shown):
    monkeypatch.setenv("JAVA_HOME", fake_java(tmp_path, said))
    assert shown in said_by(with_jars(tmp_path))


def test_a_java_home_without_java_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert said_by(with_jars(tmp_path)).startswith(
        f"there is no Java in JAVA_HOME={tmp_path}/nowhere: install"
    )


def test_a_missing_prism_is_named_with_the_target_that_brings_it(tmp_path):
    text = PORTABLE.replace("PortableRunner", "PrismRunner") + 'prism_location = "prism"\n'
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    said = said_by(str(path))
    assert said == f"there is no Prism at {tmp_path}/prism: run make prism (it needs Go), or name the binary"


def test_the_shipped_file_of_dataflow_asks_to_be_filled_in():
    assert "dataflow: project is still a placeholder: copy runner_config/dataflow.toml" in said_by("dataflow")


def test_a_failure_of_an_engine_is_one_line_and_exit_code_4(tmp_path):
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


def test_a_program_that_ends_at_once_says_where_its_log_is():
    program = Program("the thing", ["sh", "-c", "echo broken; exit 3"])
    with pytest.raises(ServiceError, match="the thing does not start: see") as failed:
        program.wait_for(f"localhost:{free_port()}")
    log = failed.value.remedy.removeprefix("see ")
    with open(log, encoding="utf-8") as file:
        assert file.read() == "broken\n"
    program.stop()
    assert os.path.exists(log)
    os.unlink(log)
    os.rmdir(os.path.dirname(log))


def test_a_job_server_that_listens_already_is_used_and_not_stopped(tmp_path):
    with socket.socket() as server:
        server.bind(("localhost", 0))
        server.listen()
        endpoint = f"localhost:{server.getsockname()[1]}"
        config = load_runner(config_file(tmp_path, f'job_endpoint = "{endpoint}"\n'))
        assert flink.job_endpoint(config) == endpoint
        assert listens(endpoint)
    assert flink._started == {}


def test_the_error_of_a_step_is_told_and_not_that_a_job_failed(tmp_path):
    config = load_runner(config_file(tmp_path, 'job_endpoint = "localhost:1"\n'))

    def job():
        """Fails as on an engine that says no more than that, after a step of another process noted why."""
        with raise_reported(str(tmp_path)), _explained(config):
            with suppress(DataError), report_errors(str(tmp_path)):
                raise DataError("a file is damaged", "restore it")
            failures._of_this_process.clear()
            raise RuntimeError("Pipeline job-001 failed in state FAILED")

    with pytest.raises(DataError, match="a file is damaged: restore it"):
        job()


def test_a_job_that_failed_for_no_reason_of_ours_is_one_line(tmp_path):
    config = load_runner(config_file(tmp_path, 'job_endpoint = "localhost:1"\n'))
    with pytest.raises(ServiceError) as failed, _explained(config):
        raise RuntimeError("Pipeline job-001 failed in state FAILED: a record's value")
    assert str(failed.value) == f"the job failed on {config.name}: see the engine's own log, and run it again"


def interrupted(_element):
    raise KeyboardInterrupt


def test_an_interrupt_while_a_step_works_is_an_interrupt_of_the_run():
    with pytest.raises(KeyboardInterrupt):
        run_to_end(lambda begin: begin | beam.Create([1], reshuffle=False) | "Wait" >> beam.Map(interrupted))
