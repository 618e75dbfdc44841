"""The contact keys of a rule pack as arrays, an entry a class of venues."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.kernels.types import Bool, Int64, UInt8
from pipelines.times import DAY_US, MINUTE_US
from schemas.rules import Rule

EACH, WITHIN_24H, WINDOW = 0, 1, 2
"""How the time together accumulates, as in `schemas.rules.Accumulate`."""

_ACCUMULATE = {"each": EACH, "24h": WITHIN_24H, "window": WINDOW}
_MOST_MINUTES = 1.5e9  # more means "for ever"; this many still fit 64 bits as microseconds


class Criteria(NamedTuple):
    """What makes a contact, by class of venues.

    A class is a set of venues that are summed together: class 0 are the
    venues without an override and the encounters, each override is one more.

    Attributes:
        min_us: int64[c], microseconds.
        accumulate: int64[c], one of EACH, WITHIN_24H and WINDOW.
        indirect_us: int64[c], microseconds.
        same_zone: int64[c], 1 where zones must agree.
    """

    min_us: Int64
    accumulate: Int64
    indirect_us: Int64
    same_zone: Int64

    @property
    def zoned(self) -> bool:
        """Whether any class asks for one zone."""
        return bool(self.same_zone.any())

    @property
    def reach_us(self) -> int:
        """How far contact reaches beyond a stay, of the class in which it is farthest; microseconds."""
        return int(self.indirect_us.max())


class VenueClasses(NamedTuple):
    """The venues that an override names.

    Example:
        >>> classes = VenueClasses(np.array([3, 8]), np.array([1, 2], np.uint8))
        >>> classes.kinds(np.array([8, 5, 3])).tolist()
        [2, 0, 1]

    Attributes:
        venue: int64[v], ascending.
        kind: uint8[v], their class.
    """

    venue: Int64
    kind: UInt8

    def kinds(self, venue: Int64) -> UInt8:
        """Return the class of each venue, int64[n]; 0 for those that no override names."""
        if self.venue.size == 0:
            return np.zeros(venue.size, np.uint8)
        found = np.searchsorted(self.venue, venue)
        # Beyond the last one: any position will do, the comparison below rejects it.
        found[found == self.venue.size] = 0
        return np.where(self.venue[found] == venue, self.kind[found], np.uint8(0))


def criteria(rule: Rule) -> Criteria:
    """Return the contact keys of a rule: `[contact]`, then its overrides in their order."""
    contacts = [rule.contact, *(override.contact for override in rule.overrides)]
    return Criteria(
        np.array([_minutes_us(contact.min_minutes) for contact in contacts], np.int64),
        np.array([_ACCUMULATE[contact.accumulate] for contact in contacts], np.int64),
        np.array([_minutes_us(contact.indirect_minutes) for contact in contacts], np.int64),
        np.array([int(contact.same_zone) for contact in contacts], np.int64),
    )


def swept_classes(criteria: Criteria) -> UInt8:
    """Tell which classes can be swept, uint8[c]: one overlap of the minimum is enough, whatever the zone."""
    # Out of reach, even an overlap of the minimum exposes nobody: 24 hours of it are too few.
    swept: UInt8 = (~out_of_reach(criteria) & (criteria.same_zone == 0)).astype(np.uint8)
    return swept


def out_of_reach(criteria: Criteria) -> Bool:
    """Tell in which classes nobody can be exposed, bool[c]: a day has no room for the minimum."""
    never: Bool = (criteria.accumulate == WITHIN_24H) & (criteria.min_us > DAY_US)
    return never


def venue_classes(rule: Rule, venue: Int64, venue_type: pa.DictionaryArray) -> VenueClasses:
    """Return the venues of the registry that the overrides of a rule name.

    Args:
        rule: the rule.
        venue: int64[v], the registry's venues, ascending.
        venue_type: their types, coded.
    """
    # From 1 on, as in `criteria`: 0 is for venues that no override names.
    kinds = {override.venue_type: number for number, override in enumerate(rule.overrides, 1)}
    of_code = np.array([kinds.get(one, 0) for one in venue_type.dictionary.to_pylist()], np.uint8)
    kind = of_code[venue_type.indices.to_numpy()] if len(venue_type) else np.empty(0, np.uint8)
    named = np.flatnonzero(kind)
    return VenueClasses(venue[named], kind[named])


def _minutes_us(minutes: float) -> int:
    return round(min(minutes, _MOST_MINUTES) * MINUTE_US)
