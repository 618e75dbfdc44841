"""The humans of a lake, from its table `links`."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.types import Int64
from pipelines.lake import NO_TABLE, Lake, OfNewest, read_table, snapshot
from pipelines.linkage.humans import Humans, Links, humans_of
from pipelines.privacy.identifiers import KINDS
from pipelines.times import DAY_US

_COLUMNS = ["person_a", "person_b", "kind_a", "kind_b", "seen_at", "self"]


def humans_in(lake: Lake) -> Humans:
    """Return what the links of a lake show; a lake without links has no humans.

    Raises:
        DataError: a file is missing or damaged.
    """
    return _newest(lake)


def links_in(lake: Lake, version: int | None = None) -> Links:
    """Return the links of a lake, by default of its newest version; the same errors."""
    if version is None:
        version = snapshot(lake, "links").version
    if version == NO_TABLE:
        none = np.empty(0, np.int64)
        return Links(none, none, none, none, none, np.empty(0, np.bool_))
    rows = read_table(lake, "links", _COLUMNS, version=version)
    return Links(
        one=rows["person_a"].to_numpy(),
        other=rows["person_b"].to_numpy(),
        kind_one=_kind_codes(rows["kind_a"]),
        kind_other=_kind_codes(rows["kind_b"]),
        day=rows["seen_at"].cast(pa.int64()).to_numpy() // DAY_US,
        is_self=np.asarray(rows["self"], np.bool_),
    )


_newest = OfNewest("links", lambda lake, newest: humans_of(links_in(lake, newest.version)))


def _kind_codes(kinds: pa.ChunkedArray) -> Int64:
    codes: Int64 = pc.index_in(kinds, pa.array(KINDS)).cast(pa.int64()).to_numpy()
    return codes
