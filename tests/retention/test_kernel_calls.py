"""Killed at a call of the kernel that changes the disk, an erasure, a purge or a rotation ends right.

Some calls of each are killed in earnest. An erasure is stopped at every call too, and the disk is copied as
it is then, which is what a kill there leaves: so one run serves for all kills, and a disk that the calls
before left no other need not be tried again.
"""

import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from pipelines.lake import open_lake, snapshot
from pipelines.privacy.keys import load_keys, token
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import truyvet
from tests.end_to_end.test_interruptions import Zygote
from tests.end_to_end.worlds import BEGIN_US, rfc3339
from tests.retention.eager_runner import eager_runs
from tests.retention.forgetting import Home, differences, places_of, tables_of
from tests.retention.test_erase import busiest
from tests.retention.test_purge import PURGE
from tests.retention.test_rotate import renamed, without_ties

KILLS = 24
"""Of each command, evenly spread over its calls."""

PARTS = 5
"""Of the test that takes all calls of an erasure."""

CARD = "cccd:051200000009"
NO_CALL = 1 << 40


@pytest.fixture(scope="module")
def zygote(shared_folder):
    """A warm process whose children count their calls."""
    if shutil.which("gcc") is None:
        pytest.skip("NO ERASURE IS KILLED AT A CALL OF THE KERNEL: gcc is not here")
    counter = shared_folder / "kill_at_call.so"
    source = Path(__file__).with_name("kill_at_call.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", counter, source, "-ldl"], check=True)
    made = Zygote(shared_folder, LD_PRELOAD=str(counter))
    yield made
    made.close()


@pytest.fixture(scope="module")
def made(shared_folder):
    """A small lake of every input and its home."""
    home, whole = Home(shared_folder, 23, size=2), shared_folder / "whole"
    home.inputs = without_ties(home)
    (person,) = busiest(home)
    seen = {"seen_at": rfc3339(BEGIN_US), "source": "personal_qr", "self": True}
    home.inputs.links[:] = [{"person_a": CARD, "person_b": person, **seen}]
    with eager_runs():
        home.run(whole, home.inputs)
        home.contacts(whole)
    shutil.copytree(home.keys, shared_folder / "whole.keys")
    return home, person


class Killing:
    """A command that is killed and run again, on copies of one lake and its keys."""

    def __init__(self, zygote, home, words):
        self._zygote, self._home, self.lake = zygote, home, home.folder / "lake"
        name, *flags = words
        self._words = (name, "--lake", self.lake, "--keys", home.keys, *flags)

    def renew(self):
        """Put the lake and its keys back."""
        for path in (self.lake, self._home.keys, Path(f"{self.lake}.ledger")):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self._home.folder / "whole", self.lake)
        shutil.copytree(self._home.folder / "whole.keys", self._home.keys)

    def run(self, call, **order):
        """Run the command, killed at a call of a number; its exit code."""
        self._zygote.start(*self._words, call=call, calls=str(self._home.folder / "calls"), **order)
        done = self._zygote.wait()
        assert done.code in (0, -signal.SIGKILL), done.err
        return done.code

    def calls(self):
        """Run the command to its end; how many calls it made."""
        self.renew()
        assert self.run(NO_CALL, rehearse=str(self._home.folder / "kernels")) == 0
        self.renew()
        assert self.run(NO_CALL) == 0
        return int((self._home.folder / "calls").read_text())

    def stops(self, calls):
        """Run the command and yield the number of each of some calls, before which it is stopped."""
        child = self._zygote.start(*self._words, call=-calls.start, calls=str(self._home.folder / "calls"))
        for number, _ in enumerate(self._zygote.stops(), calls.start):
            if number in calls:
                yield number
            else:
                os.kill(child, signal.SIGKILL)


