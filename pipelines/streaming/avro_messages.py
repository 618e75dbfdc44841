"""Avro messages to lines of JSON: encoded by the topic's schema, or small container files.

The writer's schema decides, whatever its revision. A field that the contract
does not know is passed on to ingest, which ignores it.
"""

import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import fastavro
import orjson

from pipelines.ingest.formats.avro_container import AvroContainer
from pipelines.ingest.formats.avro_schema import plain_schema
from pipelines.ingest.formats.discovery.streams import MAGIC
from pipelines.streaming.land_options import MOST_RECORDS
from pipelines.streaming.message_records import MESSAGE_BYTES, lines_of, poison_line
from schemas.contract import WIRE_FOLDER

ENCODING: Final = "googclient_schemaencoding"
SCHEMA: Final = "googclient_schemaname"
REVISION: Final = "googclient_schemarevisionid"
"""Attributes that Pub/Sub sets on the messages of a topic with a schema."""

CONTAINER: Final = MAGIC["avro"]
"""How an Avro container file begins; it brings its schema along."""

_EPOCH = dt.datetime(1970, 1, 1)

SchemaOf = Callable[[str, str], str]
"""(name, revision) -> definition of a topic's schema as JSON; empty if there is none."""


class Decoder:
    r"""Turns messages into lines; keeps the schemas it has seen.

    >>> Decoder(lambda name, revision: "").lines(b'{"venue": "V"}', {})
    (b'{"venue": "V"}\n', 1)
    """

    def __init__(self, schema_of: SchemaOf) -> None:
        """Begin without any schema.

        Args:
            schema_of: fetches a schema from the service.
        """
        self._schema_of = schema_of
        self._definitions: dict[tuple[str, str], str] = {}
        self._schemas: dict[str, Any] = {}

    def lines(self, message: bytes, attributes: Mapping[str, str]) -> tuple[bytes, int]:
        """Return a message's records as lines and their number; poison becomes one line that ingest refuses.

        Raises:
            ServiceError: the schema of the message cannot be fetched now.
        """
        # No encoding means no topic schema: JSON, or a container file that brings its own.
        encoding = attributes.get(ENCODING, "") if attributes else ""
        if not encoding and not message.startswith(CONTAINER):
            return lines_of(message)
        if len(message) > MESSAGE_BYTES:
            return poison_line(message), 1
        # Outside the `try`: a service that does not answer does not make the message poison.
        definition = self._definition(attributes) if encoding else ""
        try:
            schema = self._schema(definition) if encoding else None
            records = _records(message, encoding, schema)
            return b"".join(_line(record) for record in records), len(records)
        except Exception:  # fastavro raises whatever the bytes lead it to, with values in the text
            return poison_line(message), 1

    def _definition(self, attributes: Mapping[str, str]) -> str:
        key = attributes.get(SCHEMA, ""), attributes.get(REVISION, "")
        # By revision: messages of an earlier one may still be waiting.
        if key not in self._definitions:
            self._definitions[key] = self._schema_of(*key)
        return self._definitions[key]

    def _schema(self, definition: str) -> Any:
        if definition not in self._schemas:
            self._schemas[definition] = plain_schema(definition)
        return self._schemas[definition]


def scan_schema() -> str:
    """Return the contract of a scan as a topic's schema."""
    return (WIRE_FOLDER / "scan.avsc").read_text(encoding="utf-8")


def encode(records: Sequence[Mapping[str, Any]], definition: str, encoding: str) -> bytes:
    """Encode records as a message.

    Args:
        records: scans whose fields are text.
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
    """Decode the records of a message.

    Raises:
        Exception: of any type, for bytes that are not Avro.
    """
    if not encoding:
        records: list[Any] = []
        for block in AvroContainer(io.BytesIO(message)).blocks():
            records += block
            # Stop early: a small container may decode to millions of records.
            if len(records) > MOST_RECORDS:
                break
        if not 1 <= len(records) <= MOST_RECORDS:
            raise ValueError
        return records
    if encoding == "JSON":
        return list(fastavro.json_reader(io.StringIO(message.decode()), schema))
    stream = io.BytesIO(message)
    record = fastavro.schemaless_reader(stream, schema, None)
    if stream.read(1):  # fastavro ignores bytes after the record
        raise ValueError
    return [record]


def _line(record: Any) -> bytes:
    """Return a record as a line of JSON for ingest, its instant as text."""
    if not isinstance(record, dict):
        raise TypeError
    if isinstance(record.get("occurred_at"), int):  # microseconds; text is passed on unchanged
        record["occurred_at"] = instant_text(record["occurred_at"])
    return orjson.dumps(record, default=_no_text) + b"\n"


def instant_text(micros: int) -> str:
    """Return an instant as RFC 3339, or as a text that ingest refuses if no year holds it.

    >>> instant_text(0), instant_text(2**62)
    ('1970-01-01T00:00:00Z', 'beyond all years')
    """
    try:
        return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat() + "Z"
    except OverflowError:
        return "beyond all years"


def _no_text(value: Any) -> Any:
    """Return the text of bytes, and of any other value a number, which no field of text takes."""
    try:
        return value.decode()
    except (AttributeError, UnicodeDecodeError):
        return 0
