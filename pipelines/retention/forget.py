"""The steps that a purge and an erasure share, in an order that a kill may end anywhere."""

import time
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import NO_TABLE, Lake, LiveFile, read_table, snapshot
from pipelines.linkage.write_humans import LINKS_VERSION
from pipelines.retention.beside_lake import remove_beside
from pipelines.retention.remove_rows import Removal, count_rows, remove_rows
from pipelines.retention.scrub import cut_history, sweep_all
from pipelines.windowing.long_pairs import LONG_PAIRS_VERSION
from schemas.tables import ALL_TABLES

PERSONS: Final = {
    "scans": ("person",),
    "encounters": ("person_a", "person_b"),
    "declarations": ("person",),
    "cases": ("person",),
    "links": ("person_a", "person_b"),  # last: until then an erasure that was killed knows who is linked
}
"""The tables of what was received about persons, and their columns of tokens."""

COMPUTED = ("humans", "footfall", "stays", "contacts", "crowds", "long_pairs", "point_days")
"""The tables that follow from others."""


def forget(lake: Lake, number: int, removals: Mapping[str, Removal], runner: str) -> dict[str, int]:
    """Remove rows and everything that hangs on them, from the tables and from the disk.

    Args:
        lake: which lake, locked for this process alone; what is forgotten has been written down.
        number: of the purge or erasure.
        removals: which rows of the tables that hold what was received.
        runner: the name of the Beam runner.

    Returns:
        How many rows went, by table.

    Raises:
        DataError: a file or a log is damaged.
        ServiceError: the lake cannot be written, or others keep committing.
    """
    # `sweep_all` spares files written from here on, which are this command's own.
    begun = time.time()
    remove_beside(lake)  # a rotation that was killed has left another copy of every row
    removed = {name: remove_rows(lake, name, removal, number) for name, removal in removals.items()}
    # After the records, because only now is it known who is in none of them.
    removed["vault"] = remove_rows(lake, "vault", _strangers(lake), number)
    # Plain codes are kept only as long as a scan names them.
    remove_rows(lake, "unregistered_codes", _unseen_codes(lake), number)
    # For derived tables the removal is a newer version of their sources.
    bring_up_to_date(lake, runner=runner)
    # Old versions still name the old files: cut the logs first, then sweep the files.
    cut_all(lake, number, runner)
    sweep_all(lake, begun)
    return removed


def count(lake: Lake, removals: Mapping[str, Removal]) -> dict[str, int]:
    """Return how many rows would go, by table of what was received."""
    return {name: count_rows(lake, name, removal) for name, removal in removals.items()}


def cut_all(lake: Lake, number: int, runner: str) -> None:
    """Cut the log of every table; those that reflect others are cut once they have followed them."""
    # `cut_history` builds the names of marks itself, as `<table>_version`.
    assert (LONG_PAIRS_VERSION, LINKS_VERSION) == ("long_pairs_version", "links_version")
    cut_history(lake, "long_pairs", number, followed_by=("footfall", "stays"))
    # Received tables. A cut is a commit, so tables that reflect it move their mark or catch up.
    for name in ALL_TABLES:
        if name not in COMPUTED:
            cut_history(lake, name, number, followed_by=("humans",) if name == "links" else ())
    bring_up_to_date(lake, runner=runner)
    # Derived tables, in the order in which they reflect one another.
    for name in ("humans", "footfall", "stays"):
        cut_history(lake, name, number)
    bring_up_to_date(lake, runner=runner)
    for name in ("contacts", "crowds", "point_days"):
        cut_history(lake, name, number)


def _strangers(lake: Lake) -> Removal:
    """Rows of the vault whose person is in no table of what was received."""
    # Evaluated now, after the rows of the persons have gone.
    known = _distinct(lake, PERSONS)

    def goes(rows: pa.Table) -> Bool:
        return ~np.isin(rows["person"].to_numpy(), known)

    return Removal(_every, goes)


def _unseen_codes(lake: Lake) -> Removal:
    """Texts of venue codes that no scan names any more."""
    seen = _distinct(lake, {"scans": ("venue",)})

    def goes(rows: pa.Table) -> Bool:
        return ~np.isin(rows["venue"].to_numpy(), seen)

    return Removal(_every, goes)


def _every(_file: LiveFile) -> bool:
    return True


def _distinct(lake: Lake, columns: Mapping[str, tuple[str, ...]]) -> Int64:
    """Return the distinct ids of some columns, ascending."""
    found = [np.empty(0, np.int64)]
    for name, of_table in columns.items():
        if snapshot(lake, name).version != NO_TABLE:
            rows = read_table(lake, name, list(of_table))
            found += [pc.unique(rows[column]).to_numpy(zero_copy_only=False) for column in of_table]
    return np.unique(np.concatenate(found))
