"""What becomes of each record: received = accepted + duplicate + rejected, by hand-drawn files."""

import json
from collections import Counter
from pathlib import Path

from tests.end_to_end.commands import rows_of, run, truyvet
from tests.end_to_end.reference import Names
from tests.lakes import drawn

NOW = "2021-08-01T00:00:00Z"
GOOD = {"person": "phone:0905111222", "venue": "V1", "occurred_at": "2021-07-20T08:00:00+07:00"}


def line(**changed: object) -> bytes:
    """Return a good scan with some fields changed; None takes one out."""
    fields = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")


def deep(depth: int) -> bytes:
    return line()[:-1] + b', "note": ' + b"[" * depth + b"]" * depth + b"}"


HOSTILE = {
    "malformed": [
        b"{",
        b"not json at all",
        b"[1, 2]",
        b"null",
        b'"text"',
        b"[" + line() + b"]",
        line() + line(),
        line()[:-1] + b',"note":NaN}',
        line()[:-1] + b',"note":1e999999x}',
        line()[:-1] + b',"note":"\xf4"}',
        line()[:-1] + b',"zone":"Ch\xf4"}',
        line(zone="\ud800"),
        line(direction="enter"),
        line(direction="IN"),
        line(scan_mode="camera"),
        line(person=905111222),
        line(venue=7),
        line(occurred_at=1626742800),
        line(zone=["T1"]),
        line(event_id=True),
        b"\x00" * 40,
        deep(15)[:-2] + b"}",
        b"[" * 9000,
    ],
    "too_large": [line(note="x" * 16_384), b"x" * 20_000, line(note="é" * 9_000)],
    "too_deep": [deep(16), deep(2_000), b"[" * 17 + b"]" * 17],
    "bad_text": [
        line(zone="z" * 129),
        line(zone="ô" * 65),
        line(venue="v" * 129),
        line(venue="V\x00"),
        line(venue="V\x7f"),
        line(zone="a\nb"),
        line(zone="\u202eT1"),
        line(zone="\u2066T1"),
        line(zone="\u0085"),
        line(event_id="e" * 65),
        line(scanner="s" * 129),
        line(person="device:" + "d" * 129),
        line(code="c" * 4097),
        line(person_code="c" * 4097),
    ],
    "missing_field": [
        b"{}",
        line(person=None),
        line(person=""),
        line(venue=None),
        line(venue=""),
        line(occurred_at=None),
        line(occurred_at=""),
        line(venue="nan"),
        line(venue="\u00a0"),
        line(person="null"),
    ],
    "bad_person": [
        line(person="0905111222"),
        line(person="phone:"),
        line(person="phone:0905"),
        line(person="phone:0905*11222"),
        line(person="PHONE:0905111222"),
        line(person="email:a@b.vn"),
        line(person="cccd:12345678901"),
        line(person="cmnd:123456789012"),
        line(person="phone:0381234567.0"),
        line(person="phone:3.81E+08"),
        line(person="phone:03812345670"),
        line(person="phone:0412345678"),
        line(person="cccd:１２３４５６７８９０１２"),
        line(person="passport:B-1"),
        line(person="bhyt:XX"),
    ],
    "bad_time": [
        line(occurred_at=text)
        for text in (
            "2021-07-20T08:00:00",
            "2021-07-20",
            "2021-07-20T08:00+07:00",
            "2021-02-29T08:00:00Z",
            "2100-02-29T08:00:00Z",
            "2021-07-20T24:00:00Z",
            "2021-07-20T08:00:60Z",
            "2021-07-20T08:00:00+24:00",
            "2021-07-20T08:00:00+0700",
            "2021-07-20T08:00:00.Z",
            "0000-01-01T00:00:00Z",
            "20210720T080000Z",
            "10000-01-01T00:00:00Z",
        )
    ],
    "bad_code": [
        line(venue=None, code="NZCOVIDTRACER:abc"),
        line(code="anything"),
        line(person=None, person_code="anything"),
        line(person_code="https://qr.pccovid.gov.vn/abc"),
    ],
    "too_old": [
        line(occurred_at=text) for text in ("2021-06-01T23:59:59.999999Z", "0001-01-01T00:00:00+14:00")
    ],
    "too_new": [
        line(occurred_at=text) for text in ("2021-08-02T00:00:00.000001Z", "9999-12-31T23:59:59-12:00")
    ],
}
"""Records by the reason they are refused for."""

