"""Scans that name their place by a code."""

from dataclasses import replace

import pytest

from pipelines.codes.own import CodeContent, make_code
from pipelines.drivers.run import run
from pipelines.ingest.validate import place_codes as codes
from pipelines.ingest.validate.scans import parse
from pipelines.lake import open_lake, read_table
from pipelines.privacy.code_key_folders import make_key, signing_key
from pipelines.privacy.keys import venue_id
from schemas.codes import AUTHENTICITIES
from tests.codes.own_codes import OTHER, code, trusted
from tests.ingest.reference import KEYS, SETTINGS, Row, block, columns_of, line, microseconds, outcomes

SCANNED = "2021-07-01T08:30:00+07:00"
NZ = (
    "NZCOVIDTRACER:eyJnbG4iOiI3MDAwMDAwMjQzOTUwIiwidmVyIjoiYzE5OjEiLCJ0eXAiOiJlbnRyeSIsIm9wbiI6IkJsdWUgU3RvbmUgVGF"
    "ibGUgMSIsImFkciI6IlVuaXQgMSwgNTQ3IFdhaWtpbWloaWEgUm9hZFxuUkQgMi9EdW5zYW5kZWxcbkxlZXN0b24ifQ"
)
LUCA = "https://app.luca-app.de/webapp/81d9e1db-7050-4557-b1ca-a9e4fe899bd9#eyJ0YWJsZSI6N30"
PERSONAL = "001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422"


def parsed(*records, keys=None):
    settings = replace(SETTINGS, keys=replace(KEYS, codes=trusted() if keys is None else keys))
    return parse(block(*(line(**record) + "\n" for record in records)), 0, settings)


def one(keys=None, **record):
    """Return the row of one record, or why it is refused; and what vouches for its code."""
    found = parsed(record, keys=keys)
    [row] = outcomes(found)
    if isinstance(row, Row):
        return row, AUTHENTICITIES[found.scans["authenticity"][0].as_py()]
    return row, ""


def test_a_code_of_our_own_names_venue_zone_and_direction():
    row, grade = one(venue=None, code=code("QNG-0002", zone="T2", direction="in"))
    assert (row.venue, row.zone, row.direction) == (venue_id("QNG-0002"), "T2", "in")
    assert grade == "signed_valid"


def test_a_venue_that_says_nothing_and_a_padded_code_are_the_code_alone():
    plain, _ = one(venue=None, code=code("QNG-0002", zone="t2"))
    padded, _ = one(venue="nan", code=f"\ufeff {code('QNG-0002', zone='t2')}\r\n")
    assert plain == padded
    assert plain.zone == "T2"


def test_what_the_scan_says_of_zone_and_direction_stands():
    row, _ = one(venue=None, zone="B1", direction="out", code=code(zone="T2", direction="in"))
    assert (row.zone, row.direction) == ("B1", "out")


def test_a_scan_of_unknown_direction_takes_that_of_the_poster():
    row, _ = one(venue=None, direction="unknown", code=code(direction="out"))
    assert row.direction == "out"


def test_a_scan_by_code_is_the_scan_by_venue():
    by_code, _ = one(venue=None, code=code("QNG-0001", zone="T2", direction="in"))
    by_venue, grade = one(venue="QNG-0001", zone="T2", direction="in")
    assert by_code == by_venue
    assert grade == ""


@pytest.mark.parametrize("venue", [None, "nz:7000000243950"])
def test_a_foreign_code_names_a_venue_of_its_own_space(venue):
    row, grade = one(venue=venue, code=NZ)
    assert row.venue == venue_id("nz:7000000243950")
    assert grade == "unsigned"


def test_the_table_of_a_foreign_code_is_the_zone():
    row, _ = one(venue=None, code=LUCA)
    assert row.zone == "7"


def test_venue_and_code_that_agree_are_kept_and_those_that_disagree_are_refused():
    assert one(venue="QNG-0001", code=code("QNG-0001"))[1] == "signed_valid"
    assert one(venue="QNG-0002", code=code("QNG-0001"))[0] == "bad_code"


