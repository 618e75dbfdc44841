"""Aligned columns of text: whole for a file or a pipe, fitted to the width of a terminal.

What does not fit is left out column by column, and said below the table; no row wraps.
"""

import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

import pyarrow as pa

from pipelines.terminal.cells import STAY_COLUMNS, cut_to, is_number, table_texts, width_of

VenueNames = Callable[[Collection[str]], Mapping[str, str]]
"""From venue codes to the names of those that have one."""

_GAP: Final = "  "
_NAMES: Final = "name"  # the column that is put beside venue codes
_CODES: Final = ("venue", "venues")
_SHORTEST: Final = 16  # a text is not cut below this width before columns are left out
_SHORTEST_NAME: Final = 12

_LEFT_OUT_FIRST: Final = (
    *STAY_COLUMNS, "rule", "source", "omits", "seconds_indirect", "seconds_imputed", "contact",
    "enter_kind", "exit_kind", "other_exposed_at", "other_via", "zone",
)  # fmt: skip
"""Columns that are left out before any text is cut, in this order; then others from the right."""


def write_table(table: pa.Table, sink: IO[bytes]) -> None:
    """Write aligned columns, whole, with times in local time."""
    for line in _lines(_columns_of(table), table.num_rows):
        sink.write(line.encode() + b"\n")


def fitted_lines(table: pa.Table, width: int, names: VenueNames | None = None) -> list[str]:
    """Lay out the rows as lines of a table that fits a terminal.

    Args:
        table: the rows.
        width: columns of the terminal.
        names: gives the names that are shown beside venue codes, where the rows have none.
    """
    columns = _columns_of(table)
    if names is not None and not any(column.name == _NAMES for column in columns):
        columns = _with_names(columns, names)
    # Names are unique in an answer, so they tell what was left out.
    whole = {column.name: column.width for column in columns}
    fitted = _fit(columns, width)
    # Cut once more: even two columns may be wider than a very narrow terminal.
    lines = [cut_to(line, width) for line in _lines(fitted, table.num_rows)]
    kept = {column.name for column in fitted}
    note = [
        f"{words} {', '.join(found)}"
        for words, found in (
            ("left out:", [name for name in whole if name not in kept]),
            ("shortened:", [column.name for column in fitted if column.width < whole[column.name]]),
        )
        if found
    ]
    if note:
        lines += textwrap.wrap(f"({'; '.join(note)}; --format csv has all)", max(width, 1))
    return lines


@dataclass(eq=False)
class _Column:
    """One column as text.

    Attributes:
        name: its heading.
        cells: a text a row.
        to_right: whether it is aligned to the right.
        is_text: whether a part of a cell is of use.
        is_added: whether it stands in the table on terminals only.
        width: columns of the terminal that it takes.
    """

    name: str
    cells: list[str]
    to_right: bool = False
    is_text: bool = False
    is_added: bool = False
    width: int = field(default=0)

    def __post_init__(self) -> None:
        # The widest cell, the heading included.
        self.width = self.width or max(map(width_of, (self.name, *self.cells)))

    @property
    def shortest(self) -> int:
        """How narrow the column may be made."""
        if not self.is_text:
            return self.width
        return min(self.width, max(_SHORTEST_NAME if self.name == _NAMES else _SHORTEST, width_of(self.name)))


def _columns_of(table: pa.Table) -> list[_Column]:
    return [
        _Column(
            part.name,
            table_texts(table, index),
            to_right=is_number(part),
            is_text=pa.types.is_string(part.type) or pa.types.is_list(part.type),
        )
        for index, part in enumerate(table.schema)
    ]


def _with_names(columns: list[_Column], names: VenueNames) -> list[_Column]:
    """Add the names of venues beside their codes."""
    place = next((number for number, column in enumerate(columns) if column.name in _CODES), None)
    if place is None:
        return columns
    codes = [cell.split(";") if cell else [] for cell in columns[place].cells]
    known = names({code for row in codes for code in row})
    # Without a single known name the column would only repeat the codes.
    if not any(code in known for row in codes for code in row):
        return columns
    # A code without a name stays among several, and is left out alone: the code stands beside it.
    cells = ["; ".join(known.get(code, code if row[1:] else "") for code in row) for row in codes]
    added = _Column(_NAMES, cells, is_text=True, is_added=True)
    return [*columns[: place + 1], added, *columns[place + 1 :]]


def _fit(columns: list[_Column], width: int) -> list[_Column]:
    """Return columns that together fit into `width`, as far as two columns can."""
    kept = list(columns)
    # Columns that few people read are left out first, then texts get narrower.
    for column in _expendable(columns):
        if _total(kept) <= width:
            return kept
        kept.remove(column)
    # Columns go until the rest fits at its narrowest; two always stay.
    while _total(kept, shortest=True) > width and len(kept) > 2:
        kept.remove(_least(kept))
    _shorten(kept, width)
    return kept


def _expendable(columns: list[_Column]) -> Iterator[_Column]:
    """Order what is left out first: ids of stays, what is empty in every row, the rest of the list."""
    stays = [column for column in columns if column.name in STAY_COLUMNS]
    # A column that is empty in every row tells nothing; the first one always stays.
    empty = [
        column for column in columns[1:] if column not in stays and not any(column.cells) and column.cells
    ]
    rest = [column for name in _LEFT_OUT_FIRST for column in columns[1:] if column.name == name]
    yield from stays
    yield from empty
    yield from (column for column in rest if column not in stays and column not in empty)


def _least(columns: list[_Column]) -> _Column:
    """Choose the column to leave out next: added names, what others nearly tell, then from the right."""
    of = {column.name: column for column in columns[1:]}
    added = [column for column in columns if column.is_added]
    told = of.get("exposed_at" if "start" in of else "via")  # the start of an exposure is its instant
    return added[0] if added else told or columns[-1]


def _shorten(columns: list[_Column], width: int) -> None:
    """Cut the widest texts until the columns fit, none below what is of use."""
    # The widest is cut down to the next widest, and so on, so that all texts lose alike.
    while (excess := _total(columns) - width) > 0:
        texts = [column for column in columns if column.width > column.shortest]
        if not texts:
            return
        widest, *others = sorted(texts, key=lambda column: -column.width)
        next_widest = others[0].width if others else 0
        # At least one column each turn, or equal widths would never move.
        room = widest.width - max(widest.shortest, min(next_widest, widest.width - 1))
        widest.width -= min(excess, room)


def _total(columns: list[_Column], *, shortest: bool = False) -> int:
    widths = [column.shortest if shortest else column.width for column in columns]
    return sum(widths) + len(_GAP) * (len(columns) - 1)


def _lines(columns: list[_Column], rows: int) -> Iterator[str]:
    """Lay out headings, a rule and a line per row."""
    headings = [column.name for column in columns]
    rules = ["─" * column.width for column in columns]
    for line in (headings, rules, *zip(*(column.cells for column in columns), strict=True)):
        cells = (_padded(text, column) for text, column in zip(line, columns, strict=True))
        yield _GAP.join(cells).rstrip()
    if not rows:
        yield "(no rows)"


def _padded(text: str, column: _Column) -> str:
    taken = width_of(text)
    if taken > column.width:
        text = cut_to(text, column.width)
        taken = width_of(text)
    blanks = " " * (column.width - taken)
    return blanks + text if column.to_right else text + blanks
