"""Avro is read by the names of the contract, whatever else a writer's schema holds."""

import io
import json

import fastavro
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError
from pipelines.ingest.formats.avro_container import AvroFile
from pipelines.ingest.reject_reasons import MALFORMED
from tests.ingest.input_files import SCANS, avro_of, blocks, records, write

EIGHT = "2021-07-01T01:00:00Z"
EIGHT_US = 1_625_101_200_000_000


def schema_of(**types):
    """A schema of `person`, `venue`, `occurred_at` as text, and what is given."""
    types = {"person": "string", "venue": "string", "occurred_at": "string", **types}
    fields = [{"name": name, "type": type_} for name, type_ in types.items()]
    return {"type": "record", "name": "Row", "fields": fields}


def long_of(logical):
    return {"type": "long", "logicalType": logical}


def read_one(tmp_path, schema, **values):
    record = {"person": "p", "venue": "v", "occurred_at": EIGHT, **values}
    (found,) = records(write(tmp_path, "a.avro", raw_avro([record], schema)))
    return found


def raw_avro(rows, schema):
    """An Avro file whose logical types are plain numbers, so that any number can be written."""
    plain = json.loads(json.dumps(schema).replace("logicalType", "plainNumber"))
    content = avro_of(rows, plain)
    return content.replace(b"plainNumber", b"logicalType")


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_every_codec_gives_the_same_records(tmp_path, codec):
    path = write(tmp_path, "a.avro", avro_of(SCANS * 3000, codec=codec, sync_interval=500))
    assert records(path) == SCANS * 3000


def container(codec, packed, count):
    head = io.BytesIO()
    meta = {"avro.schema": json.dumps(schema_of()), "avro.codec": codec}
    fastavro.schemaless_writer(head, {"type": "map", "values": "string"}, meta)
    block = io.BytesIO()
    for number in (count, len(packed)):
        fastavro.schemaless_writer(block, "long", number)
    return b"Obj\x01" + head.getvalue() + b"s" * 16 + block.getvalue() + packed + b"s" * 16


def snappy(data):
    import zlib

    import pyarrow as pa

    return pa.Codec("snappy").compress(data, asbytes=True) + zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize(("codec", "pack"), [("zstandard", zstandard.compress), ("snappy", snappy)])
def test_codecs_of_other_writers_are_read_too(tmp_path, codec, pack):
    row = b"\x02p\x02v\x02t"
    expected = [{"person": "p", "venue": "v", "occurred_at": "t"}] * 3
    whole = container(codec, pack(row * 3), 3)
    assert records(write(tmp_path, "a.avro", whole)) == expected
    damaged = bytearray(pack(row * 3))
    damaged[-1] ^= 0x55
    with pytest.raises(DataError):
        records(write(tmp_path, "b.avro", container("snappy", bytes(damaged), 3)))


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (long_of("timestamp-micros"), EIGHT_US, EIGHT_US),
        (long_of("timestamp-millis"), EIGHT_US // 1000, EIGHT_US),
        (long_of("timestamp-nanos"), EIGHT_US * 1000 + 1999, EIGHT_US + 1),
        ("long", EIGHT_US, EIGHT_US),
        (["null", "string", long_of("timestamp-micros")], EIGHT_US, EIGHT_US),
        (["null", "string", long_of("timestamp-micros")], EIGHT, EIGHT),
        (long_of("timestamp-micros"), 2**63 - 1, 2**63 - 1),
    ],
)
def test_instants_are_microseconds_of_utc(tmp_path, type_, value, expected):
    assert read_one(tmp_path, schema_of(occurred_at=type_), occurred_at=value)["occurred_at"] == expected


def test_instants_and_texts_may_take_turns(tmp_path):
    schema = schema_of(occurred_at=["null", "string", long_of("timestamp-millis")])
    values = [EIGHT, EIGHT_US // 1000, None]
    rows = [{"person": "p", "venue": "v", "occurred_at": value} for value in values]
    found = records(write(tmp_path, "a.avro", raw_avro(rows, schema)))
    assert [row.get("occurred_at") for row in found] == [EIGHT, "2021-07-01T01:00:00.000000Z", None]


@pytest.mark.parametrize("logical", ["local-timestamp-micros", "local-timestamp-millis"])
def test_local_times_are_unreadable_because_nobody_knows_where(tmp_path, logical):
    with pytest.raises(DataError, match="has local times in `occurred_at`"):
        read_one(tmp_path, schema_of(occurred_at=["null", long_of(logical)]), occurred_at=EIGHT_US)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("bytes", b"F1", "F1"),
        ({"type": "enum", "name": "E", "symbols": ["F1", "F2"]}, "F2", "F2"),
        (["null", "string"], None, None),
        ("null", None, None),
    ],
)
def test_bytes_and_enums_are_text(tmp_path, type_, value, expected):
    assert read_one(tmp_path, schema_of(zone=type_), zone=value).get("zone") == expected


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("bytes", b"\xff"),
        ("int", 1),
        ("double", 1.5),
        ("boolean", True),
        ({"type": "fixed", "name": "F", "size": 2}, b"ab"),
        ({"type": "array", "items": "string"}, ["a"]),
        ({"type": "map", "values": "string"}, {"a": "b"}),
        ({"type": "record", "name": "In", "fields": [{"name": "x", "type": "long"}]}, {"x": 1}),
        (["null", "string", "int"], 5),
    ],
)
@pytest.mark.parametrize("name", ["zone", "venue"])
def test_a_value_of_another_type_makes_its_row_malformed(tmp_path, type_, value, name):
    assert read_one(tmp_path, schema_of(**{name: type_}), **{name: value}) == MALFORMED


