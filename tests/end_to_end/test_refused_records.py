"""Nothing is refused, left out or misread in silence: what `truyvet run` says on standard error."""

import csv
import gzip
import io
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.ingest import commit as committing
from pipelines.ingest.formats.discovery import discover
from pipelines.lake import CommitConflict, commit
from tests.end_to_end.commands import truyvet
from tests.ingest.input_files import avro_of, csv_of, ndjson_of, parquet_of

NOW = "2021-08-01T00:00:00Z"
GOOD = {"person": "phone:0905111222", "venue": "V1", "occurred_at": "2021-07-20T08:00:00+07:00"}


def scan(number, **changes):
    at = f"2021-07-20T08:{number // 60 % 60:02}:{number % 60:02}+07:00"
    return {"event_id": f"e{number}", **GOOD, "occurred_at": at, **changes}


def ran(folder, *words):
    """Run a batch and return its report and its lines of standard error."""
    done = truyvet("run", "--lake", folder / "lake", "--now", NOW, *words)
    report = done.report
    said = [line for line in done.err.splitlines() if line.startswith("truyvet run: ")]
    return report, [line for line in said if " is a new lake; " not in line]


def listed(path):
    """Return the rows of a file of `--rejects` without the folder of their input."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert not rows or list(rows[0]) == ["input", "file", "row", "reason"]
    return [(row["input"], os.path.basename(row["file"]), int(row["row"]), row["reason"]) for row in rows]


def test_a_province_of_last_year_says_that_all_of_it_is_too_old(folder):
    path = folder / "a.ndjson"
    path.write_bytes(ndjson_of(scan(number, occurred_at="2020-01-01T00:00:00Z") for number in range(1_500)))
    report, (line,) = ran(folder, "--scans", path)
    assert (report["received"], report["accepted"]) == (1_500, 0)
    assert line == (
        f"truyvet run: scans: 1,500 of 1,500 refused as too_old, the first at {path} line 1: "
        "if the data is old, say --now with its time, or a larger --max-age-days"
    )


REFUSED = {
    3: ("bad_time", {"occurred_at": "20/07/2021 08:00"}),
    5: ("malformed", {"direction": "enter"}),
    6: ("too_old", {"occurred_at": "2020-01-01T00:00:00Z"}),
    8: ("bad_time", {"occurred_at": "2021-07-20T08:00:00+0700"}),
    9: ("conflicting_event_id", {"event_id": "e0", "venue": "V2"}),
    11: ("too_new", {"occurred_at": "2022-01-01T00:00:00Z"}),
    12: ("missing_field", {"person": ""}),
    13: ("conflicting_event_id", {"event_id": "e0", "venue": "V3"}),
}
"""Records that are refused, by their place in the file from 0."""

RECORDS = [scan(number, **REFUSED.get(number, ("", {}))[1]) for number in range(20)]
FILES = {
    "a.ndjson": (ndjson_of(RECORDS), 1),
    "b.ndjson.gz": (gzip.compress(b"\n\n" + ndjson_of(RECORDS)), 3),
    "c.csv": (csv_of(RECORDS), 2),
    "d.csv.gz": (gzip.compress(b"sep=;\r\n" + csv_of(RECORDS, ";")), 3),
    "e.parquet": (parquet_of(RECORDS, row_group_size=4), 1),
    "f.avro": (avro_of(RECORDS, sync_interval=200), 1),
}
"""Content of files, and the number of their first record."""


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("chunk_bytes", [300, 32 << 20])
def test_each_refused_record_is_found_by_its_row_whatever_the_format(folder, monkeypatch, name, chunk_bytes):
    monkeypatch.setattr(discover, "CHUNK_BYTES", chunk_bytes)
    content, first = FILES[name]
    path = folder / name
    path.write_bytes(content)
    expected = sorted((first + place, reason) for place, (reason, _) in REFUSED.items())
    report, lines = ran(folder, "--scans", path, "--rejects", folder / "rejects.csv")
    assert (report["received"], report["rejected"]) == (20, 8)
    assert listed(folder / "rejects.csv") == [("scans", name, row, reason) for row, reason in expected]
    unit = "record" if name in ("e.parquet", "f.avro") else "line"
    of_reason = {reason: [row for row, other in expected if other == reason] for _, reason in expected}
    for reason, rows in of_reason.items():
        says = f"scans: {len(rows)} of 20 refused as {reason}, the first at {path} {unit} {rows[0]}: "
        assert [line for line in lines if says in line], (says, lines)
    assert len(lines) == len(of_reason)
    again, unlisted = ran(folder, "--scans", path)
    assert again["duplicate"] == 12
    assert unlisted == lines


def test_lines_that_are_read_alone_have_their_number_too(folder, monkeypatch):
    monkeypatch.setattr("pipelines.ingest.refused.rejects._AROUND_A_LINE", 0)
    monkeypatch.setattr(discover, "CHUNK_BYTES", 700)
    (folder / "a.ndjson").write_bytes(b"\xef\xbb\xbf" + ndjson_of(RECORDS))
    _, lines = ran(folder, "--scans", folder / "a.ndjson")
    found = {line.split(" refused as ")[1].split(",")[0]: line for line in lines}
    for reason, number in (("too_old", 7), ("too_new", 12), ("conflicting_event_id", 10)):
        assert f"a.ndjson line {number}: " in found[reason]


def test_inputs_beside_scans_are_listed_too_in_the_order_of_input_file_and_row(folder, monkeypatch):
    monkeypatch.setattr(discover, "CHUNK_BYTES", 100)
    (folder / "in").mkdir()
    for name in ("b", "a"):
        (folder / f"in/{name}.ndjson").write_bytes(ndjson_of([scan(1), GOOD | {"person": "x"}, scan(2)]))
    (folder / "venues.csv").write_text("venue,type\nV1,shop\n,shop\nV2,cinema\n")
    cases = [{"case_id": f"C{n}", "person": "phone:1" if n % 3 == 1 else GOOD["person"]} for n in range(9)]
    (folder / "cases.ndjson").write_bytes(ndjson_of(cases))
    meetings = [
        {"person_a": GOOD["person"], "person_b": other, "started_at": at, "ended_at": "2021-07-20T09:00:00Z"}
        for other, at in (
            ("device:x", "2021-07-20T08:00:00Z"),
            (GOOD["person"], "2021-07-20T08:00:00Z"),
            ("device:x", "2020-07-20T08:00:00Z"),
        )
    ]
    (folder / "e.csv").write_bytes(csv_of([{**meeting, "distance_m": "1"} for meeting in meetings]))
    (folder / "d.ndjson").write_bytes(b"\n" + ndjson_of([{"person": GOOD["person"], "declared_at": "today"}]))
    words = ("--venues", folder / "venues.csv", "--cases", folder / "cases.ndjson")
    words += ("--encounters", folder / "e.csv", "--declarations", folder / "d.ndjson")
    _, lines = ran(folder, "--scans", folder / "in", *words, "--rejects", folder / "rejects.csv")
    assert listed(folder / "rejects.csv") == [
        ("scans", "a.ndjson", 2, "bad_person"),
        ("scans", "b.ndjson", 2, "bad_person"),
        ("venues", "venues.csv", 3, "missing_field"),
        ("venues", "venues.csv", 4, "malformed"),
        *(("cases", "cases.ndjson", row, "bad_person") for row in (2, 5, 8)),
        ("encounters", "e.csv", 3, "bad_person"),
        ("encounters", "e.csv", 4, "too_old"),
        ("declarations", "d.ndjson", 2, "bad_time"),
    ]
    *lines, of_the_type = lines
    assert of_the_type.startswith("truyvet run: venues: 1 row is refused for type, first ")
    heads = [line.removeprefix("truyvet run: ").partition(", the first at")[0] for line in lines]
    assert heads == [
        "scans: 2 of 6 refused as bad_person",
        "venues: 1 of 3 refused as malformed",
        "venues: 1 of 3 refused as missing_field",
        "cases: 3 of 9 refused as bad_person",
        "encounters: 1 of 3 refused as bad_person",
        "encounters: 1 of 3 refused as too_old",
        "declarations: 1 of 1 refused as bad_time",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (json.dumps(RECORDS[:2]).encode(), "line 1: the file is a JSON array"),
        (json.dumps(RECORDS[:2], indent=1).encode(), "line 1: the file is a JSON array"),
        (json.dumps([scan(n) for n in range(200)]).encode(), "refused as too_large"),
        (json.dumps([scan(n) for n in range(200)]).encode(), "line 1: the file is a JSON array"),
        (
            ndjson_of([GOOD]) + '{"zone": "Chơ\u0323"}'.encode("cp1258"),
            "line 2: the text is not UTF-8 but perhaps Windows-1258",
        ),
        (csv_of(RECORDS[:2]), "line 1: the line is not a JSON object; name CSV .csv"),
        (ndjson_of([GOOD | {"occurred_at": "2021-07-20T08:00:00"}]), "or a time without offset"),
    ],
)
def test_the_remedy_fits_what_is_wrong_with_the_file(folder, content, says):
    (folder / "a.json").write_bytes(content)
    _, (line,) = ran(folder, "--scans", folder / "a.json")
    assert says in line


def test_nothing_is_said_where_nothing_is_refused_and_the_list_is_empty(folder):
    (folder / "a.ndjson").write_bytes(ndjson_of([GOOD]))
    (folder / "r.csv").write_text("of an earlier run")
    _, lines = ran(folder, "--scans", folder / "a.ndjson", "--rejects", folder / "r.csv")
    assert lines == []
    assert (folder / "r.csv").read_text() == "input,file,row,reason\n"
    assert (folder / "r.csv").stat().st_mode & 0o777 == 0o600


def test_the_ending_of_the_list_decides_its_format(folder):
    (folder / "a.ndjson").write_bytes(ndjson_of([GOOD | {"person": "x"}]))
    expected = {"input": "scans", "file": str(folder / "a.ndjson"), "row": 1, "reason": "bad_person"}
    for ending in ("parquet", "json", "csv", "txt"):
        path = folder / f"r.{ending}"
        ran(folder, "--scans", folder / "a.ndjson", "--rejects", path)
        if ending == "parquet":
            assert pq.read_table(path).to_pylist() == [expected]
        elif ending == "json":
            assert json.loads(path.read_bytes()) == [expected]
        else:
            assert listed(path) == [("scans", "a.ndjson", 1, "bad_person")]


@pytest.mark.parametrize("name", ["none/r.csv", "a.ndjson/r.csv", "."])
def test_a_list_that_cannot_be_written_is_told_before_anything_is_done(folder, name):
    (folder / "a.ndjson").write_bytes(ndjson_of([GOOD]))
    words = ("--scans", folder / "a.ndjson", "--rejects", f"{folder}/{name}")
    done = truyvet("run", "--lake", folder / "lake", *words)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--rejects" in done.err
    assert not (folder / "lake").exists()


def test_files_of_a_folder_that_are_not_read_are_named(folder):
    for name in (
        "in/a.ndjson",
        "in/notes.txt",
        "in/sub/day.xlsx",
        "in/old.zip",
        "in/_half.csv",
        "in/.DS_Store",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ndjson_of([GOOD]))
    (folder / "venues").mkdir()
    (folder / "venues/v.csv").write_text("venue,type\nV1,shop\n")
    (folder / "venues/v.xls").write_text("")
    report, lines = ran(folder, "--scans", folder / "in", "--venues", folder / "venues")
    assert report["accepted"] == 1
    names = "_half.csv notes.txt old.zip sub/day.xlsx"
    assert f" scans: 4 files in {folder}/in were not read: {names} (save the workbook" in lines[0]
    assert f" venues: 1 file in {folder}/venues was not read: v.xls (" in lines[1]


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet", "avro"])
def test_a_column_that_nobody_knows_is_named_once_with_the_nearest(folder, form):
    record = {"case_id": "C1", "person": GOOD["person"], "isolated_date": "2021-07-20", "note": "bí mật"}
    fields = [{"name": name, "type": "string"} for name in record]
    schema = {"type": "record", "name": "Case", "fields": fields}
    make = {"ndjson": ndjson_of, "csv": csv_of, "parquet": parquet_of}.get(form)
    content = make([record]) if make else avro_of([record], schema)
    for name in ("a", "b"):
        (folder / f"{name}.{form}").write_bytes(content)
    report, lines = ran(folder, "--cases", folder / f"a.{form}", folder / f"b.{form}")
    assert report["others"]["cases"]["accepted"] == 1
    begin = "truyvet run: cases: unknown column"
    assert lines == [
        f"{begin} `isolated_date` in {folder}/a.{form} is not read; the nearest field is `isolated_at`",
        f"{begin} `note` in {folder}/a.{form} is not read",
    ]


def test_unknown_columns_of_scans_encounters_and_declarations_are_named_too(folder):
    (folder / "s.ndjson").write_bytes(ndjson_of([GOOD | {"Direction": "in"}] * 3))
    (folder / "e.csv").write_text("person_a,person_b,started_at,ended_at,distance\n")
    (folder / "d.parquet").write_bytes(
        parquet_of(
            pa.table({"person": ["device:a"], "declared_at": ["2021-07-20T08:00:00Z"], "symptom": ["x"]})
        )
    )
    words = ("--encounters", folder / "e.csv", "--declarations", folder / "d.parquet")
    _, lines = ran(folder, "--scans", folder / "s.ndjson", *words)
    assert [line.split("unknown column ")[1].split(" in ")[0] for line in lines] == [
        "`Direction`",
        "`symptom`",
    ]
    assert "the nearest field is `direction`" in lines[0]
    assert "the nearest field is `symptoms`" in lines[1]


def test_a_column_that_only_case_tells_from_a_field_is_read_and_told(folder):
    (folder / "c.csv").write_text("Case_ID,PERSON\nC1,phone:0905111222\n")
    report, lines = ran(folder, "--cases", folder / "c.csv")
    assert report["others"]["cases"]["accepted"] == 1
    assert [line.partition("column ")[2] for line in lines] == [
        f"`Case_ID` in {folder}/c.csv is read as `case_id`",
        f"`PERSON` in {folder}/c.csv is read as `person`",
    ]


def test_a_batch_that_is_judged_again_says_everything_once(folder, monkeypatch):
    (folder / "s.ndjson").write_bytes(ndjson_of([GOOD, GOOD | {"person": "x", "Zone": "1"}]))
    meeting = {"person_a": "device:a", "person_b": "device:a", "started_at": "2021-07-20T08:00:00Z"}
    (folder / "e.ndjson").write_bytes(
        ndjson_of([{**meeting, "ended_at": "2021-07-20T09:00:00Z", "distance_m": 1}])
    )
    made = []

    def interrupted(where, name, *files, **how):
        made.append(name)
        if name == "scans" and made.count(name) == 1:
            raise CommitConflict(name)
        return commit(where, name, *files, **how)

    monkeypatch.setattr(committing, "commit", interrupted)
    words = ("--scans", folder / "s.ndjson", "--encounters", folder / "e.ndjson")
    _, lines = ran(folder, *words, "--rejects", folder / "r.csv")
    assert made.count("scans") == 2
    assert len(lines) == len(set(lines)) == 3
    assert listed(folder / "r.csv") == [
        ("scans", "s.ndjson", 2, "bad_person"),
        ("encounters", "e.ndjson", 1, "bad_person"),
    ]


def test_a_file_whose_name_is_not_utf_8_is_listed(folder):
    path = os.path.join(os.fsencode(folder), b"ng\xe0y.ndjson")
    with open(path, "wb") as file:
        file.write(ndjson_of([GOOD | {"person": "x"}]))
    report, (line,) = ran(folder, "--scans", folder, "--rejects", folder / "r.json")
    assert report["rejected"] == 1
    assert "line 1" in line
    assert json.loads((folder / "r.json").read_bytes())[0]["file"].endswith("ng\ufffdy.ndjson")


def test_an_import_of_venues_says_what_it_refused(folder):
    (folder / "v.csv").write_text("venue,type,Capacity\nV1,shop,1\nV2,cinema,1\n")
    done = truyvet("venues", "import", folder / "v.csv", "--lake", folder / "lake")
    assert "notes" not in json.loads(done.out)
    assert "`Capacity`" in done.err
    assert f"venues: 1 of 2 refused as malformed, the first at {folder}/v.csv line 3" in done.err


def test_the_report_is_one_line_with_the_keys_of_the_contract(folder):
    (folder / "a.ndjson").write_bytes(ndjson_of([GOOD | {"person": "x"}]))
    done = truyvet("run", "--lake", folder / "lake", "--now", NOW, "--scans", folder / "a.ndjson")
    assert list(json.load(io.StringIO(done.out))) == [
        *("received", "accepted", "duplicate", "rejected", "unregistered"),
        *("reasons", "others", "scans_version", "stays_version"),
    ]
