"""What an answer rests on: how much was imputed, unregistered and rejected."""

from dataclasses import replace

import pytest

from pipelines.graph.answer_quality import NOT_SAFETY, Basis
from pipelines.query import basis_of
from tests.lakes import at, new_lake, put_rejects, put_scans, put_stays, put_venues

STAYS = """
    person | venue | enter   | exit    | enter_kind | exit_kind | last_seen
    an     | cafe  | 1 08:00 | 1 10:00 | scanned    | scanned   |
    an     | shop  | 2 08:00 | 2 09:00 | scanned    | scanned   |
    binh   | cafe  | 1 20:00 | 1 22:00 | scanned    | default   | 1 21:00
    chi    | cafe  | 3 08:00 | 3 09:00 | imputed    | scanned   |
    dung   | bank  | 1 08:00 | 1 18:00 | imputed    | scanned   |
"""
SCANS = """
    person | venue | occurred_at
    an     | cafe  | 1 08:00
    an     | stall | 1 11:00
    binh   | stall | 2 11:00
    an     | shop  | 4 08:00
    chi    | shop  | 4 09:00
    an     | cafe  | 5 10:00:00.5
"""
VENUES = """
    venue_code | type       | closed_at
    cafe       | restaurant |
    shop       | shop       | 4 08:30
    bank       | office     |
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_scans(lake, SCANS)
    put_rejects(lake, "reason|source\nmalformed|scans\ntoo_old|scans\nbad_time|cases")
    put_stays(lake, STAYS)
    return lake


def test_a_basis_counts_the_stays_at_the_venues_of_the_person(lake):
    basis = basis_of(lake, "device:an")
    assert (basis.venues, basis.stays) == (2, 4)
    assert (basis.seconds, basis.seconds_imputed) == (6 * 3600, 2 * 3600)
    assert basis.share_imputed == pytest.approx(1 / 3)


def test_a_basis_is_clipped_to_the_time_asked_about(lake):
    basis = basis_of(lake, "device:an", from_="2021-07-01T09:00:00Z", to="2021-07-01T21:30:00Z")
    assert (basis.venues, basis.stays) == (1, 2)
    assert (basis.seconds, basis.seconds_imputed) == (2.5 * 3600, 1800)


def test_a_basis_counts_scans_of_places_not_registered_or_closed_by_then(lake):
    basis = basis_of(lake, "device:an")
    assert (basis.unregistered, basis.unregistered_own) == (3, 1)
    later = basis_of(lake, "device:an", from_="2021-07-02T00:00:00Z", to="2021-07-04T09:00:00Z")
    assert (later.unregistered, later.unregistered_own) == (1, 0)


def test_a_basis_counts_refused_records_of_scans_alone(lake):
    assert basis_of(lake, "device:an").rejected == 2


def test_a_basis_names_versions_and_the_last_scan(lake):
    basis = basis_of(lake, "device:an")
    assert (basis.scans_version, basis.stays_version) == (0, 0)
    assert basis.last_scan_us == at("5 10:00:00.5")
    put_scans(lake, "person|venue|occurred_at\nan|cafe|6 08:00")
    behind = basis_of(lake, "device:an")
    assert (behind.scans_version, behind.stays_version) == (1, 0)
    assert any("run truyvet recompute" in line for line in behind.lines(1))
    assert not any("recompute" in line for line in basis.lines(1))


def test_a_person_unknown_to_the_lake_has_a_basis(lake):
    basis = basis_of(lake, "device:nobody")
    assert (basis.venues, basis.stays, basis.share_imputed) == (0, 0, 0.0)
    assert basis.unregistered == 3


def test_an_empty_lake_has_a_basis(tmp_path):
    basis = basis_of(new_lake(tmp_path), "device:an")
    assert basis == Basis(-1, -1, None, 0, 0, 0, 0, 0, 0, 0)
    assert next(basis.lines(0)) == "lake version -1, last scan never"


def test_an_empty_answer_is_said_to_be_no_safety(lake):
    basis = basis_of(lake, "device:an")
    assert list(basis.lines(0))[-1] == NOT_SAFETY
    assert NOT_SAFETY not in list(basis.lines(3))


def test_the_lines_say_it_in_local_time(lake):
    basis = replace(basis_of(lake, "device:an"), stays=1234, seconds=100, seconds_imputed=25)
    assert list(basis.lines(1)) == [
        "lake version 0, last scan 2021-07-05 17:00:00+07:00",
        "at the 2 venues concerned 25% of the time in 1,234 stays is imputed",
        "3 scans name no registered venue, 1 of them this person's; 2 scan records were rejected",
    ]
