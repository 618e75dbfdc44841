"""What a user is told about refused records: how many, why, where the first one is, and what to do.

Nothing here holds or prints a value of a record.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson

from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.column_names import EITHER, fields_of
from pipelines.ingest.formats.record_numbers import record_numbers
from pipelines.ingest.limits import RECORD_BYTES
from pipelines.ingest.refused.record_places import RecordPlace
from pipelines.ingest.reject_reasons import MALFORMED, REASONS, TOO_LARGE
from pipelines.kernels.types import Int64, UInt8
from pipelines.privacy.identifiers import KINDS
from schemas.codes import LINK_SOURCES
from schemas.contract import load_contract

UNKNOWN, SPREAD, NOT_UTF_8, NOT_JSON, VALUE = range(5)
"""Causes of a malformed or too large record that its bytes show: none of the others, a JSON array
or a record over several lines, another encoding, a line of something else, a value that its field
does not take."""


@dataclass(frozen=True)
class RefusedGroup:
    """Refused records of one input and one reason.

    >>> RefusedGroup("bad_time", count=3, path="/in/a.csv", format="csv", number=2).where()
    '/in/a.csv line 2'

    Attributes:
        reason: a name of `REASONS`.
        count: how many.
        path: the file of the first one, in order of the input.
        format: of that file, as `Chunk` has it.
        number: of the first one, from 1: its line in a text file, its place among the records of
            another one; 0 where it is not known.
        cause: what the bytes of the first one show.
    """

    reason: str
    count: int
    path: str
    format: str
    number: int
    cause: int = UNKNOWN

    def where(self) -> str:
        """Say where the first one is."""
        return str(RecordPlace(self.path, self.format, self.number))


@dataclass(frozen=True)
class RefusedRecord:
    """One refused record of an input that is read whole, in order of the input.

    >>> RefusedRecord("bad_person", "/in/cases.csv", "csv", 7).number
    7

    Attributes:
        reason: a name of `REASONS`.
        path: of its file.
        format: of its file.
        number: in the file, as in `RefusedGroup`.
        cause: what its bytes show.
    """

    reason: str
    path: str
    format: str
    number: int
    cause: int = UNKNOWN


def refused_records(
    block: Lines | Columns, rows: Int64, reasons: UInt8, raw_of: Callable[[int], bytes]
) -> list[RefusedRecord]:
    """Describe the refused records of a block.

    Args:
        block: as it was read.
        rows: int64[k], ascending: offsets or rows in the block.
        reasons: uint8[k].
        raw_of: the bytes of the record at a position among `rows`.
    """
    format_ = "ndjson" if isinstance(block, Lines) else block.format
    numbers = record_numbers(block, rows).tolist()
    causes = causes_of(block, rows, reasons, raw_of).tolist()
    return [
        RefusedRecord(REASONS[reason], block.path, format_, number, cause)
        for reason, number, cause in zip(reasons.tolist(), numbers, causes, strict=True)
    ]


def causes_of(block: Lines | Columns, rows: Int64, reasons: UInt8, raw_of: Callable[[int], bytes]) -> UInt8:
    """Return what the bytes of the first malformed and the first too large record show, else `UNKNOWN`.

    Args:
        block: as it was read.
        rows: int64[k], offsets or rows in the block.
        reasons: uint8[k].
        raw_of: the bytes of the record at a position among `rows`.
    """
    causes = np.zeros(rows.size, np.uint8)
    for reason in (MALFORMED, TOO_LARGE):
        # The first one shows what is wrong with a file; looking at each would parse them all again.
        for position in np.flatnonzero(reasons == reason)[:1].tolist():
            raw = raw_of(position)
            if isinstance(block, Lines):
                causes[position] = _cause_of_line(raw)
            else:
                causes[position] = _cause_of_row(raw, divided=int(rows[position]) not in block.raw)
    return causes


def _cause_of_line(raw: bytes) -> int:
    text = raw.strip()
    if not _is_utf_8(text):
        return NOT_UTF_8
    # A file of pretty-printed JSON, read line by line.
    if text[:1] == b"[" or text in (b"{", b"}", b"},"):
        return SPREAD
    if text[:1] != b"{":
        return NOT_JSON
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return UNKNOWN
    return VALUE


def _cause_of_row(raw: bytes, *, divided: bool) -> int:
    if divided:
        return VALUE
    return UNKNOWN if _is_utf_8(raw) else NOT_UTF_8


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def grouped(records: Iterable[RefusedRecord]) -> list[RefusedGroup]:
    """Sum up refused records by reason, in the order of the reasons."""
    counts: dict[str, int] = {}
    first: dict[str, RefusedRecord] = {}
    for record in records:
        counts[record.reason] = counts.get(record.reason, 0) + 1
        first.setdefault(record.reason, record)
    return [
        RefusedGroup(reason, counts[reason], found.path, found.format, found.number, found.cause)
        for reason in REASONS
        if (found := first.get(reason))
    ]


def refusal_notes(source: str, contract: str, received: int, groups: Iterable[RefusedGroup]) -> Iterator[str]:
    """Yield a line for each reason for which records of an input were refused.

    >>> group = RefusedGroup("too_old", 27836, "/in/a.ndjson", "ndjson", 1)
    >>> next(refusal_notes("scans", "scan", 27836, [group]))
    'scans: 27,836 of 27,836 refused as too_old, the first at /in/a.ndjson line 1: if the data is old, \
say --now with its time, or a larger --max-age-days'

    Args:
        source: as its flag calls it.
        contract: what its records are.
        received: records read.
        groups: by reason.
    """
    for group in groups:
        yield (
            f"{source}: {group.count:,} of {received:,} refused as {group.reason}, "
            f"the first at {group.where()}: {remedy_of(group, contract)}"
        )


def remedy_of(group: RefusedGroup, contract: str) -> str:
    """Say what to do about refused records of a reason."""
    if group.reason == "missing_field":
        return f"a record needs {_needed(contract)}"
    if group.reason == "malformed" and group.cause == UNKNOWN:
        return _BROKEN_JSON if group.format == "ndjson" else _BROKEN_ROW
    if group.reason == "malformed" and group.cause == VALUE and contract == "link":
        return _BROKEN_LINK
    if group.reason == "malformed" and group.cause == VALUE:
        words = _WORDS.get(contract)
        return "a value is of another type than its field" + (f", or not a word of {words}" if words else "")
    if group.reason == "malformed" or (group.reason == "too_large" and group.cause == SPREAD):
        return _BY_CAUSE[group.cause]
    return _BY_REASON[group.reason]


def _needed(contract: str) -> str:
    """Name the fields that a record needs."""
    groups = [[name for name in group if name in fields_of(contract)] for group in EITHER.get(contract, ())]
    either = {name for group in groups for name in group}
    required = [field.name for field in load_contract(contract).fields if field.required]
    alone = [name for name in required if name not in either]
    return ", ".join([*(" or ".join(group) for group in groups), *alone])


_WORDS: Final = {
    "scan": "direction or scan_mode",
    "venue": "type",
    "declaration": "symptoms",
}
"""Fields that take a few words only, by contract."""

_BROKEN_LINK: Final = (
    "a link joins two different identifiers; self is a yes or no, and source one of " + " ".join(LINK_SOURCES)
)
_BROKEN_JSON: Final = "write one JSON object a line"
_BROKEN_ROW: Final = "give each row as many fields as the header, and close its quotes"
_BY_CAUSE: Final = {
    SPREAD: "the file is a JSON array, or spreads a record over lines; write one record a line "
    "(jq -c '.[]' does that)",
    NOT_UTF_8: "the text is not UTF-8 but perhaps Windows-1258; convert it "
    "(iconv -f WINDOWS-1258 -t UTF-8 does that)",
    NOT_JSON: "the line is not a JSON object; name CSV .csv, or write one JSON object a line",
}
_BY_REASON: Final = {
    "too_large": f"a record may have {RECORD_BYTES // 1024} KB; write one record a line",
    "too_deep": "objects and arrays may lie 16 deep",
    "bad_text": "texts may hold no control characters, and 128 bytes (event_id 64, code 4,096)",
    "bad_person": "a person is KIND:VALUE, such as phone:0905123456, with digits as text, not as a decimal "
    f"(905123456.0); kinds are {' '.join(KINDS)}",
    "bad_time": "a time needs seconds and an offset with a colon, such as 2021-07-01T08:00:00+07:00; "
    "not +0700, 01/07/2021 08:00 or a time without offset",
    "bad_code": "the code is of an unknown format, or masked, or of another venue or person than the record "
    "names",
    "conflicting_event_id": "an event_id stands for one record a UTC day and scanner; the first stands",
    "too_old": "if the data is old, say --now with its time, or a larger --max-age-days",
    "too_new": "if the clocks are right, say --now with the time of the data, or a larger --max-ahead-days",
    "past_retention": "these days were purged; records before the horizon are not taken again",
    "erased": "the person was erased; records up to then are not taken again",
}
