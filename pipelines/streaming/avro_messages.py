"""Messages in Avro to lines of JSON: by the topic's schema, or a small container file.

The writer's schema decides, whatever revision it is: a field that this reader
does not know is left to ingest, which ignores it.
"""

import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import fastavro
import orjson

from pipelines.ingest.formats.avro_container import AvroContainer
from pipelines.ingest.formats.avro_schema import plain_schema
from pipelines.ingest.formats.streams import MAGIC
from pipelines.streaming.message_records import MESSAGE_BYTES, MOST_RECORDS, lines_of, poison_line
from schemas.contract import WIRE_FOLDER

ENCODING: Final = "googclient_schemaencoding"
SCHEMA: Final = "googclient_schemaname"
REVISION: Final = "googclient_schemarevisionid"
"""Attributes that Pub/Sub sets on messages of a topic with a schema."""

CONTAINER: Final = MAGIC["avro"]
"""How an Avro container file begins; it brings its schema along."""

_EPOCH = dt.datetime(1970, 1, 1)

SchemaOf = Callable[[str, str], str]
"""(name, revision) -> the definition of a topic's schema, JSON; empty when there is none."""


class Decoder:
    """Turns messages into lines; keeps the schemas that it has seen."""

    def __init__(self, schema_of: SchemaOf) -> None:
        """Begin without any schema.

        Args:
            schema_of: asks the service for a schema.
        """
        self._schema_of = schema_of
        self._known: dict[tuple[str, str], str] = {}
        self._parsed_already: dict[str, Any] = {}

    def lines(self, message: bytes, attributes: Mapping[str, str]) -> tuple[bytes, int]:
        """The records of a message as lines and how many; poison is one line that ingest refuses.

        Raises:
            ServiceError: the schema of the message cannot be asked for now.
        """
        encoding = attributes.get(ENCODING, "") if attributes else ""
        if not encoding and not message.startswith(CONTAINER):
            return lines_of(message)
        if len(message) > MESSAGE_BYTES:
            return poison_line(message), 1
        definition = self._definition(attributes) if encoding else ""
        try:
            schema = self._parsed(definition) if encoding else None
            records = _records(message, encoding, schema)
            return b"".join(_line(record) for record in records), len(records)
        except Exception:  # fastavro raises whatever the bytes lead it to; none of it may be told
            return poison_line(message), 1

    def _definition(self, attributes: Mapping[str, str]) -> str:
        key = attributes.get(SCHEMA, ""), attributes.get(REVISION, "")
        if key not in self._known:
            self._known[key] = self._schema_of(*key)
        return self._known[key]

    def _parsed(self, definition: str) -> Any:
        if definition not in self._parsed_already:
            self._parsed_already[definition] = plain_schema(definition)
        return self._parsed_already[definition]


def scan_schema() -> str:
    """The contract of a scan as a topic's schema."""
    return (WIRE_FOLDER / "scan.avsc").read_text(encoding="utf-8")


def encode(records: Sequence[Mapping[str, Any]], definition: str, encoding: str) -> bytes:
    """A message of records.

    Args:
        records: scans with their fields as text.
        definition: of the topic's schema; empty packs a container file with the contract's.
        encoding: BINARY or JSON, by the topic's schema; then there is one record.

    Raises:
        ValueError: a record does not fit the schema.
    """
    schema = plain_schema(definition or scan_schema())
    if encoding == "JSON":
        text = io.StringIO()
        fastavro.json_writer(text, schema, records)
        return text.getvalue().encode()
    stream = io.BytesIO()
    if encoding:
        fastavro.schemaless_writer(stream, schema, dict(records[0]))
    else:
        fastavro.writer(stream, schema, records, codec="deflate")
    return stream.getvalue()


def _records(message: bytes, encoding: str, schema: Any) -> list[Any]:
    """The records of a message.

    Raises:
        Exception: whatever the bytes lead to.
    """
    if not encoding:
        records: list[Any] = []
        for block in AvroContainer(io.BytesIO(message)).blocks():
            records += block
            if len(records) > MOST_RECORDS:
                break
        if not 1 <= len(records) <= MOST_RECORDS:
            raise ValueError
        return records
    if encoding == "JSON":
        return list(fastavro.json_reader(io.StringIO(message.decode()), schema))
    stream = io.BytesIO(message)
    record = fastavro.schemaless_reader(stream, schema, None)
    if stream.read(1):
        raise ValueError
    return [record]


def _line(record: Any) -> bytes:
    """A record as ingest reads lines: an instant as text."""
    if not isinstance(record, dict):
        raise TypeError
    if isinstance(record.get("occurred_at"), int):
        record["occurred_at"] = _instant(record["occurred_at"])
    return orjson.dumps(record, default=_no_text) + b"\n"


def _instant(micros: int) -> str:
    try:
        return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat() + "Z"
    except OverflowError:
        return "beyond all years"


def _no_text(value: Any) -> Any:
    """Bytes as the text that they are; a number, which no field takes, for any other value."""
    try:
        return value.decode()
    except (AttributeError, UnicodeDecodeError):
        return 0
