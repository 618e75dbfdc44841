"""Count people, scans or stays of a lake by two dimensions."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.disclosure.linked_cells import Counts
from pipelines.errors import UsageError
from pipelines.lake import Lake, read_live_file, read_table, snapshot
from pipelines.query.engine import answer
from pipelines.times import DAY_US, LOCAL_TIMEZONE, day_text
from schemas.tables import SCANS, STAYS

DIMENSIONS: Final = ("district", "type", "week", "day")
MEASURES: Final = ("people", "scans", "stays")
NONE: Final = "none"
"""The value of records at a place without one, or at a code that is not registered."""

_DAYS: Final[Mapping[str, int]] = {"week": 7, "day": 1}
_COLUMN_OF: Final[Mapping[str, str]] = {"district": "district_code", "type": "type"}
_MOST_CELLS: Final = 20_000  # each hidden one costs two linear programs over the whole table
# Of any instant since 1975, when the offset changed last; 1970 had another.
_LOCAL_US: Final = (
    dt.datetime(2000, 1, 1, tzinfo=LOCAL_TIMEZONE).utcoffset() or dt.timedelta()
) // dt.timedelta(microseconds=1)
_PARTS: Final = pa.schema(
    [
        ("row_value", pa.string()),
        ("column_value", pa.string()),
        ("unit", pa.int64()),
        ("person", pa.int64()),
        ("records", pa.int64()),
    ]
)


@dataclass(frozen=True)
class TableCut:
    """What a table counts, and by what.

    Example:
        >>> TableCut("people", "district", "week").said
        'people by district and week'

    Attributes:
        measure: one of `MEASURES`.
        rows: one of `DIMENSIONS`.
        columns: another one.
    """

    measure: str
    rows: str
    columns: str

    @property
    def said(self) -> str:
        """The cut in words."""
        return f"{self.measure} by {self.rows} and {self.columns}"

    def check(self) -> None:
        """Raise a UsageError for a cut that does not exist."""
        for flag, value, among in (
            ("--rows", self.rows, DIMENSIONS),
            ("--columns", self.columns, DIMENSIONS),
            ("--measure", self.measure, MEASURES),
        ):
            if value not in among:
                raise UsageError(f"{flag} must be one of {' '.join(among)}", "choose one of them")
        if self.rows == self.columns or {self.rows, self.columns} == set(_DAYS):
            raise UsageError("--rows and --columns must not both be a time, or the same", "name two others")


@dataclass(frozen=True, eq=False)
class Counted:
    """The counts of a cut.

    Attributes:
        rows: what each row is, in order.
        columns: what each column is.
        counts: of shape (rows, columns).
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: Counts


def count_cells(lake: Lake, cut: TableCut) -> Counted:
    """Count the cells of a cut.

    Rows and columns are every district or type of the registry, and every local day or ISO week from the
    first record to the last; `NONE` last, if a record has none.

    Raises:
        UsageError: the table has more than 20,000 cells.
        DataError: a file of the lake is damaged.
    """
    # People are counted distinct over all parts: a person may have rows in several files.
    cells = answer("published_cells", {"parts": _parts(lake, cut)})
    return _table(lake, cut, cells, "people" if cut.measure == "people" else "records", always_none=False)


def count_bounded(lake: Lake, cut: TableCut, most: int) -> Counted:
    """Count people, each in at most `most` cells of a week, or of the table if neither dimension is a time.

    Rows and columns must not depend on any one person, so `NONE` is always among those of places.
    """
    cells = answer("bounded_cells", {"parts": _parts(lake, cut)}, cells=most)
    return _table(lake, cut, cells, "people", always_none=True)


def _parts(lake: Lake, cut: TableCut) -> pa.Table:
    """Each person's records by cell, file by file, so that the records never lie in memory together."""
    places = _places(lake, cut)
    parts = [
        answer(
            "published_parts",
            {"records": records, "places": places},
            row_days=_DAYS.get(cut.rows, 0),
            column_days=_DAYS.get(cut.columns, 0),
            local_us=_LOCAL_US,
            day_us=DAY_US,
        ).cast(_PARTS)
        for records in _records(lake, cut.measure)
    ]
    return pa.concat_tables([_PARTS.empty_table(), *parts])