class Disks:
    """Copies of what a command that is stopped has on the disk."""

    def __init__(self, home):
        self._home, self._copy, self._last, self._known = home, home.folder / "copy", None, {}
        self.keys, self.tried = self._copy / "keys", 0

    def copied(self):
        """Copy the lake and what lies beside it; the copy, None where all is as it was at the last one."""
        folders = [self._home.folder / name for name in ("lake", "lake.ledger", "keys")]
        held = [(path, path.stat().st_mode) for folder in folders for path in folder.rglob("*")]
        now = {path: (mode, path.is_file() and path.read_bytes()) for path, mode in held}
        if now == self._last:
            return None
        self._last, self.tried = now, self.tried + 1
        shutil.rmtree(self._copy, ignore_errors=True)
        for folder in filter(Path.exists, folders):
            shutil.copytree(folder, self._copy / folder.name)
        return self._copy / "lake"

    def rows_of(self, lake):
        """What `tables_of` returns; live files of the same names and bytes are read once."""
        live = {name: snapshot(open_lake(str(lake)), name).files for name in ALL_TABLES}
        files = [(name, file.relative, Path(file.path).read_bytes()) for name in live for file in live[name]]
        found = self._known.get(key := tuple(files))
        if found is None:
            found = self._known[key] = tables_of(lake)
        return found


def erasing(home, person):
    tokens = [token(load_keys(home.keys), one) for one in (person, CARD)]
    words = ("erase", "--person", person, "--linked", "--decision", "d")
    return words, tables_of, lambda lake: [places_of(lake, one) for one in tokens] == [[], []]


def purging(_home, _person):
    return PURGE, tables_of, lambda _lake: True


def rotating(home, _person):
    return (
        ("rotate", "--authority-key", home.keys / "authority.key"),
        lambda lake: renamed(home, lake),
        lambda lake: not [*lake.parent.glob(".*"), *home.keys.glob("_n*"), *home.keys.glob("_tmp*")],
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", [erasing, purging, rotating])
def test_killed_at_a_call_the_next_one_finishes(zygote, made, capsys, command):
    home, person = made
    words, rows_of, is_clean = command(home, person)
    killing, ends = Killing(zygote, home, words), Counter()
    calls = killing.calls()
    expected = rows_of(killing.lake)
    assert is_clean(killing.lake)
    for kill in range(KILLS):
        at = 1 + kill * calls // KILLS
        killing.renew()
        ends[killing.run(at)] += 1
        assert killing.run(NO_CALL) == 0
        assert differences(rows_of(killing.lake), expected) == [], at
        assert is_clean(killing.lake), at
        if kill % 8 == 0:
            assert truyvet("verify", "--lake", killing.lake).code == 0, at
    with capsys.disabled():
        killed = ends[-signal.SIGKILL]
        print(
            f"\n{words[0]}: killed at {killed} of {calls} calls that change the disk, all end right", end=" "
        )
    assert killed >= KILLS * 9 // 10


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_call_of_an_erasure_the_next_one_finishes(zygote, made, capsys, part):
    home, person = made
    words, rows_of, is_clean = erasing(home, person)
    killing, disks, killed = Killing(zygote, home, words), Disks(home), 0
    calls = killing.calls()
    expected = rows_of(killing.lake)
    begin, end = (1 + number * calls // PARTS for number in (part, part + 1))
    killing.renew()
    with eager_runs():
        for number in killing.stops(range(begin, end if part + 1 < PARTS else NO_CALL)):
            killed += 1
            if lake := disks.copied():
                assert truyvet(words[0], "--lake", lake, "--keys", disks.keys, *words[1:]).code == 0, number
                assert differences(disks.rows_of(lake), expected) == [], number
                assert is_clean(lake), number
                if disks.tried % 8 == 0:
                    assert truyvet("verify", "--lake", lake).code == 0, number
    with capsys.disabled():
        print(
            f"\n{words[0]}: killed at {killed} of {calls} calls that change the disk, from {begin} on, "
            f"which leave {disks.tried} disks: all end right",
            end=" ",
        )
    assert killed >= end - begin - 9  # of its last part, in which two runs may differ