ACCEPTED = [
    line(),
    line(occurred_at="2021-06-02T00:00:00Z"),
    line(occurred_at="2021-08-02T00:00:00Z"),
    line(occurred_at="2021-07-20t08:00:00.1234567z", direction="in"),
    line(person="phone:+84 905 111-222", zone="Tầng 1"),
    line(direction="out", note=[{"a": "b"}], zone=None, extra=1),
    line(venue="v" * 128, zone="z" * 128, scanner="s" * 128, event_id="e" * 64),
    deep(15),
    b"  " + line(direction="in", zone="T9") + b"\t\r",
    line(note="x" * 16_000, direction="out", zone="T2"),
    line(person="phone:0905111223", direction="")[:-1] + b', "person": "phone:0905111224"}',
    line(person=" phone:0905111225\u00a0", occurred_at=" 2021-07-20T08:00:00Z", direction="in "),
    line(person="phone:0905111226", zone="nan", scanner="N/A", event_id="-", code="None", scan_mode="null"),
    line(person="cmnd:212345678", venue="\u200bV1\ufeff"),
]


def test_every_hostile_record_is_refused_for_its_reason_and_known_by_its_hash(folder):
    folder.joinpath("in").mkdir()
    lines = [(reason, raw) for reason, raws in HOSTILE.items() for raw in raws]
    lines += [("", raw) for raw in ACCEPTED]
    lines = lines[::2] + lines[1::2]
    folder.joinpath("in/a.ndjson").write_bytes(b"\n".join(raw for _, raw in lines) + b"\n")
    report = run(folder / "lake", "--scans", folder / "in", now=NOW)
    refused = Counter((reason, raw) for reason, raw in lines if reason)
    names = Names.of(folder / "lake.keys")
    expected = Counter((reason, names.digest(raw.rstrip(b"\r"))) for reason, raw in refused)
    found = Counter((row["reason"], row["digest"]) for row in rows_of(folder / "lake", "rejects"))
    assert found == expected
    assert report["reasons"] == {reason: len(raws) for reason, raws in sorted(HOSTILE.items())}
    assert (report["received"], report["duplicate"]) == (len(lines), 1)  # a note is not content
    assert report["accepted"] == len(ACCEPTED) - 1 == len(rows_of(folder / "lake", "scans"))


VERDICTS = """
| file | event_id | person | venue | at                   | direction | zone | verdict
| ---- | -------- | ------ | ----- | -------------------- | --------- | ---- | -------
| a    | e1       | An     | V1    | 2021-07-20T08:00:00Z | in        |      | accepted
| a    | e1       | An     | V1    | 2021-07-20T15:00:00+07:00 | in   |      | duplicate
| a    | e1       | An     | V1    | 2021-07-20T08:00:01Z | in        |      | conflicting_event_id
| a    | e1       | An     | V1    | 2021-07-21T08:00:00Z | in        |      | accepted
| a    | e2       | An     | V2    | 2021-05-01T08:00:00Z | in        |      | too_old
| a    | e2       | An     | V2    | 2021-05-01T09:00:00Z | in        |      | too_old
| b    | e1       | Bình   | V1    | 2021-07-20T08:00:00Z | in        |      | conflicting_event_id
| b    | e1       | An     | V2    | 2021-07-20T08:00:00Z | in        |      | conflicting_event_id
| b    | e1       | An     | V1    | 2021-07-20T08:00:00Z | out       |      | conflicting_event_id
| b    | e1       | An     | V1    | 2021-07-20T08:00:00Z | in        | T1   | conflicting_event_id
| b    | e1       | An     | V1    | 2021-07-20T08:00:00Z | in        |      | duplicate
| b    |          | An     | V1    | 2021-07-20T08:00:00Z | in        |      | accepted
| b    |          | An     | V1    | 2021-07-20T08:00:00.000000999Z | in |   | duplicate
| b    |          | An     | V1    | 2021-07-20T08:00:00.000001Z | in  |      | accepted
| b    | e3       | An     | V3    | 2021-08-02T00:00:01Z | in        |      | too_new
| c    | e3       | An     | V3    | 2021-08-02T00:00:01Z | in        |      | too_new
| c    | e4       | An     | V9    | 2021-08-02T00:00:00.000001Z | in  |      | too_new
| c    | e4       | An     | V3    | 2021-08-02T00:00:00Z | in        |      | accepted
| c    | e4       | An     | V9    | 2021-08-02T00:00:00.000001Z | in  |      | conflicting_event_id
"""
"""An id holds for a UTC day and the first that is accepted stands, by file, then by row."""


