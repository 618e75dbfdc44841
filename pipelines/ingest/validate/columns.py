"""A block of registry, cases, encounters or declarations as checked columns of the lake's types.

A column is checked one distinct text at a time. The defect of a row that
counts is the first in the order of `reasons`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.formats.arrow_blocks import arrow_texts
from pipelines.ingest.formats.blocks import NO_INSTANT, Columns
from pipelines.ingest.formats.field_types import NUMBER, TIME, TRUTH, WHOLE
from pipelines.ingest.limits import RECORD_BYTES
from pipelines.ingest.reject_reasons import BAD_TIME, MISSING_FIELD, TOO_LARGE
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.field_rules import PERSON, Meaning, local_day, meanings_of, midnight_us
from pipelines.ingest.validate.scan_columns import person_reasons
from pipelines.ingest.validate.text_column import column_of, normalised
from pipelines.ingest.validate.timestamps import BAD_INSTANT, instants
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Bool, Int32, Int64, Spans, UInt8, read_only
from pipelines.privacy.identifier_columns import canonical_identifiers
from pipelines.privacy.keys import Keys
from schemas.tables import INSTANT

_EARLIEST_US = -62_135_510_400_000_000  # 0001-01-02
_LATEST_US = 253_402_214_399_999_999  # 9999-12-30
"""The instants that have a date in every time zone."""

_WORST_ESCAPE = 6
_JSON_FRAME = 1024


@dataclass(frozen=True)
class PersonColumn:
    """A column of persons.

    Attributes:
        column: tokens, int64[n]; what is absent or wrong is null.
        ids: int32[n], the number of each row's identifier, -1 where it is absent.
        tokens: int64[d].
        texts: the d canonical identifiers.
    """

    column: pa.Array
    ids: Int32
    tokens: Int64
    texts: Spans

    def used(self, rows: Bool) -> Int64:
        """The numbers of the identifiers of some rows, bool[n]; ascending."""
        marks = np.zeros(self.tokens.size + 1, bool)
        marks[self.ids[rows]] = True
        return np.flatnonzero(marks[:-1])


class Identities(Sequence[bytes]):
    """The distinct persons of some rows; an identifier becomes an object only where it is asked for.

    Attributes:
        tokens: int64[d], ascending; the identifier of each is the element of its position.
    """

    def __init__(self, persons: Sequence[PersonColumn], rows: Bool) -> None:
        used = [column.used(rows) for column in persons]
        tokens = [column.tokens[numbers] for column, numbers in zip(persons, used, strict=True)]
        self.tokens, first = np.unique(np.concatenate([np.empty(0, np.int64), *tokens]), return_index=True)
        self._texts = [column.texts for column in persons]
        self._column = np.repeat(np.arange(len(used)), [numbers.size for numbers in used])[first]
        self._number = np.concatenate([np.empty(0, np.int64), *used])[first]

    def __len__(self) -> int:
        return int(self.tokens.size)

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override] # slices are not offered
        return self._texts[self._column[index]].value(int(self._number[index])) or b""


@dataclass
class CheckedColumns:
    """Columns by field and what is wrong with each row.

    Attributes:
        reason: uint8[n], 0 where a row is accepted.
        columns: by field, n rows; what is absent or wrong is null.
        persons: those of the columns that hold persons.
    """

    reason: UInt8
    columns: dict[str, pa.Array] = field(default_factory=dict)
    persons: list[PersonColumn] = field(default_factory=list)

    def identities(self, rows: Bool) -> Identities:
        """The persons of some rows, bool[n]."""
        return Identities(self.persons, rows)

    def refuse(self, reasons: UInt8) -> None:
        """Note reasons, uint8[n]; of two the smaller stays."""
        self.reason = np.where(
            (reasons > 0) & ((self.reason == 0) | (reasons < self.reason)), reasons, self.reason
        )


@dataclass(frozen=True)
class _Distinct:
    """A text column as its distinct texts, in NFC.

    Attributes:
        ids: int32[n], the number of each row's text, -1 where it is absent.
        texts: d texts.
        reasons: uint8[d], what is wrong with each as a text.
    """

    ids: Int32
    texts: Spans
    reasons: UInt8

    def values(self) -> pa.Array:
        """The texts, null where something is wrong with one."""
        return pc.if_else(pa.array(self.reasons == 0), arrow_texts(self.texts), None)

    def per_row(self, reasons: UInt8) -> UInt8:
        """Reasons by text as reasons by row."""
        return np.append(reasons, np.uint8(0))[self.ids]

    def rows_of(self, values: pa.Array) -> pa.Array:
        """Values by text as values by row."""
        return values.take(pa.array(self.ids, mask=self.ids < 0))


def check(block: Columns, contract: str, keys: Keys) -> CheckedColumns:
    """Check every field of a block.

    Args:
        block: fields of a contract, as a reader or `other_lines` gives them.
        contract: its name.
        keys: persons become tokens of these.
    """
    checked = CheckedColumns(_with_large_rows(block, contract))
    texts = {name: _distinct_of(block, name, meaning) for name, meaning in meanings_of(contract).items()}
    for name, meaning in meanings_of(contract).items():
        column = texts[name]
        checked.refuse(column.per_row(column.reasons))
        instant = block.fields.get(name)
        if isinstance(instant, np.ndarray):
            checked.columns[name] = _instant_column(checked, instant)
        elif meaning.kind == TIME:
            checked.columns[name] = _instants(checked, column, meaning, texts.get("timezone"))
        elif meaning.kind == PERSON:
            checked.persons.append(_persons(checked, column, keys))
            checked.columns[name] = checked.persons[-1].column
        else:
            checked.columns[name] = _values(checked, column, meaning)
        if meaning.required:
            absent = instant == NO_INSTANT if isinstance(instant, np.ndarray) else column.ids < 0
            checked.refuse(np.where(absent, np.uint8(MISSING_FIELD), np.uint8(0)))
    return checked


def row_json(block: Columns, contract: str, row: int) -> bytes:
    """What the digest of a row is made of: its fields as JSON in the order of the contract.

    Absent fields are left out. A row that could not be divided into fields is
    the bytes that it was.
    """
    if row in block.raw:
        return block.raw[row]
    present: dict[str, Any] = {}
    for name, meaning in meanings_of(contract).items():
        column = block.fields.get(name)
        if isinstance(column, Spans):
            if raw := column.value(row):
                present[name] = _plain(raw.decode(errors="backslashreplace"), meaning)
        elif column is not None and column[row] != NO_INSTANT:
            present[name] = int(column[row])
    return orjson.dumps(present)


def _plain(text: str, meaning: Meaning) -> Any:
    """A number, true or false as JSON has them, where the text is one."""
    if meaning.kind in (NUMBER, WHOLE, TRUTH) and meaning.check is not None:
        value, reason = meaning.check(text)
        return text if reason else value
    return text


def _with_large_rows(block: Columns, contract: str) -> UInt8:
    """The reasons known already, and `TOO_LARGE` where the JSON of a row is."""
    reason = block.broken.copy()
    sizes = np.full(block.rows, _JSON_FRAME, np.int64)
    for column in block.fields.values():
        if isinstance(column, Spans):
            sizes += _WORST_ESCAPE * np.maximum(column.length, 0).astype(np.int64)
    for row in np.flatnonzero((sizes > RECORD_BYTES) & (reason == 0)).tolist():
        if len(row_json(block, contract, row)) > RECORD_BYTES:
            reason[row] = TOO_LARGE
    return reason


def _distinct_of(block: Columns, name: str, meaning: Meaning) -> _Distinct:
    column = block.fields.get(name)
    if not isinstance(column, Spans):
        nothing = np.zeros(0, np.uint8)
        texts = Spans(nothing, np.zeros(0, np.int64), np.zeros(0, np.int32))
        return _Distinct(np.full(block.rows, -1, np.int32), texts, nothing)
    length = np.where((column.length > 0) & (block.broken == 0), column.length, np.int32(-1))
    spans = Spans(read_only(column.data), np.require(column.start, np.int64, ["C", "W"]), length)
    ids, texts = distinct(column_of(spans))
    return _Distinct(ids, *normalised(texts, meaning.limit))


def _values(checked: CheckedColumns, column: _Distinct, meaning: Meaning) -> pa.Array:
    """The values of texts that a check turns into values, or that stay what they are."""
    if meaning.check is None:
        return column.rows_of(column.values())
    asked = [(None, 0) if text is None else meaning.check(text) for text in column.values().to_pylist()]
    checked.refuse(column.per_row(np.array([reason for _, reason in asked], np.uint8)))
    types = {NUMBER: pa.float64(), WHOLE: pa.int32(), TRUTH: pa.bool_()}
    values = pa.array([value for value, _ in asked], types.get(meaning.kind, pa.string()))
    return column.rows_of(values)


def _persons(checked: CheckedColumns, column: _Distinct, keys: Keys) -> PersonColumn:
    allowed = np.where(column.reasons == 0, column.texts.length, np.int32(0))
    texts, refused = canonical_identifiers(Spans(column.texts.data, column.texts.start, allowed))
    reasons = person_reasons(refused)
    checked.refuse(column.per_row(np.where(column.reasons == 0, reasons, np.uint8(0))))
    tokens = macs(texts, keys.token_key)
    return PersonColumn(column.rows_of(pa.array(tokens)), column.ids, tokens, texts)


def _instants(
    checked: CheckedColumns, column: _Distinct, meaning: Meaning, zones: _Distinct | None
) -> pa.Array:
    """The instants of texts; a date alone is a local midnight, of the row's own time zone if it has one."""
    found = instants(column_of(column.texts))
    days = _days(column, found) if meaning.dates else {}
    for number, day in days.items():
        found[number] = _midnight(day, None, meaning.day_end)
    per_row = np.append(found, NO_INSTANT)[column.ids]
    if zones is not None and days:
        names = zones.values().to_pylist()
        elsewhere = np.isin(column.ids, list(days)) & (zones.ids >= 0)
        for row in np.flatnonzero(elsewhere).tolist():
            zone = names[zones.ids[row]]
            if zone is not None and not checked.reason[row]:
                per_row[row] = _midnight(days[int(column.ids[row])], zone, meaning.day_end)
    return _instant_column(checked, per_row)


def _days(column: _Distinct, found: Int64) -> dict[int, dt.date]:
    """The dates alone among texts that are no instants, by their number."""
    days: dict[int, dt.date] = {}
    for number in np.flatnonzero(found == BAD_INSTANT).tolist():
        day = local_day((column.texts.value(number) or b"").decode(errors="replace"))
        if day is not None:
            days[number] = day
    return days


def _midnight(day: dt.date, zone: str | None, day_end: bool) -> int:
    try:
        return midnight_us(day, zone, day_end)
    except (OverflowError, KeyError):  # the end of the calendar; a zone that is refused on its own
        return BAD_INSTANT


def _instant_column(checked: CheckedColumns, us: Int64) -> pa.Array:
    """Microseconds as instants; what lies outside the years 1 to 9999 is refused."""
    absent = us == NO_INSTANT
    bad = ~absent & ((us < _EARLIEST_US) | (us > _LATEST_US))
    checked.refuse(np.where(bad, np.uint8(BAD_TIME), np.uint8(0)))
    return pa.array(np.where(bad, 0, us), pa.int64(), mask=absent | bad).cast(INSTANT)
