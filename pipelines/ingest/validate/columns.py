"""Check a block of any input but scans; return columns of the lake's types.

Each distinct text of a column is checked once. Of several defects of a row the
first in the order of the reasons counts.
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
from pipelines.ingest.validate.field_rules import PERSON, FieldRule, local_day, midnight_us, rules_of
from pipelines.ingest.validate.scan_columns import person_reasons
from pipelines.ingest.validate.text_column import column_of, tidied
from pipelines.ingest.validate.timestamps import BAD_INSTANT, instants
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Bool, Int32, Int64, Spans, UInt8, read_only
from pipelines.privacy.identifier_columns import canonical_identifiers
from pipelines.privacy.keys import Keys
from schemas.tables import INSTANT

_EARLIEST_US = -62_135_510_400_000_000  # 0001-01-02
_LATEST_US = 253_402_214_399_999_999  # 9999-12-30
"""The range of instants that have a date in every time zone."""

# Upper bounds of a row's JSON: only rows that may be too large are written out and measured.
_WORST_ESCAPE = 6
_JSON_FRAME = 1024


@dataclass(frozen=True)
class PersonColumn:
    """A column of persons.

    Attributes:
        column: tokens, int64[n]; null where absent or refused.
        ids: int32[n], the number of each row's identifier, -1 where absent.
        tokens: int64[d].
        texts: the d canonical identifiers.
    """

    column: pa.Array
    ids: Int32
    tokens: Int64
    texts: Spans

    def kinds(self) -> pa.Array:
        """Return the kind of each row's identifier, such as `phone`; null where absent or refused."""
        kinds = [(self.texts.value(number) or b"").partition(b":")[0] for number in range(len(self.texts))]
        of_texts = pa.array([kind.decode() or None for kind in kinds], pa.string())
        return of_texts.take(pa.array(self.ids, mask=self.ids < 0))

    def used(self, rows: Bool) -> Int64:
        """Return the numbers of the identifiers of some rows, bool[n], ascending."""
        # The element at the end is where id -1, no text, writes to.
        marks = np.zeros(self.tokens.size + 1, bool)
        marks[self.ids[rows]] = True
        return np.flatnonzero(marks[:-1])


class Identities(Sequence[bytes]):
    """The distinct persons of some rows; an identifier becomes a Python object only when it is read.

    Attributes:
        tokens: int64[d], ascending; element i of the sequence is the identifier of token i.
    """

    def __init__(self, persons: Sequence[PersonColumn], rows: Bool) -> None:
        used = [column.used(rows) for column in persons]
        tokens = [column.tokens[numbers] for column, numbers in zip(persons, used, strict=True)]
        # Of a token in several columns the first place counts; all of them have the same text.
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
    """Columns by field, and what is wrong with each row.

    Attributes:
        reason: uint8[n], 0 where a row is accepted.
        columns: by field, n rows; null where absent or refused.
        persons: the columns that hold persons.
        dropped: by informational field, bool[n], the rows that stand without their unreadable value.
        faults: by field, bool[n], the rows refused for its value.
    """

    reason: UInt8
    columns: dict[str, pa.Array] = field(default_factory=dict)
    persons: list[PersonColumn] = field(default_factory=list)
    dropped: dict[str, Bool] = field(default_factory=dict)
    faults: dict[str, Bool] = field(default_factory=dict)

    def identities(self, rows: Bool) -> Identities:
        """Return the distinct persons of some rows, bool[n]."""
        return Identities(self.persons, rows)

    def refuse(self, reasons: UInt8) -> None:
        """Add reasons, uint8[n]; of two for one row the smaller stays."""
        self.reason = np.where(
            (reasons > 0) & ((self.reason == 0) | (reasons < self.reason)), reasons, self.reason
        )


@dataclass(frozen=True)
class _Distinct:
    """A text column as its distinct tidy texts.

    Attributes:
        ids: int32[n], the number of each row's text, -1 where it is absent.
        texts: d texts.
        reasons: uint8[d], what is wrong with each text.
    """

    ids: Int32
    texts: Spans
    reasons: UInt8

    def values(self) -> pa.Array:
        """Return the texts, null where one is refused or absent."""
        return pc.if_else(pa.array(self.reasons == 0), arrow_texts(self.texts), None)

    def per_row(self, reasons: UInt8) -> UInt8:
        """Spread reasons of texts over rows."""
        return np.append(reasons, np.uint8(0))[self.ids]

    def rows_of(self, values: pa.Array) -> pa.Array:
        """Spread values of texts over rows."""
        return values.take(pa.array(self.ids, mask=self.ids < 0))


