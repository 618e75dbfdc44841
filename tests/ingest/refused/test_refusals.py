"""Every reason has a remedy, and what the bytes of a malformed record show decides which."""

import numpy as np
import pytest

from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.refused.refusals import (
    NOT_JSON,
    NOT_UTF_8,
    SPREAD,
    UNKNOWN,
    VALUE,
    RefusedGroup,
    causes_of,
    grouped,
    refusal_notes,
    refused_records,
    remedy_of,
)
from pipelines.ingest.reject_reasons import BAD_TIME, MALFORMED, REASONS, TOO_LARGE
from schemas.contract import INPUTS


def lines(*records):
    data = np.frombuffer(b"\n".join(records) + b"\n", np.uint8)
    begins = np.cumsum([0, *(len(record) + 1 for record in records[:-1])])
    return Lines(0, data, first_line=1, line_ends=len(records), path="/in/a.ndjson"), begins


def rows(count, raw):
    return Columns(0, {}, count, np.zeros(count, np.uint8), raw, path="/in/a.csv", format="csv")


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        (b'[{"person": "p"}, {"person": "q"}]', SPREAD),
        (b"  [", SPREAD),
        (b"{", SPREAD),
        (b"},", SPREAD),
        ('{"zone": "Chơ\u0323"}'.encode("cp1258"), NOT_UTF_8),
        ('{"zone": "Chî"}'.encode("latin-1"), NOT_UTF_8),
        (b"person,venue,occurred_at", NOT_JSON),
        (b"null", NOT_JSON),
        (b'{"person": 5}', VALUE),
        (b'{"direction": "enter"}', VALUE),
        (b'{"person": "p", }', UNKNOWN),
        (b'{"person": "p"', UNKNOWN),
    ],
)
def test_the_cause_of_a_malformed_line_is_seen_in_its_bytes(record, cause):
    block, at = lines(record)
    assert causes_of(block, at, np.array([MALFORMED], np.uint8), lambda _: record).tolist() == [cause]


def test_the_cause_of_a_row_is_its_division_its_encoding_or_a_value():
    block = rows(3, {0: b"p,t", 1: b"p\xe9,t,v"})
    raw = [b"p,t", b"p\xe9,t,v", b'{"zone": "1"}']
    for row, cause in enumerate((UNKNOWN, NOT_UTF_8, VALUE)):
        found = causes_of(
            block, np.array([row]), np.array([MALFORMED], np.uint8), lambda _, row=row: raw[row]
        )
        assert found.tolist() == [cause]


def test_only_the_first_record_of_a_reason_is_looked_at():
    looked = []
    block, at = lines(b"x", b"[", b"[1]", b"y" * 20)
    reasons = np.array([MALFORMED, BAD_TIME, MALFORMED, TOO_LARGE], np.uint8)
    causes_of(block, at, reasons, lambda position: looked.append(position) or b"x")
    assert looked == [0, 3]


@pytest.mark.parametrize("contract", INPUTS)
@pytest.mark.parametrize("format_", ["ndjson", "csv", "parquet"])
@pytest.mark.parametrize("cause", [UNKNOWN, SPREAD, NOT_UTF_8, NOT_JSON, VALUE])
def test_every_reason_has_a_remedy_in_one_line(contract, format_, cause):
    for reason in REASONS[1:]:
        remedy = remedy_of(RefusedGroup(reason, 1, "/in/a", format_, 1, cause), contract)
        assert remedy
        assert "\n" not in remedy


@pytest.mark.parametrize(
    ("reason", "cause", "says"),
    [
        ("bad_person", UNKNOWN, "as text, not as a decimal (905123456.0)"),
        ("malformed", SPREAD, "write one record a line"),
        ("too_large", SPREAD, "write one record a line"),
        ("malformed", NOT_UTF_8, "Windows-1258"),
        ("bad_time", UNKNOWN, "not +0700, 01/07/2021 08:00 or a time without offset"),
        ("too_old", UNKNOWN, "--now"),
        ("too_old", UNKNOWN, "--max-age-days"),
        ("too_new", UNKNOWN, "--max-ahead-days"),
        ("missing_field", UNKNOWN, "a record needs person or person_code, venue or code, occurred_at"),
        ("bad_person", UNKNOWN, "phone:0905123456"),
    ],
)
def test_the_remedy_names_what_to_do(reason, cause, says):
    assert says in remedy_of(RefusedGroup(reason, 1, "/in/a.ndjson", "ndjson", 1, cause), "scan")


def test_records_are_summed_up_in_the_order_of_the_reasons_with_the_first_of_each():
    block, at = lines(b"x", b"{}", b"y", b"z")
    reasons = np.array([BAD_TIME, MALFORMED, BAD_TIME, MALFORMED], np.uint8)
    records = refused_records(block, at, reasons, lambda _: b"{}")
    assert [record.number for record in records] == [1, 2, 3, 4]
    assert grouped(records) == [
        RefusedGroup("malformed", 2, "/in/a.ndjson", "ndjson", 2, VALUE),
        RefusedGroup("bad_time", 2, "/in/a.ndjson", "ndjson", 1),
    ]
    assert list(refusal_notes("scans", "scan", 1204, grouped(records)))[1].startswith(
        "scans: 2 of 1,204 refused as bad_time, the first at /in/a.ndjson line 1: a time needs"
    )


def test_a_number_counts_lines_of_a_text_and_records_of_other_files():
    where = {format_: RefusedGroup("bad_time", 1, "/in/a", format_, 7).where() for format_ in ("csv", "avro")}
    assert where == {"csv": "/in/a line 7", "avro": "/in/a record 7"}
    assert RefusedGroup("bad_time", 1, "/in/a", "csv", 0).where() == "/in/a"
