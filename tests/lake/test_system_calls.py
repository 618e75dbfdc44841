"""Every system call of a commit fails once in turn: the table is the old or the new one, never a third."""

import builtins
import contextlib
import errno
import os

import pytest

from pipelines.errors import ServiceError
from pipelines.lake import CommitConflict, read_table, snapshot
from pipelines.maintenance.verify import verify
from tests.lake.rows import add_stays, make_lake

CALLS = ("open", "fsync", "rename", "replace", "link", "chmod", "mkdir", "stat")


class Failing:
    """Lets the call of a number fail, of all calls below a folder."""

    def __init__(self, monkeypatch, folder, fails_at, error):
        self.count = 0
        self.failed = ""
        for owner, name in [(os, name) for name in CALLS] + [(builtins, "open")]:
            monkeypatch.setattr(
                owner, name, self._wrapped(getattr(owner, name), name, folder, fails_at, error)
            )

    def _wrapped(self, call, name, folder, fails_at, error):
        def wrapped(path, *words, **named):
            if isinstance(path, int) or str(path).startswith(folder):
                self.count += 1
                if self.count == fails_at:
                    self.failed = name
                    raise OSError(error, os.strerror(error))
            return call(path, *words, **named)

        return wrapped


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_whichever_call_of_a_commit_fails_the_table_is_old_or_new(tmp_path, error):
    lake = make_lake(tmp_path)
    add_stays(lake, seed=1)
    tried = set()
    for fails_at in range(1, 400):
        before = snapshot(lake, "stays").version
        with pytest.MonkeyPatch.context() as patched:
            failing = Failing(patched, str(tmp_path), fails_at, error)
            with contextlib.suppress(ServiceError, CommitConflict, OSError):
                add_stays(lake, seed=1 + fails_at)
        tried.add(failing.failed)
        after = snapshot(lake, "stays").version
        assert after in (before, before + 1)
        assert read_table(lake, "stays", ["stay_id"]).num_rows == 80 * (after + 1)
        if not failing.failed:
            break
    assert not failing.failed, "a commit has more calls than were tried"
    assert {"open", "fsync"} <= tried
    assert [found for found in verify(lake).problems if "later version" not in found.problem] == []
