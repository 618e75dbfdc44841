"""The files of `stays`: which may hold rows of a question, and their columns, mapped once a process.

A sidecar is kept by the path of its data file, which is named by its content, so it never goes stale.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.kernels.types import Int64
from pipelines.lake import LiveFile, OfNewest, Snapshot, storage
from pipelines.lake.sidecars.sidecar import Sidecar, open_sidecar
from pipelines.lake.sidecars.sidecar_file import Mapped
from schemas.tables import STAY_ORDERS

_FETCHED_AT_ONCE = 4

_mapped = Mapped[Sidecar]()


@dataclass(frozen=True)
class Span:
    """The instants [from_us, to_us) of a question, microseconds UTC; None is open.

    Example:
        >>> Span(from_us=5).begins_at(), Span(from_us=5).ends_at() == 2**62
        (5, True)
    """

    from_us: int | None = None
    to_us: int | None = None

    def begins_at(self) -> int:
        """Return the first instant; without one an instant before all."""
        # Half of int64's range, so that a duration may be added or taken away without an overflow.
        return -(2**62) if self.from_us is None else self.from_us

    def ends_at(self) -> int:
        """Return the end; without one an instant after all."""
        return 2**62 if self.to_us is None else self.to_us


@dataclass(frozen=True)
class StayOrder:
    """The files of `stays` in one order, with their statistics from the log.

    Attributes:
        files: ascending by path.
        least_id, greatest_id: int64[f], bounds of the ids that the order begins with.
        enter_us, exit_us: int64[f], the first enter and the last exit.
    """

    files: tuple[LiveFile, ...]
    least_id: Int64
    greatest_id: Int64
    enter_us: Int64
    exit_us: Int64


def _order_of(newest: Snapshot, by: str) -> StayOrder:
    files = tuple(file for file in newest.files if file.partition["by"] == by)
    stats = [file.stats for file in files]
    # Statistics as arrays, so that a question asks all files at once.
    columns = (
        [one.least[by] for one in stats],
        [one.greatest[by] for one in stats],
        [one.least["enter"] for one in stats],
        [one.greatest["exit"] for one in stats],
    )
    return StayOrder(files, *(np.array(column, np.int64) for column in columns))


plain_orders = OfNewest("stays", lambda _lake, newest: {by: _order_of(newest, by) for by in STAY_ORDERS})


class ChangedFile(LiveFile, ABC):
    """A file of `stays` that a question sees otherwise than it lies in the lake."""

    @abstractmethod
    def columns(self) -> Sidecar:
        """Return the columns as the question sees them, in their order."""

    @abstractmethod
    def read(self, schema: pa.Schema, rows: Int64) -> pa.Table:
        """Return whole rows as the question sees them.

        Args:
            schema: the columns wanted.
            rows: int64[r], positions in `columns`.
        """


def sidecars(files: Iterable[LiveFile]) -> list[Sidecar]:
    """Return the columns of files, each mapped once a process; from a store, several are fetched at once."""
    files = list(files)
    missing = [file for file in files if _mapped.find(file.path) is None]
    # On a disk a file is mapped, not read: threads would gain nothing.
    if len(missing) > 1 and storage.is_url(missing[0].path):
        with ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
            list(pool.map(mapped, missing))
    return [file.columns() if isinstance(file, ChangedFile) else mapped(file) for file in files]


def mapped(file: LiveFile) -> Sidecar:
    """Return the columns of a file as it lies in the lake."""
    return _mapped.find(file.path) or _mapped.keep(file.path, open_sidecar(file))
