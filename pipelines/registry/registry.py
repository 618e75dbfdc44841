"""What pairing must know of a venue: its type, and whether it is registered at an instant."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.types import Int64
from pipelines.runtime.side_payload import SidePayload
from schemas.stay_rules import VENUE_TYPES

UNREGISTERED = -1
"""The type code of a scan that takes no part in stays."""

_NEVER_US = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Registry(SidePayload):
    """The registry as columns, ascending by venue.

    >>> registry = Registry(np.array([4, 7]), np.array([0, 2], np.int16), np.array([100, 2**63 - 1]))
    >>> registry.type_codes(np.array([4, 4, 7, 8]), np.array([99, 100, 100, 100]))
    array([ 0, -1,  2, -1], dtype=int16)

    Attributes:
        venue: int64[v].
        type_code: int16[v], the position in `VENUE_TYPES`.
        closed_us: int64[v], the instant from which the venue is closed.
    """

    venue: Int64
    type_code: npt.NDArray[np.int16]
    closed_us: Int64

    @cached_property
    def digest(self) -> bytes:
        """A hash of what decides whether a scan is registered, hexadecimal; the type of a venue does not."""
        made = hashlib.sha256(self.venue.tobytes())
        made.update(self.closed_us.tobytes())
        return made.hexdigest().encode()

    def holds(self, venue: Int64) -> npt.NDArray[np.bool_]:
        """Tell which venues are registered; closed ones count.

        Args:
            venue: int64[n]; fastest when rows of one venue are adjacent.
        """
        if self.venue.size == 0 or venue.size == 0:
            return np.zeros(venue.size, np.bool_)
        # One search for each run of equal venues.
        starts = np.flatnonzero(np.append(True, venue[1:] != venue[:-1]))
        found = np.searchsorted(self.venue, venue[starts])
        # An index past the end becomes 0; the comparison below still tells that it is not there.
        found[found == self.venue.size] = 0
        return np.repeat(self.venue[found] == venue[starts], np.diff(starts, append=venue.size))

    def of_venues(self, venue: Int64) -> tuple[npt.NDArray[np.int16], Int64]:
        """Return the type of each venue, or UNREGISTERED, and from when on it is closed, int64[n]."""
        if self.venue.size == 0:
            return np.full(venue.size, UNREGISTERED, np.int16), np.full(venue.size, _NEVER_US)
        found = np.searchsorted(self.venue, venue)
        found[found == self.venue.size] = 0
        known = self.venue[found] == venue
        types = np.where(known, self.type_code[found], UNREGISTERED).astype(np.int16)
        return types, np.where(known, self.closed_us[found], _NEVER_US)

    def type_codes(self, venue: Int64, occurred_us: Int64) -> npt.NDArray[np.int16]:
        """Return the type of each scan's venue, or UNREGISTERED when it is unknown or closed by then.

        Args:
            venue: int64[n]; fastest when rows of one venue are adjacent.
            occurred_us: int64[n].
        """
        if self.venue.size == 0 or venue.size == 0:
            return np.full(venue.size, UNREGISTERED, np.int16)
        starts = np.flatnonzero(np.append(True, venue[1:] != venue[:-1]))
        lengths = np.diff(starts, append=venue.size)
        types, closed = self.of_venues(venue[starts])
        by_scan = np.repeat(types, lengths)
        # Most runs of venues hold no closed one: spare them a pass over all times.
        if (closed != _NEVER_US).any():
            by_scan[occurred_us >= np.repeat(closed, lengths)] = UNREGISTERED
        return by_scan


def registry_from(venues: pa.Table) -> Registry:
    """Make the registry of a `venues` table, whose rows may be in any order."""
    venue = venues["venue"].to_numpy()
    order = np.argsort(venue)
    code = {name: position for position, name in enumerate(VENUE_TYPES)}
    types = venues["type"].combine_chunks().dictionary_encode()
    # Only known types get into the registry, so a missing key is a broken invariant.
    type_code = np.array([code[name] for name in types.dictionary.to_pylist()], np.int16)
    closed = venues["closed_at"].cast(pa.int64()).fill_null(_NEVER_US).to_numpy()
    return Registry(
        venue=venue[order],
        type_code=type_code[types.indices.to_numpy()][order] if venue.size else np.empty(0, np.int16),
        closed_us=closed[order],
    )
