"""A Flink session cluster of two task managers, one of which is killed during a job."""

import json
import os
import signal
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipelines.lake import open_lake, snapshot
from pipelines.maintenance.verify import verify
from pipelines.runtime.engines.cluster import session_cluster
from tests.end_to_end.commands import finished, started
from tests.runtime.engines.engines import flink_file, need_flink
from tests.runtime.engines.same import differences

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 240
PROCESSES = ('environment_type = "PROCESS"', "parallelism = 2")


def inputs(province, lake, runner):
    """Return the arguments of `truyvet run` for a province's first batch."""
    files = province.folder
    words = ["run", "--lake", lake, "--keys", province.keys, "--runner", runner]
    words += ["--scans", files / "scans", "--venues", files / "venues.csv", "--cases", files / "cases.csv"]
    words += ["--encounters", files / "encounters.ndjson", "--declarations", files / "declarations.csv"]
    return [*words, "--now", f"{iso(province.now_us)}"]


def iso(us):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(us // 1_000_000))


def wait_for_pieces(lake, process):
    """Wait until a step of the first job has spilled rows."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1]
        if any(Path(lake).glob("_scratch/run-*/parsed-*")):
            return
        time.sleep(0.02)
    raise AssertionError("no step has spilled rows")


def get(cluster, path):
    with urlopen(f"http://{cluster.address}{path}", timeout=20) as answer:
        return json.load(answer)


def test_a_killed_task_manager_does_not_change_the_lake(province, by_direct, tmp_path):
    need_flink()
    lake = str(tmp_path / "lake")
    with session_cluster(2) as cluster:
        runner = flink_file(tmp_path, cluster.address, *PROCESSES)
        process = started(*inputs(province, lake, runner), TRUYVET_DEBUG="")
        wait_for_pieces(lake, process)
        os.kill(cluster.task_managers[0].pid, signal.SIGKILL)
        assert not list(Path(lake).glob("scans/_delta_log/*.json")), "the kill came too late"
        cluster.add_task_manager()
        done = finished(process)
        assert done.code == 0, done.err  # the province has lines to refuse, so stderr is not empty
        jobs = get(cluster, "/jobs")["jobs"]
        failed = [get(cluster, f"/jobs/{job['id']}/exceptions").get("root-exception") for job in jobs]
        assert any(failed), "no job noticed the kill"
        late = ["run", "--lake", lake, "--keys", province.keys, "--runner", runner]
        late += ["--scans", province.folder / "late", "--now", iso(province.late_us)]
        second = finished(started(*late))
    counts = ("received", "accepted", "duplicate", "rejected", "unregistered", "reasons")
    for report, expected in zip((done.report, second.report), by_direct, strict=True):
        assert {name: report[name] for name in counts} == {name: getattr(expected, name) for name in counts}
    assert differences(lake, province.lake) == []
    assert verify(open_lake(lake)).problems == ()


def test_a_job_that_is_killed_and_run_again_makes_the_same_lake(province, by_direct, tmp_path):
    """The launcher is killed and its job dies with the job server; nothing hinders the second run."""
    need_flink()
    lake = str(tmp_path / "lake")
    process = started(*inputs(province, lake, "flink"), TMPDIR=str(tmp_path))
    wait_for_pieces(lake, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert snapshot(open_lake(lake), "scans").version == -1
    assert finished(started(*inputs(province, lake, "flink"))).code == 0
    late = ["--scans", province.folder / "late", "--now", iso(province.late_us)]
    assert finished(started("run", "--lake", lake, "--keys", province.keys, *late)).code == 0
    assert differences(lake, province.lake) == []
