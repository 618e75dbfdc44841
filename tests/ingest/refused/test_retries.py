"""A record that was refused for its time and accepted later no longer counts as refused."""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from pipelines.drivers.run import run
from pipelines.ingest.refused.retries import Heads, count_refused, head_bytes, heads_of, retried
from pipelines.lake import open_lake, read_table
from pipelines.times import parse_instant

OLD_NOW, NOW = parse_instant("2021-01-01T00:00:00Z"), parse_instant("2021-07-10T00:00:00Z")
FIELDS = ("event_id", "person", "venue", "direction", "occurred_at")


def scan(person, occurred_at="2021-07-01T08:00:00+07:00", **more):
    return {
        "person": f"device:{person}",
        "venue": "cafe",
        "direction": "in",
        "occurred_at": occurred_at,
        **more,
    }


def as_json(rows):
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def as_csv(rows):
    lines = [",".join(FIELDS), *(",".join(row.get(name, "") for name in FIELDS) for row in rows)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def land(tmp_path):
    """Bring rows into a lake at a time, and say how many scans stay refused."""
    numbers = iter(range(100))

    def bring(rows, now_us=NOW, form=as_json, **more):
        path = tmp_path / f"{next(numbers)}.{'csv' if form is as_csv else 'ndjson'}"
        path.write_text(form(rows), encoding="utf-8")
        report = run(str(tmp_path / "lake"), [str(path)], now_us=now_us, **more)
        return report.rejected, count_refused(open_lake(str(tmp_path / "lake"))).get("scans", 0)

    return bring


@pytest.mark.parametrize("form", [as_json, as_csv])
def test_a_scan_that_was_too_new_and_comes_again_is_accepted_and_counts_no_more(land, form):
    rows = [scan("an", event_id="e1"), scan("binh")]
    assert land(rows, OLD_NOW, form) == (2, 2)
    assert land(rows, NOW, form) == (0, 0)
    assert land(rows, OLD_NOW, form) == (0, 0)  # now they are duplicates, whatever their time


def test_a_scan_that_was_too_old_is_accepted_with_another_now(land):
    assert land([scan("an"), scan("binh")], parse_instant("2022-01-01")) == (2, 2)
    assert land([scan("an")], NOW) == (0, 1)


def test_one_record_delivered_five_times_is_one(land):
    broken = '{"person": "device:an", "venue": "cafe"}\n'
    for _ in range(5):
        assert land([], form=lambda _rows: broken) == (1, 1)
    assert land([], form=lambda _rows: broken * 3) == (3, 1)
    for _ in range(3):
        assert land([scan("an")], OLD_NOW) == (1, 2)
    assert land([scan("an")], NOW) == (0, 1)


def test_only_the_record_that_was_accepted_is_taken_off(land):
    rows = [scan(name, event_id=f"e-{name}") for name in ("an", "binh", "chi")]
    assert land(rows, OLD_NOW) == (3, 3)
    assert land(rows[1:2], NOW) == (0, 2)


def test_another_record_under_the_same_event_id_takes_nothing_off(land, tmp_path):
    refused = scan("an", "2021-07-09T23:30:00Z", event_id="e1")
    other = scan("binh", "2021-07-09T06:00:00Z", event_id="e1")
    between = parse_instant("2021-07-08T12:00:00Z")
    assert land([refused], between) == (1, 1)
    assert land([other], between) == (0, 1)
    assert land([refused], NOW) == (1, 1)  # now it contradicts the other one: one record, refused twice
    reasons = Counter(
        read_table(open_lake(str(tmp_path / "lake")), "rejects", ["reason"])["reason"].to_pylist()
    )
    assert reasons == {"too_new": 1, "conflicting_event_id": 1}


def test_a_record_that_is_refused_again_after_it_was_accepted_counts_again():
    refused = Heads(np.array([1, 2, 3]), np.array([10, 10, 30]))
    accepted = Heads(np.array([1, 3, 9]), np.array([20, 20, 20]))
    assert accepted.after(refused).tolist() == [True, False, False]
    nobody = Heads(np.empty(0, np.int64), np.empty(0, np.int64))
    assert accepted.after(nobody).tolist() == [False] * 3
    assert nobody.after(refused).tolist() == []


def test_encounters_and_declarations_are_watched_too(tmp_path):
    meeting = {
        "person_a": "device:an",
        "person_b": "device:binh",
        "started_at": "2021-07-01T08:00:00Z",
        "ended_at": "2021-07-01T08:10:00Z",
    }
    declared = {"person": "device:an", "declared_at": "2021-07-01T08:00:00Z"}
    paths = {"encounters": tmp_path / "met.ndjson", "declarations": tmp_path / "declared.ndjson"}
    paths["encounters"].write_text(as_json([meeting, {**meeting, "event_id": "m1"}]), encoding="utf-8")
    paths["declarations"].write_text(as_json([declared]), encoding="utf-8")
    given = {name: [str(path)] for name, path in paths.items()}
    lake = str(tmp_path / "lake")
    run(lake, now_us=OLD_NOW, create=True, **given)
    assert count_refused(open_lake(lake)) == {"encounters": 2, "declarations": 1}
    run(lake, now_us=NOW, **given)
    assert count_refused(open_lake(lake)) == {"encounters": 0, "declarations": 0}


def test_a_scan_is_not_mistaken_for_an_encounter_of_the_same_digest(land, tmp_path):
    assert land([scan("an")], OLD_NOW) == (1, 1)
    path = tmp_path / "again.ndjson"
    path.write_text(as_json([scan("an")]), encoding="utf-8")
    run(str(tmp_path / "lake"), encounters=[str(path)], now_us=NOW)
    assert count_refused(open_lake(str(tmp_path / "lake"))) == {"scans": 1, "encounters": 1}


def test_what_the_lake_keeps_are_hashes_each_once_and_nothing_where_nothing_was_refused(land, tmp_path):
    land([scan("an")], NOW)
    lake = open_lake(str(tmp_path / "lake"))
    assert read_table(lake, "retries").num_rows == 0
    land([scan("binh"), scan("binh"), scan("chi")], OLD_NOW)
    for _ in range(3):  # once accepted, a repeat says nothing new
        land([scan("binh"), scan("binh"), scan("dung")], NOW)
    rows = read_table(lake, "retries", ["kind", "source"]).to_pylist()
    assert Counter((row["kind"], row["source"]) for row in rows) == {
        ("refused", "scans"): 2,
        ("accepted", "scans"): 1,
    }


def test_rows_that_pass_the_time_check_are_looked_up_among_the_watched_events():
    event, fault = np.array([5, -3, 7, 7]), np.array([0, 0, 10, 0], np.uint8)
    assert retried(event, fault, np.array([-3, 7])).tolist() == [1, 3]
    assert retried(event, fault, np.array([9])).tolist() == []
    assert retried(event, fault, np.empty(0, np.int64)).tolist() == []


def test_heads_travel_among_digests_and_come_back():
    head = np.array([0, -1, 2**63 - 1, -(2**63)])
    assert heads_of(pa.array(head_bytes(head), pa.binary())).tolist() == head.tolist()
    assert heads_of(pa.chunked_array([], pa.binary())).tolist() == []
