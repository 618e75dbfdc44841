"""The published cases of how national apps derive and compare intervals.

Those of `cwa_overlap` hold for every rule. The other two families are rules
of apps that no pack follows: it is tested that they differ, and that each
pack says what it leaves out.
"""

import json
from pathlib import Path

import pytest

from pipelines.graph import explain, trace
from pipelines.query import overlaps
from schemas.rules import load_rule, shipped_rules
from tests.lakes import new_lake, person_token, put_cases, put_stays, put_venues
from tests.spec.stay_tables import assert_stays

PUBLISHED = json.loads(
    (Path(__file__).parents[1] / "data" / "contact_rules.json").read_text(encoding="utf-8")
)
OVERLAPS = [(start, end, minutes) for start, end, minutes in PUBLISHED["cwa_overlap"]["rows"]]
DERIVED = [(start, end, interval) for start, end, interval in PUBLISHED["cwa_derive_interval"]["rows"]]
ANY_OVERLAP = 'id = "any"\ntitle = "t"\nsource = "s"\nvalid_from = 2021-01-01\n[contact]\n'


def lake_of(folder, *stays):
    """Put a case at a café over the first interval and others over the rest, one person an interval."""
    lake = new_lake(folder)
    put_venues(lake, "venue_code | type\ncafe | restaurant")
    rows = [f"p{row} | cafe | 10 {enter} | 10 {leave}" for row, (enter, leave) in enumerate(stays)]
    put_stays(lake, "\n".join(["person | venue | enter | exit", *rows]))
    put_cases(lake, "case_id | person | onset_at\nBN-1 | p0 | 10 00:00")
    return lake


def minutes_by_person(lake, rows, column):
    names = {person_token(lake, f"p{number}"): number for number in range(1, 20)}
    assert len({row["person"] for row in rows}) == len(rows)
    return {names[row["person"]]: row[column] / 60 for row in rows}


def test_overlaps_last_as_long_as_corona_warn_app_publishes(tmp_path):
    lake = lake_of(
        tmp_path, PUBLISHED["cwa_overlap"]["infected"], *((start, end) for start, end, _ in OVERLAPS)
    )
    expected = {number: minutes for number, (_, _, minutes) in enumerate(OVERLAPS, 1) if minutes}
    assert (len(OVERLAPS), len(expected)) == (6, 4)
    rule = tmp_path / "any.toml"
    rule.write_text(ANY_OVERLAP, encoding="utf-8")
    traced = trace(lake, "BN-1", str(rule)).to_pylist()
    assert minutes_by_person(lake, traced, "seconds_direct") == expected
    assert minutes_by_person(lake, overlaps(lake, case="BN-1").to_pylist(), "seconds") == expected


def infectious_interval(lake):
    """When the case's stay counts under the pack, as clock times; the other one was there all day."""
    rows = explain(lake, person_token(lake, "p1"), "BN-1", "cwa-2021").to_pylist()
    return [f"{moment:%H:%M}" for moment in (rows[0]["start"], rows[-1]["end"])]


@pytest.mark.parametrize(("start", "end", "published"), DERIVED)
def test_what_corona_warn_app_drops_lengthens_and_snaps_the_pack_takes_as_it_is(
    start, end, published, tmp_path
):
    interval = infectious_interval(lake_of(tmp_path, (start, end), ("08:00", "20:00")))
    hours, minutes = (int(part) for part in end.split(":"))
    assert interval == [start, f"{hours + (minutes + 30) // 60:02}:{(minutes + 30) % 60:02}"]
    assert interval != published
    said = " ".join(load_rule("cwa-2021").omits)
    for words in ("up to 30 minutes, else 30", "under 10 minutes", "grid of 10 minutes"):
        assert words in said


def test_a_stay_ends_neither_at_midnight_nor_at_a_quarter_of_an_hour_as_nhs_covid_19_has_it():
    assert_stays(
        """
        08:07 An café in
        09:04 An shop in
        """,
        """
        An café 08:07 - 09:04 in/left
        An shop 09:04 - 09:34 in/dwell
        """,
    )


@pytest.mark.parametrize("name", shipped_rules())
def test_every_pack_says_that_it_leaves_these_two_families_out(name):
    said = " ".join(load_rule(name).omits)
    assert all(words in said for words in ("nobody scanned out of", "not at midnight", "rounded to a grid"))