def scan_of(row: dict[str, str]) -> bytes:
    person = f"device:{row['person']}"
    names = ("event_id", "venue", "direction", "zone")
    return line(**{name: row[name] for name in names}, person=person, occurred_at=row["at"])


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.ndjson"
    path.write_bytes(b"".join(scan_of(row) + b"\n" for row in rows))
    return path


def counted(rows: list[dict[str, str]]) -> Counter[str]:
    return Counter(row["verdict"] for row in rows)


def counts_of(report: dict) -> Counter[str]:
    found = Counter({"accepted": report["accepted"], "duplicate": report["duplicate"], **report["reasons"]})
    return +found


def test_within_a_batch_the_first_by_path_and_row_stands_in_whatever_order_files_are_named(folder):
    rows = drawn(VERDICTS)
    paths = [write(folder, name, [row for row in rows if row["file"] == name]) for name in "cab"]
    words = [word for path in paths for word in ("--scans", path)]
    report = run(folder / "lake", *words, now=NOW)
    assert counts_of(report) == counted(rows)


def test_across_batches_the_first_batch_stands_and_a_repeat_of_a_refused_scan_is_refused_again(folder):
    rows = drawn(VERDICTS)
    for name in "abc":
        own = [row for row in rows if row["file"] == name]
        path = write(folder / "in", name, own)
        assert counts_of(run(folder / "lake", "--scans", path, now=NOW)) == counted(own)
    again = counts_of(run(folder / "lake", "--scans", folder / "in", now=NOW))
    expected = counted(rows)
    expected["duplicate"] += expected.pop("accepted")
    expected.subtract(too_new=1)  # the first row of e4, for another one has been accepted meanwhile
    expected["conflicting_event_id"] += 1
    assert again == +expected


SCANNERS = """
| batch | scanner | event_id | person | at                   | verdict
| ----- | ------- | -------- | ------ | -------------------- | --------------------
| 1     | A       | 1        | An     | 2021-07-20T08:00:00Z | accepted
| 1     | B       | 1        | Bình   | 2021-07-20T08:00:00Z | accepted
| 1     |         | 1        | Chi    | 2021-07-20T08:00:00Z | accepted
| 1     | A       | 2        | An     | 2021-07-20T08:00:00Z | accepted
| 1     | A       | 1        | Chi    | 2021-07-20T08:00:00Z | conflicting_event_id
| 1     |         | 1        | Bình   | 2021-07-20T08:00:00Z | conflicting_event_id
| 1     | A       |          | An     | 2021-07-20T09:00:00Z | accepted
| 1     | B       |          | An     | 2021-07-20T09:00:00Z | duplicate
| 2     | B       | 1        | Bình   | 2021-07-20T08:00:00Z | duplicate
| 2     | B       | 1        | An     | 2021-07-20T08:00:00Z | conflicting_event_id
| 2     | A       | 1        | Chi    | 2021-07-21T08:00:00Z | accepted
| 2     | C       | 1        | Bình   | 2021-07-20T08:00:00Z | accepted
"""
"""Readers number from 1, each for itself; without an id the content identifies, not the reader."""


