"""The law "as if never received" in 300 random worlds, for erasures and for purges.

Worlds in one lake share neither venue nor visitor. A lake holds from one to five, and of each a person is
erased, so tables lose some rows, whole files, or all that they have.
"""

import json

import pytest

from pipelines.privacy.keys import load_keys, token
from tests.end_to_end.commands import truyvet
from tests.retention.eager_runner import eager_runs
from tests.retention.forgetting import Home, differences, places_of, tables_of
from tests.retention.test_erase import named, without
from tests.retention.test_purge import PURGE, remains

PARTS, LAKES_A_PART = 10, 10
WORLDS_OF_A_LAKE = (1, 2, 3, 4, 5)


def rows_of(lake):
    """What a lake holds, without what hangs on which of two copies of a scan comes first."""
    return tables_of(lake, free=("scan_mode", "scanner", "authenticity"))


def one_of_each_world(home):
    """A visitor of each world, the one with the most scans; a venue is called after its world."""
    scans = {}
    for scan in home.inputs.scans:
        world = scan["venue"].split()[1].split("-")[0]
        scans.setdefault(world, []).extend(named(scan))
    return [max(sorted(set(visitors)), key=visitors.count) for _, visitors in sorted(scans.items())]


def erased_unlike_never_received(folder, seed, size):
    """Erase somebody of each world; what differs, then and after all has been delivered again."""
    home, lake, other = Home(folder, seed, size), folder / "lake", folder / "other"
    persons = one_of_each_world(home)
    assert len(persons) == size
    home.run(lake, home.inputs, batches=1 + seed % 2)
    home.contacts(lake)
    home.run(other, without(home, persons))
    home.contacts(other)
    words = ("erase", "--keys", home.keys, "--lake", lake, "--decision", "d", "--person", *persons)
    done = truyvet(*words, "--format", "json")
    assert done.code == 0, done.err
    assert {row["table"]: row["rows_removed"] for row in json.loads(done.out)}["scans"] >= size
    expected = rows_of(other)
    found = differences(rows_of(lake), expected)
    report = home.run(lake, home.inputs)[0]
    assert (report["accepted"], report["reasons"]["erased"] >= size) == (0, True)
    keys = load_keys(home.keys)
    left = [places_of(lake, token(keys, one), [one.partition(":")[2].encode()]) for one in persons]
    return found + differences(rows_of(lake), expected) + [places for places in left if places]


def purged_unlike_never_received(folder, seed, size):
    """Purge the older half; what differs, then and after all has been delivered again."""
    home, lake, other = Home(folder, seed, size), folder / "lake", folder / "other"
    home.run(lake, home.inputs, batches=1 + seed % 2)
    home.contacts(lake)
    home.run(other, home.inputs.only(remains))
    home.contacts(other)
    done = truyvet(*PURGE, "--lake", lake)
    assert done.code == 0, done.err
    assert sum(row["rows_removed"] for row in json.loads(done.out)) > 0
    expected = rows_of(other)
    found = differences(rows_of(lake), expected)
    assert home.run(lake, home.inputs)[0]["accepted"] == 0
    return found + differences(rows_of(lake), expected)


@pytest.mark.slow
@pytest.mark.parametrize("law", [erased_unlike_never_received, purged_unlike_never_received])
@pytest.mark.parametrize("part", range(PARTS))
def test_thirty_worlds_are_as_if_what_is_forgotten_had_never_come(folder, capsys, law, part):
    worlds, unlike = 0, []
    with eager_runs():
        for number in range(LAKES_A_PART):
            seed, size = 1000 + part * LAKES_A_PART + number, WORLDS_OF_A_LAKE[number % 5]
            (folder / str(seed)).mkdir()
            found = law(folder / str(seed), seed, size)
            unlike += [(seed, found)] if found else []
            worlds += size
    with capsys.disabled():
        what = law.__name__.partition("_")[0]
        print(f"\n{what}: {worlds} random worlds in {LAKES_A_PART} lakes, {len(unlike)} differences", end=" ")
    assert (worlds, unlike) == (30, [])


@pytest.mark.slow
def test_lakes_are_those_of_the_direct_runner(folder):
    home = Home(folder, 0)
    home.run(folder / "direct", home.inputs, batches=2)
    home.contacts(folder / "direct")
    with eager_runs():
        home.run(folder / "eager", home.inputs, batches=2)
        home.contacts(folder / "eager")
    one, other = tables_of(folder / "direct"), tables_of(folder / "eager")
    assert {"scans", "stays", "footfall", "contacts", "encounters", "humans"} <= one.keys()
    assert differences(one, other) == []
