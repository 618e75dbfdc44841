"""What every question is answered with: rows, notes, and the quality of the data behind them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar

import pyarrow as pa

NOT_SAFETY = "An empty answer is not safety."


class Quality(Protocol):
    """A statement about the data that an answer was computed from."""

    def lines(self) -> Iterator[str]:
        """Return the statement as sentences for people."""


_Found = TypeVar("_Found", bound=Quality)


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """The rows of an answer, what must be said beside them, and how far they can be trusted.

    An answer can be used as the Arrow table of its rows: it has the table's
    attributes and items, and DuckDB, Polars and `pa.table` read it. (A function
    of PyArrow that insists on a `pa.Table` takes `answer.rows`.)

    Example:
        >>> answer = Answer(pa.table({"seconds": [900, 60]}), notes=("1 case was skipped",))
        >>> answer.num_rows, answer["seconds"].to_pylist()
        (2, [900, 60])
        >>> pa.table(answer).column_names
        ['seconds']
        >>> list(answer.lines())
        ['1 case was skipped']

    Attributes:
        rows: the rows, in the order that the question promises.
        notes: sentences about this answer, for people.
        find_quality: computes `quality`; None where nothing rests on a lake's scans.
    """

    rows: pa.Table
    notes: tuple[str, ...] = ()
    find_quality: Callable[[], Quality] | None = None

    @cached_property
    def quality(self) -> Quality | None:
        """What the rows rest on; computed at first use, because it can cost more than the rows."""
        # cached_property writes into __dict__ directly, which `frozen` does not prevent.
        return None if self.find_quality is None else self.find_quality()

    def lines(self) -> Iterator[str]:
        """Return the notes, the statement of quality, and a warning where that stands beside no rows."""
        yield from self.notes
        if self.quality is not None:
            yield from self.quality.lines()
            # Only beside a statement of quality: where nothing rests on scans, no rows may well be right.
            if not self.rows.num_rows:
                yield NOT_SAFETY

    def equals(self, other: Any, **options: Any) -> bool:
        """Return whether the rows are those of another answer or table; `options` as of `pa.Table.equals`."""
        return bool(self.rows.equals(_rows_of(other), **options))

    def __eq__(self, other: object) -> bool:
        return bool(self.rows == _rows_of(other))

    __hash__ = None  # type: ignore[assignment] # as of the table

    def __repr__(self) -> str:
        return f"Answer({self.rows.num_rows:,} rows: {' '.join(self.rows.column_names)})"

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __getitem__(self, key: Any) -> Any:
        return self.rows[key]

    def __getattr__(self, name: str) -> Any:
        # Only called for what the class lacks. A copy is empty at first: without this line it would recurse.
        if name.startswith("__") or "rows" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.rows, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.rows)})

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the rows to any library that speaks the Arrow PyCapsule interface."""
        return self.rows.__arrow_c_stream__(requested_schema)


def started(find: Callable[[], _Found], eager: bool) -> Callable[[], _Found]:
    """Return a function that gives the result of `find`.

    Args:
        find: computes a quality.
        eager: start it at once on a thread, beside the computation of the rows. A command knows that it will
            print the quality; a notebook may never ask for it.
    """
    if not eager:
        return find
    pool = ThreadPoolExecutor(1)
    future = pool.submit(find)
    # Not waited for: the thread ends by itself, also where nobody asks for the result.
    pool.shutdown(wait=False)
    # An error of the thread is raised where the quality is asked for.
    return future.result


def _rows_of(value: Any) -> Any:
    return value.rows if isinstance(value, Answer) else value
