"""Every call of a commit into the kernel fails once in turn, delta-rs included: old or new, never a third."""

import multiprocessing
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from pipelines.errors import TruyVetError
from pipelines.lake import CommitConflict, open_lake, read_table, snapshot
from pipelines.maintenance.verify import verify
from tests.lake.rows import add_stays, make_lake

CALLS = (
    *("openat", "write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "copy_file_range"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir"),
)
PATIENCE_SECONDS, HANGING_SECONDS = 20, 3


def one_commit(url, seed, begin):
    """In a process of its own: wait until it is traced, then commit."""
    lake = open_lake(url)
    begin.recv()
    try:
        add_stays(lake, seed=seed)
    except (TruyVetError, CommitConflict, OSError):
        return


@pytest.fixture(scope="module")
def forks():
    """Processes forked from one that has imported all and started nothing: tokio bears no fork."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.lake.test_kernel_calls"])
    return context


def commit_that_fails(forks, lake, seed, injection, log):
    """Commit while a call fails; whether it was reached."""
    begin, end = forks.Pipe()
    process = forks.Process(target=one_commit, args=(lake.url, seed, end))
    process.start()
    words = ["strace", "-f", "-qq", "-p", str(process.pid), "-o", str(log), "-e", f"inject={injection}"]
    with subprocess.Popen(words) as tracer:
        until = time.monotonic() + PATIENCE_SECONDS
        status = Path(f"/proc/{process.pid}/status")
        while f"TracerPid:\t{tracer.pid}\n" not in status.read_text():
            assert tracer.poll() is None, "strace cannot trace here"
            assert time.monotonic() < until, "strace does not begin"
            time.sleep(0.005)
        begin.send(True)
        process.join(HANGING_SECONDS)
        process.kill()  # tokio waits for ever when it cannot wake its own threads, which no disk does to it
    said = log.read_text()
    return "INJECTED" in said or "killed by SIGKILL" in said


@pytest.mark.slow
@pytest.mark.parametrize("injection", ["error=ENOSPC", "error=EIO", "signal=KILL"])
def test_whichever_call_fails_the_table_is_old_or_new_and_the_next_commit_goes_on(tmp_path, forks, injection):
    if shutil.which("strace") is None:
        pytest.skip("NO CALL INTO THE KERNEL IS MADE TO FAIL: strace is not here")
    lake = make_lake(tmp_path / "lake")
    add_stays(lake, seed=1)
    seed = failed = reached = 0
    hit = True
    for call, at in ((call, at) for call in CALLS for at in range(1, 200)):
        if at > 1 and not hit:
            continue  # that many calls of this kind there are not
        seed += 1
        before = snapshot(lake, "stays").version
        hit = commit_that_fails(forks, lake, 1 + seed, f"{call}:{injection}:when={at}", tmp_path / "log")
        after = snapshot(lake, "stays").version
        assert after in ((before, before + 1) if hit else (before + 1,))
        assert read_table(lake, "stays", ["stay_id"]).num_rows == 80 * (after + 1)
        reached += hit
        failed += after == before
    assert 100 < reached < 1000
    assert 0 < failed < reached
    add_stays(lake, seed=999)
    assert snapshot(lake, "stays").version == after + 1
    assert [found for found in verify(lake).problems if "later version" not in found.problem] == []
