"""Embedded Flink: the lake it makes is the direct runner's, row by row and order by order."""

import subprocess

from pipelines.lake import open_lake
from pipelines.maintenance.verify import verify
from pipelines.runtime.engines import flink
from pipelines.runtime.engines.config import load_runner
from tests.end_to_end.commands import finished, started
from tests.runtime.engines.engines import need_flink
from tests.runtime.engines.same import differences


def test_the_lake_that_flink_makes_is_the_one_of_the_direct_runner(province, by_direct, tmp_path):
    need_flink()
    lake = str(tmp_path / "lake")
    try:
        assert province.land(lake, "flink") == by_direct
        wanted = load_runner("flink").job_server
        pid = flink._started[wanted][0].pid
        assert len(flink._started) == 1, "one job server serves all jobs of a process"
    finally:
        flink.stop_all()
    assert subprocess.run(["kill", "-0", str(pid)], capture_output=True, check=False).returncode != 0
    assert differences(lake, province.lake) == []
    assert verify(open_lake(lake)).problems == ()


def test_a_file_that_cannot_be_read_is_the_same_one_line_on_flink(tmp_path):
    need_flink()
    (tmp_path / "scans.ndjson.gz").write_bytes(b"no gzip \x00 MARKER")
    said = []
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
        said.append((done.code, done.out, done.err))
    assert said[0] == said[1]
    assert (said[0][0], said[0][1], said[0][2].count("\n")) == (3, "", 1)