def _records(lake: Lake, measure: str) -> Iterator[pa.Table]:
    table, time = (STAYS, "enter") if measure == "stays" else (SCANS, "occurred_at")
    schema = pa.schema([table.schema.field(name) for name in ("venue", "person", time)])
    for file in snapshot(lake, table.name).files:
        # `stays` lie in two orders; one of them is read, or each stay would count twice.
        if file.partition.get("by", "venue") == "venue":
            rows = read_live_file(file, schema)
            at_us = rows[time].cast(pa.int64())
            # (venue, person, at_us), int64 each, microseconds UTC
            yield rows.drop_columns([time]).append_column("at_us", at_us)


def _places(lake: Lake, cut: TableCut) -> pa.Table:
    """The registry as `published_parts.sql` reads it."""
    # A place without a value and an unregistered code both come out as null, the row NONE.
    registry = read_table(lake, "venues", ["venue", *_COLUMN_OF.values()])
    nothing = pa.nulls(registry.num_rows, pa.string())
    columns = {"venue": registry["venue"]}
    for name, dimension in (("row_value", cut.rows), ("column_value", cut.columns)):
        columns[name] = registry[_COLUMN_OF[dimension]] if dimension in _COLUMN_OF else nothing
    return pa.table(columns)


def _table(lake: Lake, cut: TableCut, cells: pa.Table, measure: str, *, always_none: bool) -> Counted:
    rows = _values(lake, cut.rows, cells["row_value"].to_pylist(), always_none)
    columns = _values(lake, cut.columns, cells["column_value"].to_pylist(), always_none)
    if len(rows) * len(columns) > _MOST_CELLS:
        raise UsageError(
            f"the table has {len(rows) * len(columns):,} cells, and at most {_MOST_CELLS:,} can be protected",
            "count by week instead of day",
        )
    # Cells that nobody was in have no row in the answer and stay 0.
    counts = np.zeros((len(rows), len(columns)), np.int64)
    for cell in cells.to_pylist():
        counts[rows[cell["row_value"]], columns[cell["column_value"]]] += cell[measure]
    return Counted(tuple(_labels(cut.rows, rows)), tuple(_labels(cut.columns, columns)), counts)


def _values(
    lake: Lake, dimension: str, found: Iterable[str | None], always_none: bool
) -> dict[str | None, int]:
    """The values of a dimension, with their places in order."""
    seen = set(found)
    if dimension in _DAYS:
        # Days come as digits since 1970; those between the first and the last are columns even if empty.
        days, step = sorted(int(value) for value in seen if value is not None), _DAYS[dimension]
        return {
            str(day): place for place, day in enumerate(range(days[0], days[-1] + 1, step) if days else ())
        }
    # From the registry, so that a district without a scan has a row too.
    registry = pc.unique(read_table(lake, "venues", [_COLUMN_OF[dimension]]).column(0)).to_pylist()
    # Sorted by code, null last.
    values: list[str | None] = sorted({*seen, *registry} - {None})
    return {value: place for place, value in enumerate(values + [None] * (always_none or None in seen))}


def _labels(dimension: str, values: Iterable[str | None]) -> Iterator[str]:
    """What people call the values; none of them is called like the totals or the first column."""
    for value in values:
        if value is None:
            yield NONE
        elif dimension == "day":
            yield day_text(int(value))
        elif dimension == "week":
            # The ISO year, which differs from the calendar's around New Year.
            year, week, _ = dt.date.fromisoformat(day_text(int(value))).isocalendar()
            yield f"{year}-W{week:02}"
        else:
            yield f"{dimension} {value}" if value in (NONE, "total", *DIMENSIONS) else value
