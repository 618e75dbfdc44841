"""`truyvet publish`: files of scans to a topic, many scans a message."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import orjson

from pipelines.errors import UsageError
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.discover import Chunk, list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.validate.scan_records import raw_records, rows_of
from pipelines.streaming.avro_messages import encode
from pipelines.streaming.broker import Topic
from pipelines.streaming.message_records import MESSAGE_BYTES, MOST_RECORDS, lines_of
from pipelines.terminal.progress import progress

ENCODINGS: Final = ("json", "avro")

_EPOCH = dt.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Published:
    """What has been sent."""

    scans: int
    messages: int


def publish(
    topic: str, paths: Sequence[str], *, pack: int = MOST_RECORDS, encoding: str = "json"
) -> Published:
    """Send the scans of files to a topic.

    A topic with a schema gets one record a message, encoded as it wants.

    Args:
        topic: `projects/P/topics/T`.
        paths: files, folders, globs or URLs of scans.
        pack: scans a message, at most; 1 to 500.
        encoding: json, or avro: a container file a message.

    Raises:
        DataError: a file cannot be read.
        UsageError: a flag is wrong.
        ServiceError: the broker or the topic is missing.
    """
    if not 1 <= pack <= MOST_RECORDS:
        raise UsageError("--pack is no number of scans", f"write a number from 1 to {MOST_RECORDS}")
    if encoding not in ENCODINGS:
        raise UsageError("--encoding is unknown", f"choose one of {' '.join(ENCODINGS)}")
    chunks = list_chunks(paths)
    target = Topic(topic)
    scans = 0
    try:
        with progress("publish", None, "scan") as done:

            def told() -> Iterator[tuple[bytes, dict[str, str]]]:
                nonlocal scans
                for message, count in _messages(chunks, 1 if target.schema else pack, encoding, target):
                    scans += count
                    done(count)
                    yield message, {}

            messages = target.publish(told())
    finally:
        target.close()
    return Published(scans, messages)


def _messages(chunks: Sequence[Chunk], pack: int, encoding: str, topic: Topic) -> Iterator[tuple[bytes, int]]:
    """Messages and how many scans each holds."""
    lines = (line for chunk in chunks for block in read_blocks(chunk) for line in _lines(block))
    while group := list(islice(lines, pack)):
        if topic.schema or encoding == "avro":
            yield from _avro(group, topic)
        elif pack == 1:
            yield group[0], 1
        else:
            yield from packed(group)


def packed(lines: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Arrays of the lines within the size of a message; a broken line goes by itself.

    A line whose brackets do not close would take its neighbours with it.
    """
    message = b"[" + b",".join(lines) + b"]"
    if len(lines) == 1:
        yield lines[0], 1
    elif len(message) <= MESSAGE_BYTES and lines_of(message)[1] == len(lines):
        yield message, len(lines)
    else:
        half = len(lines) // 2
        yield from packed(lines[:half])
        yield from packed(lines[half:])


def _avro(lines: Sequence[bytes], topic: Topic) -> Iterator[tuple[bytes, int]]:
    """Messages in Avro; what is no record in the sense of the schema goes as the JSON it is."""
    try:
        message = encode([orjson.loads(line) for line in lines], topic.schema, topic.encoding)
        if len(message) > MESSAGE_BYTES:
            raise ValueError
        yield message, len(lines)
    except Exception:  # fastavro raises whatever a record leads it to
        if len(lines) == 1:
            yield lines[0], 1
            return
        half = len(lines) // 2
        yield from _avro(lines[:half], topic)
        yield from _avro(lines[half:], topic)


def _lines(block: Lines | Columns) -> Iterator[bytes]:
    """The records of a block as JSON of the contract, blank lines left out."""
    if isinstance(block, Lines):
        yield from (line for line in block.data.tobytes().splitlines() if line.strip())
        return
    instants = block.fields.get("occurred_at")
    rows = rows_of(block)
    for row, raw in zip(rows.tolist(), raw_records(block, rows), strict=True):
        if isinstance(instants, np.ndarray) and not block.broken[row]:
            record = orjson.loads(raw)
            if isinstance(record.get("occurred_at"), int):
                record["occurred_at"] = _text_of(record["occurred_at"])
            yield orjson.dumps(record)
        else:
            yield raw


def _text_of(micros: int) -> str:
    try:
        return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat() + "Z"
    except OverflowError:
        return "beyond all years"
