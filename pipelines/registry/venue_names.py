"""Codes and names of venues, from the registry."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, OfNewest, Snapshot, read_table
from pipelines.terminal.output import token_text


@dataclass(frozen=True)
class VenueNames:
    """The registry's codes, ascending by venue.

    >>> VenueNames(np.array([5]), pa.array(["QNG-1"])).codes(np.array([5, 255])).to_pylist()
    ['QNG-1', '00000000000000ff']

    Attributes:
        venue: int64[v].
        code: string[v].
    """

    venue: Int64
    code: pa.Array

    def codes(self, venue: Int64) -> pa.Array:
        """Return the code of each venue, or the 16 digits of its hash if it is not registered.

        Args:
            venue: int64[n].
        """
        found = np.searchsorted(self.venue, venue)
        # An index past the end becomes 0; the comparison below still tells that it is not there.
        found[found == self.venue.size] = 0
        known = self.venue[found] == venue if self.venue.size else np.zeros(venue.size, bool)
        if known.all():
            return self.code.take(column(found))
        shown = self.code.take(pa.array(found, mask=~known)).to_pylist()
        return pa.array([code or token_text(one) for code, one in zip(shown, venue.tolist(), strict=True)])


def described(lake: Lake, venue: Int64) -> pa.Table:
    """Look up venues in the registry, one row for each in the given order.

    Args:
        lake: an open lake.
        venue: int64[n].

    Returns:
        `venue` (its code, or the 16 digits of its hash), `name` and `type`, null where unknown.
    """
    rows = _registry(lake)
    found = pc.index_in(column(venue), rows["venue"].combine_chunks())
    codes = places(lake).codes(venue)
    return pa.table({"venue": codes, "name": rows["name"].take(found), "type": rows["type"].take(found)})


def names_of_codes(lake: Lake) -> Callable[[Collection[str]], dict[str, str]]:
    """Return a function that finds the names of venue codes; it reads the registry when called."""

    def find(codes: Collection[str]) -> dict[str, str]:
        rows = read_table(lake, "venues", ["venue_code", "name"])
        rows = rows.filter(pc.is_in(rows["venue_code"], pa.array(codes, pa.string())))
        found = zip(rows["venue_code"].to_pylist(), rows["name"].to_pylist(), strict=True)
        return {code: name for code, name in found if name}

    return find


_registry = OfNewest(
    "venues", lambda lake, _newest: read_table(lake, "venues", ["venue", "name", "type"]).combine_chunks()
)


def _places(lake: Lake, _newest: Snapshot) -> VenueNames:
    rows = read_table(lake, "venues", ["venue", "venue_code"]).combine_chunks().sort_by("venue")
    return VenueNames(rows["venue"].to_numpy(), rows["venue_code"].combine_chunks())


places = OfNewest("venues", _places)
"""The venue names of a lake, cached until its table changes."""
