"""The unregistered scans beside `scans`: by the registry of now, whatever lies there."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.lake import read_live_file, snapshot
from pipelines.lake.sidecars import sidecar_file
from pipelines.lake.sidecars.sidecar_file import sidecar_path
from pipelines.maintenance.compact import compact
from pipelines.maintenance.verify import verify
from pipelines.registry.unregistered_scans import (
    check,
    count_unregistered,
    open_unregistered,
    registry_of,
)
from schemas.tables import SCANS
from tests.lakes import at, new_lake, person_token, put_scans, put_stays, put_venues
from tests.maintenance.damage import UNFIT, each_flipped

TWO_DAYS = """
    person | venue | occurred_at
    an     | cafe  | 1 08:00
    an     | stall | 1 11:00
    binh   | stall | 1 12:00
    an     | stall | 1 13:00
    binh   | stall | 2 11:00
    an     | shop  | 2 08:00
    chi    | shop  | 2 09:00
"""
VENUES = """
    venue_code | type       | closed_at
    cafe       | restaurant |
    shop       | shop       | 2 08:30
"""
ALWAYS = (-(2**62), 2**62)


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_scans(lake, TWO_DAYS)
    return lake


def live_files(lake):
    return snapshot(lake, "scans").files


def rows_of(live):
    return read_live_file(live, SCANS.file_schema)


def counted(lake, begin=ALWAYS[0], end=ALWAYS[1]):
    return count_unregistered(lake, begin, end, person_token(lake, "an"))


def found_in(lake):
    """(person, instant) of every unregistered scan, file by file."""
    found = []
    for live in live_files(lake):
        columns = open_unregistered(live, registry_of(lake))
        found.append(list(zip(columns.person.tolist(), columns.occurred_us.tolist(), strict=True)))
    return found


def test_scans_of_unknown_and_of_closed_places_are_counted_and_those_of_one_person_apart(lake):
    assert counted(lake) == (5, 2)
    assert count_unregistered(lake, *ALWAYS) == (5, 0)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("1 11:00", "1 13:00", (2, 1)),
        ("1 11:00:01", "1 13:00:01", (2, 1)),
        ("1 13:00", "2 09:00", (1, 1)),
        ("2 00:00", "3 00:00", (2, 0)),
        ("3 00:00", "4 00:00", (0, 0)),
    ],
)
def test_those_of_a_time_are_counted_from_its_first_instant_up_to_its_end(lake, begin, end, expected):
    assert counted(lake, at(begin), at(end)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stall | shop |", (1, 0)),
        ("stall | shop | 1 12:30", (3, 1)),
        ("bank  | office |", (5, 2)),
    ],
)
def test_a_place_registered_after_its_scans_counts_as_it_is_registered_now(lake, line, expected):
    assert counted(lake) == (5, 2)
    put_venues(lake, f"{VENUES}    {line}")
    assert counted(lake) == expected


def test_a_place_closed_after_its_scans_came_takes_those_of_later_instants_out(lake):
    assert counted(lake) == (5, 2)
    put_venues(lake, VENUES.replace("restaurant |", "restaurant | 1 08:00"))
    assert counted(lake) == (6, 3)


def test_of_a_file_without_one_that_is_found_once(lake):
    put_venues(lake, f"{VENUES.replace('2 08:30', '')}    stall | shop |")
    assert counted(lake) == (0, 0)
    written = {path: path.stat().st_ino for path in (sidecar_path(live.path) for live in live_files(lake))}
    assert found_in(lake) == [[], []]
    assert {path: path.stat().st_ino for path in written} == written


def test_without_a_registry_no_scan_is_registered(tmp_path):
    lake = new_lake(tmp_path)
    assert counted(lake) == (0, 0)
    put_scans(lake, TWO_DAYS)
    assert counted(lake) == (7, 4)


@pytest.mark.parametrize("spoil", [pytest.param(Path.unlink, id="missing"), *UNFIT])
def test_what_lies_beside_a_file_is_made_again_where_it_is_unfit(lake, spoil):
    before = found_in(lake)
    assert sum(len(of_file) for of_file in before) == 5
    for live in live_files(lake):
        spoil(sidecar_path(live.path))
    assert found_in(lake) == before
    assert all(sidecar_path(live.path).exists() for live in live_files(lake))


def test_an_emptied_sidecar_is_found_by_verify_and_made_again_by_readers(lake):
    before = found_in(lake)
    live = live_files(lake)[0]
    content = sidecar_path(live.path).read_bytes()
    arrow = pa.ipc.open_file(content[: content.rindex(b"ARROW1") + 6]).read_all()
    sidecar_file._write(arrow.slice(0, 0), sidecar_path(live.path))
    assert check(live, rows_of(live), registry_of(lake)) == "sidecar is not what its file makes it"
    assert found_in(lake) == before
    assert check(live, rows_of(live), registry_of(lake)) is None


def test_no_flipped_byte_beside_scans_changes_what_is_found(lake):
    before = found_in(lake)
    live = live_files(lake)[0]
    for _ in each_flipped(sidecar_path(live.path)):
        assert found_in(lake) == before


def test_a_lake_that_cannot_be_written_is_counted_all_the_same(lake):
    folders = {sidecar_path(live.path).parent for live in live_files(lake)}
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert counted(lake) == (5, 2)
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_verify_tells_what_lies_beside_scans_from_what_should(lake):
    put_stays(lake, "person|venue|enter|exit\nan|cafe|1 08:00|1 09:00")
    found_in(lake)
    assert verify(lake).problems == ()
    live = live_files(lake)[0]
    path = sidecar_path(live.path)
    whole = path.read_bytes()
    at_value = whole.index(at("1 11:00").to_bytes(8, "little", signed=True))
    path.write_bytes(whole[:at_value] + bytes(8) + whole[at_value + 8 :])
    assert [(problem.table, problem.problem) for problem in verify(lake).problems] == [
        ("scans", "sidecar is not what its file makes it")
    ]
    put_venues(lake, f"{VENUES}    stall | shop |")  # now it is of a registry before, and nobody reads it
    assert check(live, rows_of(live), registry_of(lake)) is None
    assert counted(lake) == (1, 0)


def test_joined_files_have_theirs_beside_them(lake):
    put_scans(lake, TWO_DAYS.replace(":00", ":20"))
    before = counted(lake)
    put_stays(lake, "person|venue|enter|exit\nan|cafe|1 08:00|1 09:00")
    compact(lake)
    assert len(live_files(lake)) == 2
    assert all(sidecar_path(live.path).exists() for live in live_files(lake))
    assert counted(lake) == before
