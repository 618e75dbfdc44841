"""A part of a long table: sorted, filtered and cut into pages on the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import pyarrow as pa

PAGE_ROWS: Final = 50


@dataclass(frozen=True)
class Pager:
    """Where a page lies in a table, and the way to the others.

    Example:
        >>> pager = Pager(3, 120, "/cases", {"sort": "stays"})
        >>> pager.pages, pager.first, pager.last, pager.url(2)
        (3, 101, 120, '/cases?sort=stays&page=2')

    Attributes:
        number: of this page, from 1.
        total: how many rows there are on all pages.
        path: of the page.
        query: what else its URL says.
        anchor: the part of the page that the table is.
    """

    number: int
    total: int
    path: str
    query: Mapping[str, str]
    anchor: str = ""

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def first(self) -> int:
        """The number of the first row on this page; 0 without rows."""
        return min(self.total, (self.number - 1) * PAGE_ROWS + 1)

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return min(self.total, self.number * PAGE_ROWS)

    def url(self, number: int) -> str:
        """The URL of another page."""
        return url_of(self.path, {**self.query, "page": str(number)}, self.anchor)


def url_of(path: str, query: Mapping[str, str], anchor: str = "") -> str:
    """A URL of our own; empty parts are left out.

    >>> url_of("/cases", {"sort": "", "page": "2"}, "list")
    '/cases?page=2#list'
    """
    given = urlencode({name: value for name, value in query.items() if value})
    return path + (f"?{given}" if given else "") + (f"#{anchor}" if anchor else "")


def page_of(
    rows: pa.Table, asked: str, path: str, query: Mapping[str, str], anchor: str = ""
) -> tuple[pa.Table, Pager]:
    """Return the rows of a page and its pager; a number that is none, or too high, is the nearest page."""
    # A number from a URL may be anything; its length is checked before int.
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    pager = Pager(1, rows.num_rows, path, query, anchor)
    pager = Pager(min(max(number, 1), pager.pages), rows.num_rows, path, query, anchor)
    return rows.slice((pager.number - 1) * PAGE_ROWS, PAGE_ROWS), pager


@dataclass(frozen=True)
class SortLink:
    """The head of a column that can be sorted.

    Attributes:
        text: of the head.
        url: the page sorted by it, the other way round if it is sorted by it already.
        state: `ascending`, `descending` or empty.
        look: class of the cell.
    """

    text: str
    url: str
    state: str
    look: str = ""


def sorted_rows(rows: pa.Table, asked: str, allowed: Sequence[str]) -> pa.Table:
    """Sort rows by `name` or `-name`, if it is one of the allowed columns; equals keep their order."""
    name = asked.removeprefix("-")
    if name not in allowed:
        return rows
    place = pa.array(range(rows.num_rows), pa.int64())  # without rows Arrow would not know the type
    order = "descending" if asked.startswith("-") else "ascending"
    # The place breaks ties, so that equals keep their order in either direction.
    keyed = pa.table({"key": rows[name], "place": place})
    chosen = keyed.sort_by([("key", order), ("place", "ascending")])["place"]
    return rows.take(chosen)


def sort_link(
    text: str, name: str, asked: str, path: str, query: Mapping[str, str], *, anchor: str = "", look: str = ""
) -> SortLink:
    """The head of a column: a first click sorts numbers that matter downwards only if they are so already."""
    down = asked == name
    state = "ascending" if asked == name else "descending" if asked == f"-{name}" else ""
    target = f"-{name}" if down else name
    return SortLink(text, url_of(path, {**query, "sort": target, "page": ""}, anchor), state, look)
