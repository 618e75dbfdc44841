"""From a block of records to columns of scans: every check that one record can be judged by alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.arrays import Int64
from pipelines.ingest.spans import Columns, Lines, UInt8

if TYPE_CHECKING:
    from pipelines.keys import Keys

PARSED = pa.schema(
    [
        pa.field("person", pa.int64(), nullable=False),
        pa.field("venue", pa.int64(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("event_high", pa.uint64(), nullable=False),
        pa.field("event_low", pa.uint64(), nullable=False),
        pa.field("direction", pa.uint8(), nullable=False),
        pa.field("zone", pa.dictionary(pa.int32(), pa.string())),
        pa.field("scan_mode", pa.uint8(), nullable=False),
        pa.field("scanner", pa.int64()),
        pa.field("authenticity", pa.uint8(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("fault", pa.uint8(), nullable=False),
    ]
)
"""Scans that were read, in the order of the file. `event_high` and `event_low` are the halves
of the event key, big-endian; `direction`, `scan_mode` and `authenticity` codes of `schemas.codes`;
`row` = chunk number << 32 | row in the chunk; `fault` the reason code of the time check, else 0."""


@dataclass(frozen=True)
class Settings:
    """What parsing depends on beside the bytes.

    Attributes:
        keys: of the tokens and of the event keys.
        oldest_us: the earliest instant that is not too old.
        newest_us: the latest instant that is not too new.
    """

    keys: "Keys"
    oldest_us: int
    newest_us: int


@dataclass(frozen=True)
class Parsed:
    """What became of a block; refused rows and those of `scans` make up all that were received.

    Attributes:
        scans: schema `PARSED`; rows that only the time check refuses are among them.
        refused_row: int64[k], packed like `row`, ascending.
        refused_reason: uint8[k].
        received: records in the block.
        strict: lines that the fast parser left to the strict one.
        tokens: int64[d], the distinct persons of the scans without a fault.
        identifiers: their canonical identifiers, UTF-8.
    """

    scans: pa.Table
    refused_row: Int64
    refused_reason: UInt8
    received: int
    strict: int
    tokens: Int64
    identifiers: Sequence[bytes]


def parse(block: Lines | Columns, chunk_number: int, settings: Settings) -> Parsed:
    """Check, canonicalise and hash a block; no record is ever an exception."""
    raise NotImplementedError


def raw_records(block: Lines | Columns, rows: Int64) -> list[bytes]:
    """What the digest of a refused record is made of: its line without the line end, or its JSON.

    Args:
        block: the block that was parsed.
        rows: int64[k], numbers in the block (not in the chunk), ascending.
    """
    raise NotImplementedError


def raw_record(block: Lines | Columns, row_in_block: int) -> bytes:
    """`raw_records` of one row."""
    return raw_records(block, np.array([row_in_block], np.int64))[0]
