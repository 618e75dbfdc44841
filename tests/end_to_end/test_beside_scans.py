"""Encounters, declarations and the contact network by the command line, and what the lake holds of them."""

import json
from pathlib import Path

import pytest

from pipelines.ingest import commit as committing
from pipelines.lake import CommitConflict, commit
from tests.end_to_end.commands import files_of, rows_of, run, truyvet, version_of
from tests.end_to_end.reference import Names

CONFERENCE = Path(__file__).parents[1] / "data" / "sfhh_2009_tij.dat.gz"
NOW = "2021-07-03T00:00:00Z"


def meeting(number, minute, **changes):
    fields = {
        "event_id": f"e{number}",
        "person_a": "phone:0905000001",
        "person_b": f"phone:090500000{number}",
        "started_at": f"2021-07-01T08:{minute:02}:00+07:00",
        "ended_at": "2021-07-01T09:00:00+07:00",
        "attenuation_db": 50,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def declared(number, **changes):
    fields = {"event_id": f"d{number}", "person": f"qid:{number}", "declared_at": "2021-07-01T08:00:00Z"}
    return {**fields, "symptoms": ["fever", "cough"], **changes}


def written(folder, name, records):
    path = folder / name
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return path


ENCOUNTERS = [
    meeting(2, 0),
    meeting(2, 0),
    meeting(2, 0, attenuation_db=51),
    meeting(3, 1),
    meeting(4, 2, person_b="phone:+84905000001"),
    meeting(5, 3, ended_at="2021-07-05T00:00:00Z"),
    meeting(2, 0, started_at="2021-06-30T23:59:00+07:00"),
    meeting(6, 4, event_id=None),
    meeting(6, 4, event_id=None),
]
REASONS = {"bad_person": 1, "conflicting_event_id": 1, "too_new": 1}


@pytest.fixture
def lake(tmp_path):
    return tmp_path / "lake"


def test_every_encounter_and_declaration_is_counted_and_landed_once(tmp_path, lake):
    paths = (
        written(tmp_path, "encounters.ndjson", ENCOUNTERS),
        written(
            tmp_path,
            "declarations.ndjson",
            [declared(1), declared(2), declared(1), declared(1, person="qid:3")],
        ),
    )
    words = ("--create", "--encounters", paths[0], "--declarations", paths[1])
    first = run(lake, *words, now=NOW)["others"]
    assert list(first) == ["encounters", "declarations"]
    assert first["encounters"] == {
        "received": 9,
        "accepted": 4,
        "duplicate": 2,
        "rejected": 3,
        "reasons": REASONS,
    }
    assert first["declarations"] == {
        "received": 4,
        "accepted": 2,
        "duplicate": 1,
        "rejected": 1,
        "reasons": {"conflicting_event_id": 1},
    }
    again = run(lake, *words, now=NOW)["others"]
    assert [(counts["accepted"], counts["duplicate"]) for counts in again.values()] == [(0, 6), (0, 3)]
    assert (version_of(lake, "encounters"), version_of(lake, "declarations")) == (0, 0)
    assert truyvet("verify", "--lake", lake).code == 0
    check_tables(lake, tmp_path)


def check_tables(lake, folder):
    names = Names.of(folder / "lake.keys")
    rows = rows_of(lake, "encounters")
    assert {str(row["date"]) for row in rows} == {"2021-06-30", "2021-07-01"}
    phones = [names.token(f"phone:+8490500000{number}") for number in range(7)]
    pairs = {frozenset((row["person_a"], row["person_b"])) for row in rows}
    assert pairs == {frozenset((phones[1], phones[number])) for number in (2, 3, 6)}
    assert all(row["person_a"] < row["person_b"] for row in rows)
    assert {(row["person"], row["symptoms"]) for row in rows_of(lake, "declarations")} == {
        (names.token(f"qid:{n}"), "fever;cough") for n in (1, 2)
    }
    refused = rows_of(lake, "rejects")
    twice = {("encounters", reason) for reason in REASONS} | {("declarations", "conflicting_event_id")}
    assert sorted((row["source"], row["reason"]) for row in refused) == sorted([*twice, *twice])
    himself = json.dumps(ENCOUNTERS[4]).encode()
    assert [row["reason"] for row in refused if row["digest"] == names.digest(himself)] == ["bad_person"] * 2
    conflict = json.dumps(ENCOUNTERS[2]).encode()
    assert names.digest(conflict) in {row["digest"] for row in refused}
    sealed = [row["person"] for row in rows_of(lake, "vault")]
    assert len(sealed) == len(set(sealed))
    assert set(sealed) >= {person for row in rows for person in (row["person_a"], row["person_b"])}


def test_batches_in_any_order_leave_the_same_encounters(tmp_path, lake):
    records = [record for record in ENCOUNTERS if record.get("attenuation_db") != 51]
    for number in (1, 0, 1):
        run(
            lake,
            "--create",
            "--encounters",
            written(tmp_path, f"{number}.ndjson", records[number::2]),
            now=NOW,
        )
    whole, keys = tmp_path / "whole", ("--keys", f"{lake}.keys")
    run(whole, "--create", "--encounters", written(tmp_path, "whole.ndjson", records[::-1]), *keys, now=NOW)
    content = [sorted(map(repr, rows_of(folder, "encounters"))) for folder in (lake, whole)]
    assert content[0] == content[1]
    assert len(content[0]) == 4


def test_the_conference_comes_in_as_one_file(lake):
    epoch = ("--encounters-epoch", "2009-06-04T00:00:00+02:00")
    report = run(lake, "--create", "--encounters", CONFERENCE, *epoch, now="2009-06-06T00:00:00Z")
    rows = rows_of(lake, "encounters")
    assert report["others"]["encounters"]["accepted"] == len(rows)
    assert len({(row["person_a"], row["person_b"]) for row in rows}) == 9_565
    assert str(min(row["started_at"] for row in rows)) == "2009-06-04 07:01:40+00:00"
    assert {row["distance_m"] for row in rows} == {1.5}
    assert len(rows_of(lake, "vault")) == 403


def test_an_unreadable_file_beside_good_scans_commits_nothing(tmp_path, lake):
    scan = {"person": "device:a", "venue": "V1", "occurred_at": "2021-07-01T08:00:00Z"}
    scans, broken = written(tmp_path, "scans.ndjson", [scan]), tmp_path / "e.parquet"
    broken.write_bytes(b"PAR1 is not enough")
    done = truyvet("run", "--lake", lake, "--scans", scans, "--encounters", broken, "--now", NOW)
    assert done.code == 3
    assert done.err.startswith(f"truyvet run: {broken}")
    assert version_of(lake) == version_of(lake, "encounters") == -1


def test_a_file_of_no_encounters_is_done_and_counted(tmp_path, lake):
    report = run(lake, "--create", "--encounters", written(tmp_path, "e.ndjson", []), now=NOW)
    assert report["others"]["encounters"]["received"] == 0
    assert rows_of(lake, "encounters") == []


@pytest.mark.parametrize("table", ["scans", "encounters"])
def test_what_another_commit_came_before_is_judged_again_and_counted_once(tmp_path, lake, monkeypatch, table):
    made = []

    def interrupted(where, name, *files, **how):
        made.append(name)
        if made.count(table) == 1 and name == table:
            raise CommitConflict(name)
        return commit(where, name, *files, **how)

    monkeypatch.setattr(committing, "commit", interrupted)
    words = ("--create", "--encounters", written(tmp_path, "encounters.ndjson", ENCOUNTERS))
    report = run(lake, *words, "--scans", written(tmp_path, "scans.ndjson", SCANS), now=NOW)
    counts = report["others"]["encounters"]
    assert (counts["accepted"], counts["duplicate"], counts["reasons"]) == (4, 2, REASONS)
    assert report["accepted"] == len(SCANS)
    assert made.count("scans") == 1 + (table == "scans")
    assert (version_of(lake), version_of(lake, "encounters")) == (0, 0)
    assert len(rows_of(lake, "encounters")) == 4


VENUES = "venue,type\nV1,office\nV2,shop\n"


def scan(person, hour, venue="V1", direction="in"):
    at = f"2021-07-0{1 + hour // 24}T{hour % 24:02}:00:00Z"
    return {"person": f"device:{person}", "venue": venue, "occurred_at": at, "direction": direction}


SCANS = [
    scan("a", 22),
    scan("b", 23),
    scan("c", 23),
    scan("a", 26, direction="out"),
    scan("b", 25, direction="out"),
    scan("c", 24, direction="out"),
    scan("c", 25, "V2"),
    scan("a", 27, "V2"),
]


def test_contacts_are_written_on_demand_and_kept_up_to_date_by_every_run(tmp_path, lake):
    venues = tmp_path / "venues.csv"
    venues.write_text(VENUES)
    run(lake, "--venues", venues, "--scans", written(tmp_path, "0.ndjson", SCANS[:4]), now=NOW)
    dates = ("--date", "2021-07-01", "2021-07-02")
    done = truyvet("contacts", "--lake", lake, *dates, "--crowd-cap", 2)
    assert done.report == {"dates": ["2021-07-01", "2021-07-02"], "contacts": 1, "crowds": 12}
    run(lake, "--scans", written(tmp_path, "1.ndjson", SCANS[4:]), now=NOW)
    whole = tmp_path / "whole"
    words = ("--scans", written(tmp_path, "2.ndjson", SCANS[::-1]), "--keys", f"{lake}.keys")
    run(whole, "--venues", venues, *words, now=NOW)
    truyvet("contacts", "--lake", whole, *dates, "--crowd-cap", 2)
    for table in ("contacts", "crowds"):
        assert rows_of(lake, table)
        assert files_of(lake, table) == files_of(whole, table)
    names = Names.of(tmp_path / "lake.keys")
    who = {names.token(f"device:{name}"): name for name in "abc"}
    assert {
        ("".join(sorted((who[row["person_a"]], who[row["person_b"]]))), str(row["start"]), row["seconds"])
        for row in rows_of(lake, "contacts")
    } == {("ab", "2021-07-02 00:00:00+00:00", 3_600)}
    assert truyvet("verify", "--lake", lake).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--date", "2021-7-1"), "--date must be a date"),
        (("--date", "2021-02-30"), "--date must be a date"),
        ((), "--date"),
        (("--date", "2021-07-01", "--min-minutes", "-1"), "--min-minutes must be a number from 0"),
        (("--date", "2021-07-01", "--min-minutes", "nan"), "--min-minutes must be a number from 0"),
        (("--date", "2021-07-01", "--crowd-cap", "0"), "--crowd-cap must be a number of people"),
        (("--date", "2021-07-01", "--runner", "flonk"), "--runner flonk is unknown"),
    ],
)
def test_what_is_wrong_with_the_flags_is_one_line(tmp_path, lake, words, said):
    run(lake, "--create", "--encounters", written(tmp_path, "e.ndjson", []), now=NOW)
    done = truyvet("contacts", "--lake", lake, *words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


def test_a_lake_of_nothing_has_no_contacts(tmp_path, lake):
    run(lake, "--create", "--encounters", written(tmp_path, "e.ndjson", []), now=NOW)
    done = truyvet("contacts", "--lake", lake, "--date", "2021-07-01")
    assert done.report == {"dates": ["2021-07-01"], "contacts": 0, "crowds": 0}
    assert truyvet("contacts", "--lake", tmp_path / "none", "--date", "2021-07-01").code == 3
