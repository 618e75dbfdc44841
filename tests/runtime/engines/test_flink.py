"""Embedded Flink makes the direct runner's lake, row by row and in both orders, with the same metrics."""

import subprocess

import pytest

from pipelines import metrics
from pipelines.lake import open_lake
from pipelines.maintenance.verify import verify
from pipelines.runtime.engines import flink
from pipelines.runtime.engines.config import load_runner
from pipelines.runtime.job_metrics import collect_metrics
from tests.end_to_end.commands import finished, started
from tests.runtime.engines.engines import need_flink
from tests.runtime.engines.same import comparable, differences


def test_flink_makes_the_lake_of_the_direct_runner_and_counts_the_same(
    province, by_direct, metrics_by_direct, tmp_path
):
    need_flink()
    lake = str(tmp_path / "lake")
    try:
        with collect_metrics() as found:
            assert province.land(lake, "flink") == by_direct
        job_server = load_runner("flink").job_server
        pid = flink._started[job_server][0].pid
        assert len(flink._started) == 1, "one job server serves all jobs of a process"
    finally:
        flink.stop_all()
    assert subprocess.run(["kill", "-0", str(pid)], capture_output=True, check=False).returncode != 0
    assert differences(lake, province.lake) == []
    assert verify(open_lake(lake)).problems == ()
    assert comparable(found) == comparable(metrics_by_direct)
    assert found.distributions[metrics.FILE_BYTES].count == found.counters[metrics.FILES_WRITTEN]


@pytest.mark.slow
def test_an_unreadable_file_gives_the_same_single_line_on_flink(tmp_path):
    need_flink()
    (tmp_path / "scans.ndjson.gz").write_bytes(b"no gzip \x00 MARKER")
    results = []
    for runner in ("direct", "flink"):
        words = (
            "run",
            "--lake",
            tmp_path / runner,
            "--scans",
            tmp_path / "scans.ndjson.gz",
            "--runner",
            runner,
        )
        done = finished(started(*words, TMPDIR=str(tmp_path)))
        results.append((done.code, done.out, done.err))
    assert results[0] == results[1]
    code, out, err = results[0]
    assert (code, out, err.count("\n")) == (3, "", 1)
