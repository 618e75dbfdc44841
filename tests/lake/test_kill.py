"""kill -9 in the middle of writes and commits: the lake is at the old version or the new one, and whole."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.lake import read_table, snapshot
from pipelines.maintenance.compact import compact
from pipelines.maintenance.verify import verify
from tests.lake.rows import add_stays, make_lake

WRITER = """
import sys
from pipelines.lake import open_lake, snapshot
from tests.lake.rows import add_stays
lake = open_lake(sys.argv[1])
print("ready", flush=True)
seed = int(sys.argv[2])
while True:
    add_stays(lake, seed=seed, marks={"scans_version": seed})
    print(snapshot(lake, "stays").version, flush=True)
    seed += 1
"""


def kill_while_writing(lake, seed, seconds):
    """Let a writer commit for a while and kill it; the last version that it was told is durable."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, lake.url, str(seed)], stdout=subprocess.PIPE, text=True
    ) as writer:
        writer.stdout.readline()
        time.sleep(seconds)
        os.kill(writer.pid, signal.SIGKILL)
        told = writer.stdout.read().split()
    return int(told[-1]) if told else -1


@pytest.mark.parametrize("kills", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_kill_leaves_the_old_version_or_the_new_one(tmp_path, kills):
    lake = make_lake(tmp_path)
    told = -1
    for kill in range(kills):
        # A commit takes about 20 ms, so the kills hit every part of one.
        told = max(told, kill_while_writing(lake, 1000 * kill, 0.02 + 0.013 * (kill % 20)))
        now = snapshot(lake, "stays")
        assert now.version >= told
        assert len(now.files) == 2 * (now.version + 1)
        assert read_table(lake, "stays", ["stay_id"]).num_rows == 80 * (now.version + 1)
    assert [found for found in verify(lake).problems if "later version" not in found.problem] == []
    add_stays(lake, seed=999)
    compact(lake, keep_seconds=0)
    left = [name for _, _, names in os.walk(lake.url) for name in names if name.startswith("_tmp-")]
    assert left == []
    assert len([name for _, _, names in os.walk(lake.url) for name in names if name.startswith("part-")]) == 2


def test_a_writer_that_is_stopped_before_its_commit_has_changed_nothing(tmp_path):
    lake = make_lake(tmp_path)
    code = (
        "import os, sys; from pipelines.lake import commits, open_lake\n"
        "from tests.lake.rows import add_stays\n"
        "commits._write_entry = lambda *args: os.kill(os.getpid(), 9)\n"
        "add_stays(open_lake(sys.argv[1]))"
    )
    ended = subprocess.run([sys.executable, "-c", code, lake.url], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert snapshot(lake, "stays").version == -1
    assert verify(lake).problems == ()
    add_stays(lake)
    assert read_table(lake, "stays").num_rows == 80
