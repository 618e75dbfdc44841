"""The notebook of an outbreak runs on a lake from its first cell to its last."""

import pytest

from tests.graph.lakes import put_footfall
from tests.lakes import new_lake, put_cases, put_stays, put_venues
from tests.notebooks.running import (
    assert_kept_outputs_are_whole,
    assert_no_logic,
    has_picture,
    run_on,
    said,
)

STAYS = """
    person | venue | enter    | exit
    an     | cafe  | 08 01:00 | 08 03:00
    binh   | cafe  | 08 01:30 | 08 03:00
    an     | shop  | 10 01:00 | 10 03:00
    chi    | shop  | 10 02:00 | 10 04:00
    chi    | cafe  | 12 01:00 | 12 03:00
    dung   | cafe  | 12 02:00 | 12 04:00
"""
CASES = """
    case_id | person | onset_at | sampled_at
    BN-1    | an     | 11 00:00 | 11 03:00
    BN-2    | binh   | 12 00:00 | 12 03:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\ncafe|restaurant|Cà phê\nshop|shop|Hàng A")
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    put_footfall(lake)
    return lake


def test_the_notebook_leads_from_clusters_to_contacts(lake, monkeypatch):
    cells = run_on("outbreak", lake, monkeypatch)
    pictures = ["cases", "picture", "scores", "network", "packs"]
    assert [name for name in cells if has_picture(cells[name])] == pictures
    assert "of 2 cases two or more share 1 venue " in said(cells["backward"])
    tiers = [line.split()[1:4:2] for line in said(cells["forward"]).splitlines() if line.startswith("│ ")]
    assert [row for row in tiers if row[0].isdigit()] == [["1", "2"], ["2", "1"]]  # binh and chi, then dung
    assert "tier 2 is beyond the last one of who-2020-12" in said(cells["rules"])


def test_its_outputs_are_kept_and_it_holds_no_logic():
    assert_kept_outputs_are_whole("outbreak")
    assert_no_logic("outbreak")