def check(block: Columns, contract: str, keys: Keys) -> CheckedColumns:
    """Check every field of a block.

    Args:
        block: fields of a contract, from a reader or `columns_of_lines`.
        contract: the name of the contract.
        keys: make tokens of persons.
    """
    checked = CheckedColumns(_with_large_rows(block, contract))
    # All columns first: an instant may need the `timezone` of its row.
    texts = {name: _distinct_of(block, name, rule) for name, rule in rules_of(contract).items()}
    for name, rule in rules_of(contract).items():
        # `refuse` makes a new array, so `before` keeps the reasons without this field.
        column, before = texts[name], checked.reason
        checked.refuse(column.per_row(column.reasons))
        instant = block.fields.get(name)
        if isinstance(instant, np.ndarray):
            checked.columns[name] = _instant_column(checked, instant)
        elif rule.kind == TIME:
            checked.columns[name] = _instants(checked, column, rule, texts.get("timezone"))
        elif rule.kind == PERSON:
            checked.persons.append(_persons(checked, column, keys))
            checked.columns[name] = checked.persons[-1].column
        else:
            checked.columns[name] = _values(checked, column, rule)
        if rule.required:
            # Only what is absent is missing: a text that is refused has a reason of its own.
            absent = instant == NO_INSTANT if isinstance(instant, np.ndarray) else column.ids < 0
            checked.refuse(np.where(absent, np.uint8(MISSING_FIELD), np.uint8(0)))
        _note_field(checked, name, rule, before)
    return checked


def _note_field(checked: CheckedColumns, name: str, rule: FieldRule, before: UInt8) -> None:
    """Note the rows that a field has refused; rows refused for an informational field stand again."""
    refused = checked.reason != before
    if refused.any():
        if rule.informational:
            checked.dropped[name] = refused
            # Such a field refuses nothing: the reasons without it come back.
            checked.reason = before
        else:
            checked.faults[name] = refused


def row_json(block: Columns, contract: str, row: int) -> bytes:
    """Return the bytes that a row's digest covers: its fields as JSON in the order of the contract.

    Absent fields are left out. A row that could not be split into fields is
    represented by its raw bytes.
    """
    if row in block.raw:
        return block.raw[row]
    present: dict[str, Any] = {}
    for name, rule in rules_of(contract).items():
        column = block.fields.get(name)
        if isinstance(column, Spans):
            if raw := column.value(row):
                # A refused row may hold any bytes, and needs a digest too.
                present[name] = _plain(raw.decode(errors="backslashreplace"), rule)
        elif column is not None and column[row] != NO_INSTANT:
            present[name] = int(column[row])
    return orjson.dumps(present)


def _plain(text: str, rule: FieldRule) -> Any:
    """Turn the text of a number or boolean back into the value that JSON would have."""
    if rule.kind in (NUMBER, WHOLE, TRUTH) and rule.check is not None:
        value, reason = rule.check(text)
        return text if reason else value
    return text


def _with_large_rows(block: Columns, contract: str) -> UInt8:
    """Add `TOO_LARGE`, where the JSON of a row is, to the reasons of the reader."""
    reason = block.broken.copy()
    sizes = np.full(block.rows, _JSON_FRAME, np.int64)
    for column in block.fields.values():
        if isinstance(column, Spans):
            sizes += _WORST_ESCAPE * np.maximum(column.length, 0).astype(np.int64)
    for row in np.flatnonzero((sizes > RECORD_BYTES) & (reason == 0)).tolist():
        if len(row_json(block, contract, row)) > RECORD_BYTES:
            reason[row] = TOO_LARGE
    return reason


