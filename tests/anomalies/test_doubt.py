"""`doubt` in a trace: the flags of venues, persons and devices behind a row."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipelines import quality, trace
from pipelines.anomalies import doubt, flagged_units
from pipelines.anomalies.doubt import Doubts, doubt_texts, doubts_of, doubts_of_humans
from pipelines.anomalies.flag_definitions import FLAGS, PERSON, STAY, VENUE
from pipelines.lake import open_lake
from pipelines.lake.sidecars import lake_sidecar
from pipelines.linkage.human_lake import HumanLake
from pipelines.maintenance.vacuum import sweep, unneeded
from tests.lakes import new_lake, put_cases, put_scans, put_stays, put_venues

SCANS = "person | venue | occurred_at | direction | scan_mode | scanner"


@pytest.fixture
def lake(tmp_path):
    """A hall where ninety people are scanned within a minute by one guard, and a shop without a fault."""
    where = new_lake(tmp_path)
    put_venues(where, "venue_code | type\nhall | school\nshop | shop\nmarket | shop")
    crowd = [f"c{one} | hall | 10 08:00:{one % 60:02} | in | guard | r" for one in range(90)]
    meeting = ["an | hall | 10 08:00:30 | in | guard | r", "an | shop | 10 12:00 | in | self |"]
    put_scans(where, "\n".join([SCANS, *crowd, *meeting]))
    put_stays(
        where,
        """
        person | venue | enter       | exit
        an     | hall  | 10 08:00:30 | 10 09:00
        c5     | hall  | 10 08:00:05 | 10 09:00
        an     | shop  | 10 12:00    | 10 12:30
        dung   | shop  | 10 12:00    | 10 12:30
        """,
    )
    put_cases(where, "case_id | person | onset_at\nBN-1 | an | 11 00:00")
    return where


@pytest.fixture(autouse=True)
def forget():
    """Let each test be a process of its own."""
    lake_sidecar._kept.clear()
    yield
    lake_sidecar._kept.clear()


def doubts_by_venue(lake):
    rows = trace(lake, "BN-1").to_pylist()
    return {row["venues"]: row["doubt"] for row in rows}


def test_a_row_has_the_flags_behind_its_stays_and_a_row_without_one_the_empty_text(lake):
    assert doubts_by_venue(lake) == {"hall": "burst", "shop": ""}
    assert trace(lake, "BN-1").column_names[-1] == "doubt"
    assert trace(lake, "BN-1", capacity=1).column_names[-2:] == ["doubt", "call"]


def test_flags_are_computed_once_for_a_version(lake, monkeypatch):
    first = doubts_by_venue(lake)
    lake_sidecar._kept.clear()

    def fail(_lake):
        raise AssertionError("computed again")

    monkeypatch.setattr(flagged_units, "entries_of", fail)
    assert doubts_by_venue(lake) == first


def test_another_version_has_other_flags_and_its_file_takes_the_place_of_the_older(lake):
    doubts_by_venue(lake)
    (old,) = Path(lake.url, "stays").glob("_doubt-*.arrow")
    assert unneeded(lake, "stays", 0) == []
    put_scans(lake, f"{SCANS}\nem | market | 10 12:00 | in | self |")
    assert [found.place for found in unneeded(lake, "stays", 0)] == [str(old)]
    doubts_by_venue(lake)
    (new,) = Path(lake.url, "stays").glob("_doubt-*.arrow")
    assert new != old


def test_what_removes_dead_files_removes_old_flags(lake):
    doubts_by_venue(lake)
    put_scans(lake, f"{SCANS}\nem | market | 10 12:00 | in | self |")
    assert sweep(lake, "stays", 0, left_seconds=0) == 1
    assert list(Path(lake.url, "stays").glob("_doubt-*")) == []


def test_a_question_to_a_large_lake_takes_earlier_flags_and_says_so(lake, monkeypatch):
    monkeypatch.setattr(doubt, "_SCANS_AT_ONCE", 10)
    assert doubts_by_venue(lake)["hall"] == "burst"  # nothing is kept yet, so they are computed
    put_scans(lake, f"{SCANS}\nem | market | 10 12:00 | in | self |")
    lake_sidecar._kept.clear()
    with monkeypatch.context() as patched:
        patched.setattr(flagged_units, "entries_of", None)
        found = trace(lake, "BN-1")
    assert {row["venues"]: row["doubt"] for row in found.to_pylist()}["hall"] == "burst"
    assert (
        "doubt is as an earlier version of the lake had it; truyvet quality computes it again" in found.notes
    )
    quality(lake, by="scanner", from_="2021-07-01")
    assert len(trace(lake, "BN-1").notes) == len(found.notes)
    quality(lake, by="scanner")
    assert len(trace(lake, "BN-1").notes) == len(found.notes) - 1


def test_a_damaged_file_of_flags_is_made_again(lake, capsys):
    first = doubts_by_venue(lake)
    (path,) = Path(lake.url, "stays").glob("_doubt-*.arrow")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    content[8] ^= 1
    path.write_bytes(content[:-3])
    lake_sidecar._kept.clear()
    assert doubts_by_venue(lake) == first
    assert "is damaged and is made again" in capsys.readouterr().err


def test_a_lake_that_cannot_be_written_still_answers(lake, monkeypatch):
    monkeypatch.setattr(lake_sidecar, "try_to_write", lambda *_: False)
    assert doubts_by_venue(lake)["hall"] == "burst"
    assert list(Path(lake.url, "stays").glob("_doubt-*")) == []


def test_a_copy_of_the_lake_has_the_same_flags(lake, tmp_path):
    first = doubts_by_venue(lake)
    shutil.copytree(lake.url, tmp_path / "copy")
    shutil.copytree(f"{lake.url}.keys", tmp_path / "copy.keys")
    assert doubts_by_venue(open_lake(str(tmp_path / "copy"))) == first


def test_flags_are_looked_up_by_kind():
    doubts = Doubts(np.array([VENUE, PERSON, PERSON]), np.array([7, -3, 7]), np.array([1, 2, 4]))
    assert doubts.of(VENUE, np.array([7, 8, -3])).tolist() == [1, 0, 0]
    assert doubts.of(PERSON, np.array([7, 8, -3])).tolist() == [4, 0, 2]
    assert doubts.of(STAY, np.array([7])).tolist() == [0]


def test_flags_are_sorted_text():
    assert doubt_texts(np.array([(1 << len(FLAGS)) - 1])).to_pylist() == [";".join(sorted(FLAGS))]
    assert doubt_texts(np.empty(0, np.int64)).to_pylist() == []


def test_an_empty_lake_has_no_flags(tmp_path):
    assert doubts_of(new_lake(tmp_path))[0].id.size == 0


def test_the_flags_of_all_identifiers_of_a_human_stand_under_one_token():
    kinds, ids = np.array([VENUE, PERSON, PERSON, PERSON, STAY]), np.array([8, 3, 8, 9, 8])
    lake = HumanLake("somewhere", person=np.array([3, 8]), human=np.array([3, 3]))
    found = doubts_of_humans(lake, Doubts(kinds, ids, np.array([1, 1, 2, 4, 8])))
    assert [column.tolist() for column in found] == [
        [VENUE, PERSON, PERSON, STAY],
        [8, 3, 9, 8],
        [1, 3, 4, 8],
    ]
