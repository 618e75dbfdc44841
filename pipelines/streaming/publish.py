"""`truyvet publish`: files of scans to a topic, many scans per message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import orjson

from pipelines.errors import UsageError
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.discovery.discover import Chunk, list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.validate.scan_records import raw_records, rows_of
from pipelines.streaming.avro_messages import encode, instant_text
from pipelines.streaming.broker import Topic
from pipelines.streaming.land_options import ENCODINGS, MOST_RECORDS
from pipelines.streaming.message_records import MESSAGE_BYTES, lines_of
from pipelines.terminal.progress import progress


@dataclass(frozen=True)
class Published:
    """What has been sent.

    Attributes:
        scans: scans.
        messages: messages that hold them.

    >>> Published(scans=1_000, messages=2)
    Published(scans=1000, messages=2)
    """

    scans: int
    messages: int


def publish(
    topic: str, paths: Sequence[str], *, pack: int = MOST_RECORDS, encoding: str = "json"
) -> Published:
    """Send the scans of files to a topic.

    A topic with a schema gets one record per message, in the topic's encoding.

    Args:
        topic: `projects/P/topics/T`.
        paths: files, folders, globs or URLs of scans.
        pack: most scans per message, 1 to 500.
        encoding: json, or avro, which makes each message a container file.

    Raises:
        DataError: a file cannot be read.
        UsageError: a flag is wrong.
        ServiceError: the broker or the topic is missing.
    """
    if not 1 <= pack <= MOST_RECORDS:
        raise UsageError(f"--pack must be a number from 1 to {MOST_RECORDS}", "correct it")
    if encoding not in ENCODINGS:
        raise UsageError("--encoding is unknown", f"choose one of {' '.join(ENCODINGS)}")
    chunks = list_chunks(paths)
    target = Topic(topic)
    scans = 0
    try:
        with progress("publish", None, "scan") as done:

            def counted() -> Iterator[tuple[bytes, dict[str, str]]]:
                nonlocal scans
                # A topic's schema describes one record, so its messages hold one.
                for message, count in _messages(chunks, 1 if target.schema else pack, encoding, target):
                    scans += count
                    done(count)
                    yield message, {}

            messages = target.publish(counted())
    finally:
        target.close()
    return Published(scans, messages)


def _messages(chunks: Sequence[Chunk], pack: int, encoding: str, topic: Topic) -> Iterator[tuple[bytes, int]]:
    """Yield messages and the number of scans in each."""
    lines = (line for chunk in chunks for block in read_blocks(chunk) for line in _lines(block))
    # Across files: a message may hold the end of one and the start of the next.
    while group := list(islice(lines, pack)):
        if topic.schema or encoding == "avro":
            yield from _avro(group, topic)
        elif pack == 1:
            yield group[0], 1
        else:
            yield from packed(group)


def packed(lines: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the lines as JSON arrays within the size limit of a message; a broken line goes alone.

    In an array, a line whose brackets do not close would swallow its neighbours.

    Args:
        lines: JSON records.

    >>> [message for message, _ in packed([b'{"a":1}', b'{"b":2}'])]
    [b'[{"a":1},{"b":2}]']
    """
    message = b"[" + b",".join(lines) + b"]"
    if len(lines) == 1:
        yield lines[0], 1
    # Split as the receiver will: a line that breaks the array changes the count.
    elif len(message) <= MESSAGE_BYTES and lines_of(message)[1] == len(lines):
        yield message, len(lines)
    else:
        # Halve until the broken line stands alone.
        half = len(lines) // 2
        yield from packed(lines[:half])
        yield from packed(lines[half:])


def _avro(lines: Sequence[bytes], topic: Topic) -> Iterator[tuple[bytes, int]]:
    """Yield Avro messages; a record that does not fit the schema is sent as the JSON it is."""
    try:
        message = encode([orjson.loads(line) for line in lines], topic.schema, topic.encoding)
        if len(message) > MESSAGE_BYTES:
            raise ValueError
        yield message, len(lines)
    except Exception:  # fastavro raises whatever type a record leads it to
        if len(lines) == 1:
            yield lines[0], 1
            return
        half = len(lines) // 2
        yield from _avro(lines[:half], topic)
        yield from _avro(lines[half:], topic)


def _lines(block: Lines | Columns) -> Iterator[bytes]:
    """Yield the records of a block as JSON of the contract, without blank lines."""
    if isinstance(block, Lines):
        yield from (line for line in block.data.tobytes().splitlines() if line.strip())
        return
    instants = block.fields.get("occurred_at")
    rows = rows_of(block)
    for row, raw in zip(rows.tolist(), raw_records(block, rows), strict=True):
        # Parquet and Avro hold instants as microseconds, JSON of the contract as text.
        if isinstance(instants, np.ndarray) and not block.broken[row]:
            record = orjson.loads(raw)
            if isinstance(record.get("occurred_at"), int):
                record["occurred_at"] = instant_text(record["occurred_at"])
            yield orjson.dumps(record)
        else:
            yield raw