@pytest.mark.parametrize(
    "text", [PERSONAL, "QNG-0001", code(private=OTHER), code()[:-1], "NZCOVIDTRACER:foo", "x" * 4096]
)
def test_a_code_of_no_place_or_without_trust_is_refused(text):
    assert one(venue=None, code=text)[0] == "bad_code"
    assert one(code=text)[0] == "bad_code"


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        ("2021-07-01T08:30:00+07:00", "2021-07-01T08:30:01+07:00", "kept"),
        ("2021-07-01T08:30:01+07:00", "2021-07-01T08:31:00+07:00", "bad_code"),
        ("2021-07-01T08:29:00+07:00", "2021-07-01T08:30:00+07:00", "bad_code"),
    ],
)
def test_a_code_holds_from_its_first_instant_until_before_its_last(first, last, verdict):
    row, _ = one(venue=None, code=code(valid_from=first, valid_to=last))
    assert (row if isinstance(row, str) else "kept") == verdict


@pytest.mark.parametrize(("seconds", "verdict"), [(1, "kept"), (0, "bad_code"), (-1, "bad_code")])
def test_codes_of_a_revoked_key_are_refused_from_the_instant_of_revocation_on(seconds, verdict):
    keys = trusted(revoked_us=microseconds(SCANNED) + seconds * 1_000_000)
    row, _ = one(venue=None, code=code(), keys=keys)
    assert (row if isinstance(row, str) else "kept") == verdict


def test_the_validity_of_one_code_is_judged_scan_by_scan():
    text = code(valid_from="2021-07-01T08:00:00+07:00", valid_to="2021-07-01T09:00:00+07:00")
    times = ["2021-07-01T07:59:59+07:00", "2021-07-01T08:00:00+07:00", "2021-07-01T09:00:00+07:00"]
    found = outcomes(parsed(*({"venue": None, "code": text, "occurred_at": time} for time in times)))
    assert [isinstance(row, Row) for row in found] == [False, True, False]


def test_rows_with_and_without_a_code_share_a_block():
    found = parsed({"zone": "A"}, {"venue": None, "code": code("QNG-0002", zone="A")}, {"venue": "QNG-0003"})
    rows = outcomes(found)
    assert [row.venue for row in rows] == [venue_id(f"QNG-000{place}") for place in (1, 2, 3)]
    assert [row.zone for row in rows] == ["A", "A", None]
    assert found.scans["authenticity"].to_pylist() == [0, AUTHENTICITIES.index("signed_valid"), 0]


def test_columns_give_what_lines_give():
    record = {"venue": None, "code": code("QNG-0002", zone="T2", direction="in")}
    by_line = parsed(record).scans
    fields = {"person": "phone:0905123456", "occurred_at": SCANNED, "code": record["code"]}
    settings = replace(SETTINGS, keys=replace(KEYS, codes=trusted()))
    assert parse(columns_of([fields]), 0, settings).scans.equals(by_line)


def test_a_code_is_decoded_once_however_often_it_is_scanned(monkeypatch):
    asked = []
    real = codes.decode
    monkeypatch.setattr(codes, "decode", lambda raw, keys: asked.append(raw) or real(raw, keys))
    text = code("ONCE-ONLY")
    for _ in range(3):
        parsed(*[{"venue": None, "code": text}] * 5)
    assert len(asked) == 1


def test_a_run_takes_the_keys_of_its_folder_and_keeps_grade_and_rejects(tmp_path):
    opened = open_lake(str(tmp_path / "lake"), tmp_path / "lake.keys", create=True)
    make_key(tmp_path / "lake.keys")
    good = make_code(CodeContent("QNG-0001", "T2", "in"), signing_key(tmp_path / "lake.keys")[1])
    records = [{"code": good}, {"code": NZ}, {"code": code(private=OTHER)}, {"code": PERSONAL}]
    path = tmp_path / "scans.ndjson"
    path.write_text("".join(line(venue=None, **record) + "\n" for record in records), encoding="utf-8")
    report = run(opened.url, [str(path)], now_us=microseconds(SCANNED))
    assert (report.accepted, report.reasons) == (2, {"bad_code": 2})
    rows = read_table(opened, "scans").sort_by("authenticity")
    assert rows["authenticity"].to_pylist() == ["signed_valid", "unsigned"]
    assert (rows["zone"].to_pylist(), rows["direction"].to_pylist()) == (["T2", None], ["in", "unknown"])