DEEP = {
    "type": "record",
    "name": "Tree",
    "fields": [
        {"name": "children", "type": {"type": "array", "items": "Tree"}},
        {
            "name": "more",
            "type": {"type": "map", "values": ["null", "double", {"type": "array", "items": "float"}]},
        },
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 3}},
        {"name": "again", "type": ["null", "Mark"]},
    ],
}


def tree(depth):
    children = [tree(depth - 1)] * 2 if depth else []
    more = {"a": None, "b": 1.5, "c": [1.0, 2.0]}
    return {"children": children, "more": more, "mark": b"abc", "again": b"def" if depth else None}


def test_what_nobody_wants_is_stepped_over_however_it_is_nested(tmp_path):
    schema = {"type": "record", "name": "Row", "namespace": "other.place", "fields": [
        {"name": "before", "type": DEEP},
        *schema_of()["fields"],
        {"name": "behind", "type": ["null", "other.place.Tree"]},
    ]}  # fmt: skip
    rows = [
        {"before": tree(depth), "person": f"p{depth}", "venue": "v", "occurred_at": "t", "behind": tree(1)}
        for depth in range(5)
    ]
    found = records(write(tmp_path, "a.avro", avro_of(rows, schema)))
    assert found == [{"person": f"p{n}", "venue": "v", "occurred_at": "t"} for n in range(5)]


def test_a_nesting_without_end_is_damage(tmp_path):
    rows = [{"t": tree(0), "person": "p", "venue": "v", "occurred_at": "t"}]
    for _ in range(100):
        rows[0]["t"] = {**tree(0), "children": [rows[0]["t"]]}
    schema = {"type": "record", "name": "R", "fields": [{"name": "t", "type": DEEP}, *schema_of()["fields"]]}
    with pytest.raises(DataError, match="cannot be read as Avro"):
        records(write(tmp_path, "a.avro", avro_of(rows, schema)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_anywhere_is_an_error_or_other_records_and_never_worse(tmp_path_factory, data):
    whole = bytearray(
        avro_of(SCANS * 20, codec=data.draw(st.sampled_from(["null", "deflate"])), sync_interval=99)
    )
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.mktemp("avro"), "a.avro", bytes(whole))
    try:
        found = sum(block.rows for block in blocks(path))
    except DataError as refusal:
        assert "a.avro" in str(refusal)  # noqa: PT017
    else:
        assert found <= len(whole)


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_read_as_fastavro_writes_them(number):
    from pipelines.ingest.formats.avro_kernel import read_long

    written = io.BytesIO()
    fastavro.schemaless_writer(written, "long", number)
    data = np.frombuffer(bytearray(written.getvalue()), np.uint8)
    assert read_long(data, 0) == (number, data.size)
    assert read_long(data[:-1], 0)[1] == -1


def test_more_records_than_bytes_are_damage(tmp_path):
    with pytest.raises(DataError):
        records(write(tmp_path, "a.avro", container("null", b"\x00\x00\x00", 2**40)))
    with pytest.raises(DataError):
        records(write(tmp_path, "b.avro", container("null", b"\x00" * 6, 1)))


def test_a_block_that_unpacks_without_end_is_damage(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.ingest.formats.avro_container.MOST_BLOCK_BYTES", 10_000)
    import zlib

    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(b"\x00" * 30_000) + deflate.flush()
    for codec, content in (("deflate", packed), ("zstandard", zstandard.compress(b"\x00" * 30_000))):
        with pytest.raises(DataError):
            records(write(tmp_path, "a.avro", container(codec, content, 10_000)))


def test_the_schema_of_a_file_is_known_before_its_records():
    file = AvroFile(io.BytesIO(avro_of(SCANS)))
    assert file.schema.fields[:3] == ["event_id", "person", "person_code"]
