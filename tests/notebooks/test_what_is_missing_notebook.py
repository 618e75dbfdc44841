"""The notebook of coverage and stability runs where the share of visits is known, and where it is not."""

import re

import pytest

from pipelines.drivers.recompute import bring_up_to_date
from tests.graph.meetings import put_encounters
from tests.lakes import new_lake, put_cases, put_scans, put_venues
from tests.notebooks.running import (
    assert_kept_outputs_are_whole,
    assert_no_logic,
    has_picture,
    run_on,
    said,
)


def lake_of(tmp_path, partners):
    """A case and three others at a café; Bluetooth met `partners` there, of whom those three scanned."""
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\ncafe | restaurant")
    scanned = ["an", "p0", "p1", "p2"]
    put_scans(
        lake,
        [
            {"person": who, "venue": "cafe", "direction": way, "occurred_at": at}
            for who in scanned
            for way, at in (("in", "10 08:00"), ("out", "10 10:00"))
        ],
    )
    bring_up_to_date(lake)
    put_cases(lake, "case_id | person | onset_at\nBN-1 | an | 11 00:00")
    met = [
        {"person_a": "an", "person_b": f"p{number}", "started_at": "10 08:30", "ended_at": "10 09:30"}
        for number in range(partners)
    ]
    if met:
        put_encounters(lake, met)
    return lake


def test_the_notebook_shows_the_share_of_visits_and_the_stability_of_a_list(tmp_path, monkeypatch):
    cells = run_on("what_is_missing", lake_of(tmp_path, 30), monkeypatch)
    assert [name for name in cells if has_picture(cells[name])] == ["shares", "firm"]
    assert "restaurant     30  0.1" in said(cells["coverage"])  # 3 of 30
    assert re.search(r"│ +3 │ +300.0 │", said(cells["interval"]))
    assert "of 3 rows expect to lose" in said(cells["stability"])
    assert re.search(r"│ cafe +│ +3 │", said(cells["where"]))


@pytest.mark.slow
def test_it_runs_where_nothing_is_identifiable(tmp_path, monkeypatch):
    cells = run_on("what_is_missing", lake_of(tmp_path, 0), monkeypatch)
    assert "not identifiable from scans" in said(cells["coverage"])
    assert "NULL" in said(cells["interval"])


def test_its_outputs_are_kept_and_it_holds_no_logic():
    assert_kept_outputs_are_whole("what_is_missing")
    assert_no_logic("what_is_missing")
