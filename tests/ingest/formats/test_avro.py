"""Avro is read by the names of the contract, whatever else a writer's schema holds."""

import io
import json

import fastavro
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError, ServiceError
from pipelines.ingest.formats.avro import read_avro
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.lake import objects, storage
from tests.ingest.input_files import SCANS, avro_of, blocks, records, write

EIGHT = "2021-07-01T01:00:00Z"
EIGHT_US = 1_625_101_200_000_000


def schema_of(**types):
    """Return a schema of `person`, `venue`, `occurred_at` as text, and what is given."""
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
    """Return an Avro file whose logical types are plain numbers, so that any number can be written."""
    plain = json.loads(json.dumps(schema).replace("logicalType", "plainNumber"))
    content = avro_of(rows, plain)
    return content.replace(b"plainNumber", b"logicalType")


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_every_codec_gives_the_same_records(tmp_path, codec):
    path = write(tmp_path, "a.avro", avro_of(SCANS * 3000, codec=codec, sync_interval=500))
    assert records(path) == SCANS * 3000


def number(value):
    written = io.BytesIO()
    fastavro.schemaless_writer(written, "long", value)
    return written.getvalue()


def container(codec, packed, count, schema=None):
    head = io.BytesIO()
    meta = {"avro.schema": json.dumps(schema or schema_of()), "avro.codec": codec}
    fastavro.schemaless_writer(head, {"type": "map", "values": "string"}, meta)
    return b"Obj\x01" + head.getvalue() + b"s" * 16 + number(count) + number(len(packed)) + packed + b"s" * 16


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


CHAIN = {
    "type": "record",
    "name": "Row",
    "fields": [
        *schema_of()["fields"],
        {"name": "link", "type": ["null", {"type": "record", "name": "Link", "fields": [
            {"name": "next", "type": ["null", "Link"]},
        ]}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("links", "is_read"), [(0, True), (17, True), (18, False), (2_000_000, False)])
def test_records_within_records_never_overflow_the_stack(tmp_path, links, is_read):
    row = b"\x02p\x02v\x02t" + b"\x02" * links + b"\x00"
    path = write(tmp_path, "a.avro", container("null", row, 1, CHAIN))
    if is_read:
        assert records(path) == [{"person": "p", "venue": "v", "occurred_at": "t"}]
    else:
        with pytest.raises(DataError, match="cannot be read as Avro"):
            records(path)


@pytest.mark.parametrize("items", ["null", {"type": "record", "name": "Empty", "fields": []}])
def test_a_million_million_items_that_take_no_bytes_are_damage(tmp_path, items):
    schema = schema_of(note={"type": "array", "items": items})
    row = b"\x02p\x02v\x02t" + number(2**40) + b"\x00"
    with pytest.raises(DataError):
        records(write(tmp_path, "a.avro", container("null", row, 1, schema)))
    nothing = schema_of(person="null", venue="null", occurred_at="null")
    with pytest.raises(DataError):
        records(write(tmp_path, "b.avro", container("null", b"", 2**40, nothing)))
    with pytest.raises(DataError):
        records(write(tmp_path, "c.avro", container("null", number(2**40), 1, nothing)))


def test_a_header_and_a_block_may_not_be_longer_than_what_is_held(tmp_path, monkeypatch):
    path = write(tmp_path, "a.avro", avro_of(SCANS))
    assert records(path) == SCANS
    monkeypatch.setattr("pipelines.ingest.formats.avro_container.MOST_BLOCK_BYTES", 1_000)
    with pytest.raises(DataError):
        records(path)


def test_bytes_behind_the_records_of_a_block_are_damage(tmp_path):
    row = b"\x02p\x02v\x02t"
    for more in (b"\x00", row, b"\x02" + row, b"\x02" + row + b"\x00"):
        with pytest.raises(DataError):
            records(write(tmp_path, "a.avro", container("null", row + more, 1)))


def test_one_text_that_is_not_utf_8_costs_its_row_alone(tmp_path):
    rows = b"\x02p\x02v\x02t" + b"\x04p\xff\x02v\x02t" + b"\x06\xed\xa0\x80\x02v\x02t" + b"\x02q\x02v\x02t"
    found = records(write(tmp_path, "a.avro", container("null", rows, 4)))
    good = {"venue": "v", "occurred_at": "t"}
    assert found == [{"person": "p", **good}, MALFORMED, MALFORMED, {"person": "q", **good}]


def test_times_of_two_units_in_one_field_are_told_apart(tmp_path):
    date = {"type": "int", "logicalType": "date"}
    schema = schema_of(occurred_at=["null", date, long_of("timestamp-millis")])
    rows = b"\x02p\x02v\x02" + number(18_809) + b"\x02p\x02v\x04" + number(EIGHT_US // 1000)
    found = records(write(tmp_path, "a.avro", container("null", rows, 2, schema)))
    assert [row["occurred_at"] for row in found] == ["2021-07-01", "2021-07-01T01:00:00.000000Z"]


def test_a_date_is_text_in_a_field_of_times_and_malformed_elsewhere(tmp_path):
    date = {"type": "int", "logicalType": "date"}
    one = {"case_id": "1", "person": "p", "onset_at": 18_809}
    schema = {"type": "record", "name": "Case", "fields": [
        {"name": "case_id", "type": "string"}, {"name": "person", "type": "string"},
        {"name": "onset_at", "type": ["null", date]},
    ]}  # fmt: skip
    path = write(tmp_path, "a.avro", raw_avro([one, one | {"onset_at": None}], schema))
    assert records(path, contract="case") == [
        {"case_id": "1", "person": "p", "onset_at": "2021-07-01"},
        {"case_id": "1", "person": "p"},
    ]
    assert read_one(tmp_path, schema_of(zone=date), zone=18_809) == MALFORMED


def test_lists_of_texts_are_joined_and_lists_of_anything_else_are_malformed(tmp_path):
    rows = [
        {"person": "p", "declared_at": EIGHT, "symptoms": symptoms}
        for symptoms in (["fever", "cough"], [], None, "fever")
    ]
    found = records(write(tmp_path, "a.avro", avro_of(rows, "declaration")), contract="declaration")
    assert [row.get("symptoms") for row in found] == ["fever;cough", None, None, "fever"]
    schema = {"type": "record", "name": "D", "fields": [
        {"name": "person", "type": "string"}, {"name": "declared_at", "type": "string"},
        {"name": "symptoms", "type": {"type": "array", "items": "int"}},
    ]}  # fmt: skip
    path = write(
        tmp_path, "b.avro", avro_of([{"person": "p", "declared_at": EIGHT, "symptoms": [1]}], schema)
    )
    assert records(path, contract="declaration") == [MALFORMED]


def test_a_file_from_a_store_that_breaks_off_in_its_header_is_a_missing_service(store, monkeypatch):
    storage.put("s3://bucket/a.avro", avro_of(SCANS))
    (chunk,) = list_chunks(["s3://bucket/a.avro"])
    monkeypatch.setattr(objects, "get_range", broken_off)
    with pytest.raises(ServiceError):
        list(read_avro(chunk, "scan"))


def broken_off(*_):
    raise ServiceError("s3://bucket cannot be reached", "check")
