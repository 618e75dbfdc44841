"""Messages in Avro become lines, or one line that ingest refuses; no emulator is needed for it."""

import io
import json

import fastavro
import orjson
import pytest

from pipelines.streaming.avro_messages import ENCODING, SCHEMA, Decoder, encode, scan_schema

SCAN = {"person": "phone:0905123456", "venue": "V1", "occurred_at": "2021-07-01T01:00:00Z"}
MICROS = 1_625_101_200_000_000


def schema_of(**types):
    types = {"person": "string", "venue": "string", "occurred_at": "string", **types}
    fields = [{"name": name, "type": type_} for name, type_ in types.items()]
    return {"type": "record", "name": "Scan", "fields": fields}


def container_of(schema, *records):
    stream = io.BytesIO()
    plain = json.loads(json.dumps(schema).replace("logicalType", "plainNumber"))
    fastavro.writer(stream, fastavro.parse_schema(plain), records)
    return stream.getvalue().replace(b"plainNumber", b"logicalType")


def lines_of(message, attributes=None, definition=""):
    lines, count = Decoder(lambda name, revision: definition).lines(message, attributes or {})
    assert lines.count(b"\n") == count
    return lines.split(b"\n")[:-1]  # the random mark of a container may hold a carriage return


def is_poison(lines):
    return len(lines) == 1 and lines[0].startswith(b"!")


@pytest.mark.parametrize(
    ("logical", "value"),
    [("timestamp-micros", MICROS), ("timestamp-millis", MICROS // 1000), ("timestamp-nanos", MICROS * 1000)],
)
def test_an_instant_of_any_unit_is_the_same_instant(logical, value):
    schema = schema_of(occurred_at={"type": "long", "logicalType": logical})
    (line,) = lines_of(container_of(schema, SCAN | {"occurred_at": value}))
    assert orjson.loads(line)["occurred_at"] == "2021-07-01T01:00:00Z"


def test_bytes_are_text_and_a_fixed_value_is_of_the_wrong_type():
    schema = schema_of(zone="bytes", scanner={"type": "fixed", "name": "F", "size": 2})
    (line,) = lines_of(container_of(schema, SCAN | {"zone": "Tầng 2".encode(), "scanner": b"ab"}))
    assert orjson.loads(line) == SCAN | {"zone": "Tầng 2", "scanner": 0}


def test_a_message_of_a_topic_keeps_the_defaults_of_its_schema():
    definition = json.dumps(
        schema_of()
        | {"fields": [*schema_of()["fields"], {"name": "zone", "type": "string", "default": "T1"}]}
    )
    message = encode([SCAN], definition, "BINARY")
    (line,) = lines_of(message, {ENCODING: "BINARY", SCHEMA: "s"}, definition)
    assert orjson.loads(line) == SCAN | {"zone": "T1"}
    (line,) = lines_of(encode([SCAN], definition, "JSON"), {ENCODING: "JSON", SCHEMA: "s"}, definition)
    assert orjson.loads(line)["person"] == SCAN["person"]


LINKS = schema_of(
    link=["null", {"type": "record", "name": "Link", "fields": [{"name": "next", "type": ["null", "Link"]}]}]
)
DEEP = b"\x02p\x02v\x02t" + b"\x02" * 900_000 + b"\x00"


def test_records_within_records_are_poison_and_do_not_end_the_process():
    definition = json.dumps(LINKS)
    assert is_poison(lines_of(DEEP, {ENCODING: "BINARY", SCHEMA: "s"}, definition))
    whole = container_of(LINKS, {"person": "p", "venue": "v", "occurred_at": "t", "link": None})
    assert len(lines_of(whole)) == 1
    head, sync = whole[: whole.index(b"\x02p\x02v") - 2], whole[-16:]
    size = io.BytesIO()
    fastavro.schemaless_writer(size, "long", len(DEEP))
    assert is_poison(lines_of(head + b"\x02" + size.getvalue() + DEEP + sync))


def test_more_records_than_a_message_may_hold_are_poison():
    schema = json.loads(scan_schema())
    assert len(lines_of(container_of(schema, *[SCAN] * 500))) == 500
    assert is_poison(lines_of(container_of(schema, *[SCAN] * 501)))
    assert is_poison(lines_of(container_of(schema)))
