"""`truyvet venues unregistered`: what was scanned, how often, and what was probably meant."""

import json
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.lake import open_lake, read_table, snapshot
from pipelines.privacy.keys import venue_id
from tests.end_to_end.commands import run, truyvet

NOW = "2021-07-10T00:00:00Z"
DAY = "2021-07-01T"


def scan(person, venue, at, **fields):
    return {"person": f"device:{person}", "venue": venue, "occurred_at": f"{DAY}{at}:00Z", **fields}


SCANS = [
    scan("an", "QNG-000 123", "08:00"),
    scan("an", "QNG-000 123", "09:00"),
    scan("binh", "QNG-000 123", "07:00"),
    scan("an", "Stall 7", "10:00"),
    scan("an", "QNG-000123", "11:00"),
    scan("an", "0905 123 456", "12:00"),
]
VENUES = "venue,type\nQNG-000123,market\n"


@pytest.fixture
def lake(tmp_path):
    return tmp_path / "lake"


def written(folder, name, records):
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def venues_in(folder, text=VENUES):
    path = folder / "venues.csv"
    path.write_text(text, encoding="utf-8")
    return path


def listed(lake):
    done = truyvet("venues", "unregistered", "--lake", lake, "--format", "json")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def kept(lake):
    return sorted(read_table(open_lake(str(lake)), "unregistered_codes")["venue_code"].to_pylist())


def test_codes_with_counts_and_the_code_that_was_meant(tmp_path, lake):
    run(lake, "--scans", written(tmp_path, "a.ndjson", SCANS), "--venues", venues_in(tmp_path), now=NOW)
    hashed = f"{venue_id('0905 123 456') % 2**64:016x}"
    rows = listed(lake)
    assert rows[0] == {
        "venue": "QNG-000 123",
        "scans": 3,
        "people": 2,
        "first_scan": f"{DAY}07:00:00Z",
        "last_scan": f"{DAY}09:00:00Z",
        "nearest": "QNG-000123",
        "differs": "blanks",
    }
    assert {row["venue"]: (row["scans"], row["nearest"]) for row in rows[1:]} == {
        "Stall 7": (1, None),
        hashed: (1, None),
    }
    assert kept(lake) == ["QNG-000 123", "Stall 7"]


def test_no_file_of_the_lake_holds_a_text_that_looks_like_an_identifier(tmp_path, lake):
    run(lake, "--scans", written(tmp_path, "a.ndjson", SCANS), "--venues", venues_in(tmp_path), now=NOW)
    assert not any(b"0905 123 456" in path.read_bytes() for path in lake.rglob("*") if path.is_file())


@pytest.mark.parametrize("registry_first", [True, False])
def test_the_order_of_registry_and_scans_does_not_matter(tmp_path, lake, registry_first):
    scans = ("--scans", written(tmp_path, "a.ndjson", SCANS))
    venues = ("--venues", venues_in(tmp_path, f"{VENUES}Stall 7,shop\n"))
    for words in (venues, scans) if registry_first else (scans, venues):
        run(lake, *words, now=NOW)
    assert kept(lake) == ["QNG-000 123"]
    assert listed(lake)[0]["venue"] == "QNG-000 123"


def test_the_same_scans_again_and_in_other_batches_keep_the_same(tmp_path, lake):
    run(lake, "--scans", written(tmp_path, "a.ndjson", SCANS[:3]), now=NOW)
    run(lake, "--scans", written(tmp_path, "b.ndjson", SCANS), now=NOW)
    version = snapshot(open_lake(str(lake)), "unregistered_codes").version
    run(lake, "--scans", written(tmp_path, "c.ndjson", SCANS[::-1]), now=NOW)
    assert snapshot(open_lake(str(lake)), "unregistered_codes").version == version
    assert kept(lake) == ["QNG-000 123", "QNG-000123", "Stall 7"]


def test_codes_of_refused_scans_are_not_kept(tmp_path, lake):
    records = [scan("an", "Old", "08:00"), scan("an", "Good", "08:00"), {"venue": "Bad"}]
    records[0]["occurred_at"] = "2020-01-01T00:00:00Z"
    run(lake, "--scans", written(tmp_path, "a.ndjson", records), now=NOW)
    assert kept(lake) == ["Good"]


def test_a_closed_venue_is_registered(tmp_path, lake):
    venues = venues_in(tmp_path, "venue,type,closed_at\nQNG-000123,market,2021-06-01\n")
    run(lake, "--scans", written(tmp_path, "a.ndjson", SCANS[4:5]), "--venues", venues, now=NOW)
    assert listed(lake) == []


def test_nothing_scanned_is_nothing_listed(tmp_path, lake, capsys):
    run(lake, "--venues", venues_in(tmp_path), now=NOW)
    assert listed(lake) == []
    assert cli.main(["venues", "unregistered", "--lake", str(tmp_path / "none")]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_verify_and_compact_know_the_table(tmp_path, lake):
    run(lake, "--scans", written(tmp_path, "a.ndjson", SCANS), now=NOW)
    run(lake, "--scans", written(tmp_path, "b.ndjson", [scan("an", "New", "08:00")]), now=NOW)
    assert truyvet("verify", "--lake", lake).code == 0
    assert truyvet("compact", "--lake", lake, "--keep-hours", 0).code == 0
    assert len(list(Path(lake, "unregistered_codes").glob("*.parquet"))) == 1
    assert kept(lake) == ["New", "QNG-000 123", "QNG-000123", "Stall 7"]
