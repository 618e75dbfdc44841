"""Blocks of lines and of columns as records, and what their digests are made of."""

import numpy as np
import pyarrow as pa

from pipelines.ingest.formats.blocks import NO_INSTANT, Columns
from pipelines.ingest.validate.scans import parse, raw_records, rows_of
from pipelines.kernels.types import Spans
from tests.ingest.reference import (
    GOOD,
    SETTINGS,
    Row,
    block,
    columns_of,
    kept,
    line,
    microseconds,
    of,
    outcomes,
    spans_of,
)

FIRST = np.zeros(1, np.int64)


def test_columns_take_microseconds_and_say_missing_where_they_are_null():
    fields = {name: spans_of([GOOD[name].encode()] * 3) for name in ("person", "venue")}
    early = microseconds("2021-07-01T01:30:00+00:00")
    instants = np.array([early, NO_INSTANT, np.iinfo(np.int64).max])
    columns = Columns(0, {**fields, "occurred_at": instants}, 3, np.zeros(3, np.uint8))
    found = outcomes(parse(columns, 0, SETTINGS))
    assert found[0] == kept()
    assert found[1] == "missing_field"
    assert isinstance(found[2], Row)
    assert found[2].fault == "too_new"


def test_what_the_reader_refused_stays_refused_and_columns_that_are_not_there_are_absent():
    columns = columns_of([GOOD, GOOD, {"person": "nobody"}])
    columns.broken[1] = 1
    columns.broken[2] = 3
    assert outcomes(parse(columns, 0, SETTINGS))[1:] == ["malformed", "too_deep"]
    assert outcomes(parse(Columns(0, {}, 2, np.zeros(2, np.uint8)), 0, SETTINGS)) == ["missing_field"] * 2


def test_a_row_of_columns_over_16_kilobytes_of_json_is_too_large():
    def size_of(zone):
        return len(raw_records(columns_of([{**GOOD, "zone": zone}]), FIRST)[0])

    room = 16 * 1024 - size_of("x") + 1
    for zone, reason in (
        ("x" * room, "bad_text"),
        ("x" * (room + 1), "too_large"),
        ("\0" * 3000, "too_large"),
    ):
        assert outcomes(parse(columns_of([{**GOOD, "zone": zone}]), 0, SETTINGS)) == [reason]


def test_the_raw_record_of_a_row_is_its_json_in_the_order_of_the_contract():
    columns = columns_of([{"zone": "Tầng", **GOOD, "event_id": ""}])
    text = '{"person":"phone:0905123456","venue":"QNG-0001",'
    text += '"occurred_at":"2021-07-01T08:30:00+07:00","zone":"Tầng"}'
    assert raw_records(columns, FIRST)[0] == text.encode()
    timed = Columns(0, {"occurred_at": np.array([5, NO_INSTANT])}, 2, np.zeros(2, np.uint8), {1: b"raw"})
    assert raw_records(timed, np.array([0, 1])) == [b'{"occurred_at":5}', b"raw"]


def test_bytes_of_a_column_that_are_not_utf8_are_malformed_and_have_a_raw_record():
    columns = Columns(0, {"zone": spans_of([b"T\xe7ng"])}, 1, np.zeros(1, np.uint8))
    assert outcomes(parse(columns, 0, SETTINGS)) == ["malformed"]
    assert raw_records(columns, FIRST)[0] == b'{"zone":"T\\\\xe7ng"}'


def test_columns_backed_by_arrow_memory_that_may_not_be_written_are_read():
    array = pa.array(["T1", None, "T2"])
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32)
    start, length = bounds[:-1].astype(np.int64), np.diff(bounds)
    length[1] = -1
    start.flags.writeable = False
    zone = Spans(np.frombuffer(data, np.uint8), start, length)
    fields = {name: spans_of([GOOD[name].encode()] * 3) for name in GOOD}
    found = outcomes(parse(Columns(0, {**fields, "zone": zone}, 3, np.zeros(3, np.uint8)), 0, SETTINGS))
    assert [row.zone for row in found] == ["T1", None, "T2"]


def test_blank_lines_are_not_records_and_line_ends_of_both_kinds_count():
    raw = [
        "\n",
        line(),
        "\r\n",
        " \t \r\n",
        "\r\n",
        line(zone="T1"),
        "\n\n",
        "hello",
        "\r\n",
        "  ",
        line(zone="T2"),
    ]
    assert of(*raw) == ["kept", "kept", "malformed", "kept"]
    rows = rows_of(block(*raw))
    assert raw_records(block(*raw), rows[[0, 3, 1, 2]]) == [
        line().encode(),
        b"  " + line(zone="T2").encode(),
        line(zone="T1").encode(),
        b"hello",
    ]