def test_two_readers_that_number_from_1_lose_no_scan(folder):
    for batch in "12":
        rows = [row for row in drawn(SCANNERS) if row["batch"] == batch]
        path = folder / f"{batch}.ndjson"
        records = (
            line(
                event_id=row["event_id"],
                scanner=row["scanner"],
                person=f"device:{row['person']}",
                occurred_at=row["at"],
            )
            for row in rows
        )
        path.write_bytes(b"\n".join(records))
        assert counts_of(run(folder / "lake", "--scans", path, now=NOW)) == counted(rows)


def test_a_file_that_is_named_twice_counts_once_and_a_copy_holds_duplicates_even_when_it_is_too_old(folder):
    path = write(folder, "a", drawn(VERDICTS)[:1])
    folder.joinpath("link.ndjson").symlink_to(path)
    report = run(folder / "lake", "--scans", path, path, folder / "link.ndjson", folder / "*.ndjson", now=NOW)
    assert counts_of(report) == {"accepted": 1}
    folder.joinpath("copy.ndjson").write_bytes(path.read_bytes())
    report = run(folder / "lake", "--scans", path, folder / "copy.ndjson", now="2022-07-01")
    assert counts_of(report) == {"duplicate": 2}


def test_files_without_records_are_received_and_hold_none(folder):
    contents = {"a": b"", "b": b"\n\n \n", "c": b"\xef\xbb\xbf"}
    for name, content in contents.items():
        folder.joinpath(f"{name}.ndjson").write_bytes(content)
    folder.joinpath("d.csv").write_text("person,venue,occurred_at\n")
    report = run(folder / "lake", "--scans", folder / "*.*", now=NOW)
    assert (report["received"], counts_of(report)) == (0, {})


def test_the_registry_and_cases_are_counted_apart(folder):
    folder.joinpath("venues.csv").write_text(
        "venue,type,name,closed_at\n"
        "V1,shop,Chợ,\nV1,market,Chợ,\nV1,market,Chợ,\nV2,cinema,,\n,shop,,\nV3,home,,2021-07-20\nV4,home\n"
    )
    folder.joinpath("cases.csv").write_text(
        "case_id,person,onset_at\nC1,phone:0905111222,2021-07-19\nC2,phone:1,\nC3,,\n"
    )
    scans = folder / "s.ndjson"
    times = ("2021-07-19T16:59:59Z", "2021-07-19T17:00:00Z")
    scans.write_bytes(
        b"\n".join(line(venue=venue, occurred_at=at) for venue in ("V1", "V2", "V3") for at in times)
    )
    inputs = ("--venues", folder / "venues.csv", "--cases", folder / "cases.csv", "--scans", scans)
    report = run(folder / "lake", *inputs, now=NOW)
    assert report["others"] == {
        "venues": {
            "received": 7, "accepted": 3, "duplicate": 1, "rejected": 3,
            "reasons": {"malformed": 2, "missing_field": 1},
        },
        "cases": {
            "received": 3, "accepted": 1, "duplicate": 0, "rejected": 2,
            "reasons": {"missing_field": 1, "bad_person": 1},
        },
    }  # fmt: skip
    assert report["unregistered"] == 3  # both of V2, and V3 from the local midnight on
    again = run(folder / "lake", *inputs, now=NOW)["others"]
    assert (again["venues"]["duplicate"], again["cases"]["duplicate"]) == (2, 1)
    rejects = Counter((row["source"], row["reason"]) for row in rows_of(folder / "lake", "rejects"))
    assert rejects["venues", "malformed"] == 4
    assert truyvet("verify", "--lake", folder / "lake").code == 0