def _distinct_of(block: Columns, name: str, rule: FieldRule) -> _Distinct:
    column = block.fields.get(name)
    if not isinstance(column, Spans):
        nothing = np.zeros(0, np.uint8)
        texts = Spans(nothing, np.zeros(0, np.int64), np.zeros(0, np.int32))
        return _Distinct(np.full(block.rows, -1, np.int32), texts, nothing)
    length = np.where((column.length > 0) & (block.broken == 0), column.length, np.int32(-1))
    # Arrow's arrays are read-only, and numba would compile the kernels again for those: copied.
    spans = Spans(read_only(column.data), np.require(column.start, np.int64, ["C", "W"]), length)
    ids, texts = distinct(column_of(spans))
    texts, reasons = tidied(texts, rule.limit, optional=not rule.required)
    # The element appended last is for id -1.
    absent = np.append((texts.length < 0) & (reasons == 0), np.True_)
    return _Distinct(np.where(absent[ids], np.int32(-1), ids), texts, reasons)


def _values(checked: CheckedColumns, column: _Distinct, rule: FieldRule) -> pa.Array:
    """Return the values of texts; without a check a text is its own value."""
    if rule.check is None:
        return column.rows_of(column.values())
    results = [(None, 0) if text is None else rule.check(text) for text in column.values().to_pylist()]
    checked.refuse(column.per_row(np.array([reason for _, reason in results], np.uint8)))
    types = {NUMBER: pa.float64(), WHOLE: pa.int32(), TRUTH: pa.bool_()}
    # A value for each distinct text; rows get theirs by number.
    values = pa.array([value for value, _ in results], types.get(rule.kind, pa.string()))
    return column.rows_of(values)


def _persons(checked: CheckedColumns, column: _Distinct, keys: Keys) -> PersonColumn:
    # Refused texts read as empty and would share one token: they have none.
    allowed = np.where(column.reasons == 0, column.texts.length, np.int32(0))
    texts, refused = canonical_identifiers(Spans(column.texts.data, column.texts.start, allowed))
    reasons = person_reasons(refused)
    checked.refuse(column.per_row(np.where(column.reasons == 0, reasons, np.uint8(0))))
    tokens = macs(texts, keys.token_key)
    shown = pa.array(tokens, mask=(column.reasons != 0) | (reasons != 0))
    return PersonColumn(column.rows_of(shown), column.ids, tokens, texts)


def _instants(
    checked: CheckedColumns, column: _Distinct, rule: FieldRule, zones: _Distinct | None
) -> pa.Array:
    """Return the instants of texts; a date alone is a midnight in the row's time zone, or the local one."""
    # A date alone is no timestamp: BAD_INSTANT until it gets its midnight.
    found = instants(column_of(column.texts))
    days = _days(column, found) if rule.dates else {}
    for number, day in days.items():
        found[number] = _midnight(day, None, rule.day_end)
    # int64[n] microseconds; id -1 picks NO_INSTANT.
    per_row = np.append(found, NO_INSTANT)[column.ids]
    # Rows with a time zone of their own get another midnight, one by one: dates alone are rare.
    if zones is not None and days:
        names = zones.values().to_pylist()
        elsewhere = np.isin(column.ids, list(days)) & (zones.ids >= 0)
        for row in np.flatnonzero(elsewhere).tolist():
            zone = names[zones.ids[row]]
            # A time zone that is refused refuses its row, so no instant is needed.
            if zone is not None and not checked.reason[row]:
                per_row[row] = _midnight(days[int(column.ids[row])], zone, rule.day_end)
    return _instant_column(checked, per_row)


def _days(column: _Distinct, found: Int64) -> dict[int, dt.date]:
    """Find the dates alone among texts that are not instants, by the number of the text."""
    days: dict[int, dt.date] = {}
    for number in np.flatnonzero(found == BAD_INSTANT).tolist():
        day = local_day((column.texts.value(number) or b"").decode(errors="replace"))
        if day is not None:
            days[number] = day
    return days


def _midnight(day: dt.date, zone: str | None, day_end: bool) -> int:
    try:
        return midnight_us(day, zone, day_end)
    except (OverflowError, KeyError):  # past the calendar; a time zone that its own rule refuses
        return BAD_INSTANT


def _instant_column(checked: CheckedColumns, us: Int64) -> pa.Array:
    """Turn microseconds into instants; refuse those outside the years 1 to 9999."""
    absent = us == NO_INSTANT
    # BAD_INSTANT lies below the range, and is refused with the rest.
    bad = ~absent & ((us < _EARLIEST_US) | (us > _LATEST_US))
    checked.refuse(np.where(bad, np.uint8(BAD_TIME), np.uint8(0)))
    return pa.array(np.where(bad, 0, us), pa.int64(), mask=absent | bad).cast(INSTANT)
