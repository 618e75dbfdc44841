"""Embedded Flink: the lake it makes is the direct runner's, row by row and order by order."""

import subprocess

import pytest

from pipelines.lake import open_lake
from pipelines.lake.verify import verify
from pipelines.runners import flink
from pipelines.runners.config import load_runner
from tests.runners.engines import need_flink
from tests.runners.same import differences


# Beam's threads complain when the stream that they read is closed, which is how a job ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
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
