"""Where a contact came from: how long it was, how much of it was indirect or imputed, and at which stays."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.arrays import Int64, order_of
from pipelines.graph.expand import rows_of_owners
from pipelines.graph.groups import distinct_pairs
from pipelines.graph.infectious import Intervals
from pipelines.graph.sources import NO_ZONE, ClippedStays, Int32, UInt8, first_from
from pipelines.graph.under_rule import Network
from pipelines.ingest.helpers import inlined

_NO_ZONES = np.full(1, NO_ZONE, np.int32)
_NO_INT64 = np.empty(0, np.int64)


class Parts(NamedTuple):
    """Parts of the contacts of pairs: one interval each, the direct part before the indirect one.

    Attributes:
        pair: int64[p].
        start_us, end_us: int64[p], microseconds UTC; never empty.
        direct_end_us: int64[p], where the direct part ends, `start_us` when there is none.
        seen_end_us: int64[p], how far the direct part was seen of both, from `start_us` on.
        tail_seen_end_us: int64[p], the same of the indirect part, from `direct_end_us` on.
    """

    pair: Int64
    start_us: Int64
    end_us: Int64
    direct_end_us: Int64
    seen_end_us: Int64
    tail_seen_end_us: Int64


class StaysOfParts(NamedTuple):
    """The stays that make parts.

    Attributes:
        pair: int64[p].
        venue: int64[p].
        stay_id, own_stay_id: int64[p], of the exposed one and of the infectious one.
    """

    pair: Int64
    venue: Int64
    stay_id: Int64
    own_stay_id: Int64


class Provenance(NamedTuple):
    """What contacts consist of.

    Attributes:
        direct_us, indirect_us, imputed_us: int64[n], microseconds of the union of each contact.
        at_pair, at_venue: int64[v], the venues of each pair, once each, ascending by pair.
        of_pair, of_stay: int64[s], the ids of the stays of both persons, once each, ascending.
    """

    direct_us: Int64
    indirect_us: Int64
    imputed_us: Int64
    at_pair: Int64
    at_venue: Int64
    of_pair: Int64
    of_stay: Int64


def provenance(where: Network, sources: Intervals, person: Int64, via: Int64) -> Provenance:
    """The whole clipped contact of each person with his infector.

    Args:
        where: the lake under the rule.
        sources: when the infectors are infectious.
        person: int64[n], tokens, ascending.
        via: int64[n], the tokens of their infectors.
    """
    intervals = sources.of(np.unique(via))
    infectors, number = np.unique(intervals.person, return_inverse=True)
    stays, own = _by_owner(where.stays_of(intervals), number)
    begin = np.searchsorted(own, np.arange(infectors.size + 1))
    infector = np.searchsorted(infectors, via)
    zoned = where.criteria.same_zone.astype(np.uint8)
    parts = [_of_encounters(where, intervals, person, via)]
    found = [StaysOfParts(*[_NO_INT64] * 4)]
    for columns in where.beside(stays, "person"):
        zone = where.zones.of(columns) if zoned.any() else _NO_ZONES
        rows = (columns.person, columns.venue, columns.enter_us, columns.exit_us, zone)
        seen = (columns.imputed_from_us, columns.stay_id)
        part, at = _parts(person, infector, begin, stays, zoned, *rows, *seen)
        parts.append(Parts(*part))
        found.append(StaysOfParts(part[0], *at))
    return _measured(_sorted(parts), _joined(StaysOfParts, found), person.size)


def _by_owner(stays: ClippedStays, number: Int64) -> tuple[ClippedStays, Int64]:
    """The stays in the order (infector, start), and the number of the infector of each."""
    own = number[stays.owner]
    order = order_of(stays.start_us)
    order = order[order_of(own[order])]
    return stays.at(order), own[order]


def _joined(kind: Any, parts: Any) -> Any:
    return kind(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _sorted(parts: list[Parts]) -> Parts:
    """All parts in the order (pair, start)."""
    joined: Parts = _joined(Parts, parts)
    order = order_of(joined.start_us)
    order = order[order_of(joined.pair[order])]
    return Parts(*(column[order] for column in joined))


def _measured(parts: Parts, found: StaysOfParts, pairs: int) -> Provenance:
    at = distinct_pairs(found.pair, found.venue)
    of = distinct_pairs(np.tile(found.pair, 2), np.concatenate((found.stay_id, found.own_stay_id)))
    return Provenance(*_measure(parts, pairs), *at, *of)


def _of_encounters(where: Network, intervals: Intervals, person: Int64, via: Int64) -> Parts:
    """The encounters of each pair, clipped; devices saw all of them, and all of them are direct."""
    owner, row = rows_of_owners(where.near.person, intervals.person)
    pair = np.searchsorted(person, where.near.other[row])
    pair[pair == person.size] = 0
    start_us = np.maximum(where.near.start_us[row], intervals.start_us[owner])
    end_us = np.minimum(where.near.end_us[row], intervals.end_us[owner])
    kept = start_us < end_us
    if person.size:
        kept &= (person[pair] == where.near.other[row]) & (via[pair] == where.near.person[row])
    start_us, end_us = start_us[kept], end_us[kept]
    return Parts(pair[kept], start_us, end_us, end_us, end_us, end_us)


@njit(cache=True, nogil=True)
def _parts(
    wanted: Int64,
    infector: Int64,
    begin: Int64,
    stays: ClippedStays,
    zoned: UInt8,
    person: Int64,
    venue: Int64,
    enter_us: Int64,
    exit_us: Int64,
    zone: Int32,
    imputed_from_us: Int64,
    stay_id: Int64,
) -> Any:
    """The parts of contacts that one file, in the order of persons, holds the exposed one's stays of."""
    longest_us = 0
    for own in range(stays.start_us.size):
        longest_us = max(longest_us, stays.reach_us[own] - stays.start_us[own])
    parts = np.empty((64, 9), np.int64)
    found = 0
    row = 0
    for pair in range(wanted.size):
        row = first_from(person, wanted[pair], row)
        first, last = begin[infector[pair]], begin[infector[pair] + 1]
        starts_us = stays.start_us[first:last]
        while row < person.size and person[row] == wanted[pair]:
            own = first + first_from(starts_us, exit_us[row], 0) - 1
            while own >= first and stays.start_us[own] > enter_us[row] - longest_us:
                if _meet(stays, own, venue[row], enter_us[row], zone, row, zoned):
                    if found == parts.shape[0]:
                        parts = np.concatenate((parts, np.empty_like(parts)))
                    _write(parts[found], pair, stays, own, enter_us[row], exit_us[row], imputed_from_us[row])
                    parts[found, 6], parts[found, 7] = venue[row], stay_id[row]
                    parts[found, 8] = stays.stay_id[own]
                    found += 1
                own -= 1
            row += 1
    columns = parts[:found].T.copy()
    part = (columns[0], columns[1], columns[2], columns[3], columns[4], columns[5])
    return part, (columns[6], columns[7], columns[8])


@inlined
def _meet(
    stays: ClippedStays, own: int, venue: int, enter_us: int, zone: Int32, row: int, zoned: UInt8
) -> bool:
    """Whether a stay that begins before `own` reaches its end meets it."""
    if stays.venue[own] != venue or stays.reach_us[own] <= enter_us:
        return False
    own_zone = stays.zone[own] if zoned[stays.kind[own]] else NO_ZONE
    return own_zone == NO_ZONE or zone[row] == NO_ZONE or zone[row] == own_zone


@inlined
def _write(
    part: Any, pair: int, stays: ClippedStays, own: int, enter_us: int, exit_us: int, imputed_from_us: int
) -> None:
    """One part of a contact, as the columns of `Parts`."""
    start_us, end_us = max(stays.start_us[own], enter_us), min(stays.reach_us[own], exit_us)
    direct_end_us = max(start_us, min(stays.end_us[own], end_us))
    seen_end_us = min(direct_end_us, stays.imputed_from_us[own], imputed_from_us)
    tail_seen_end_us = min(end_us, imputed_from_us) if stays.scanned_both[own] else direct_end_us
    part[0], part[1], part[2], part[3] = pair, start_us, end_us, direct_end_us
    part[4], part[5] = seen_end_us, tail_seen_end_us


@njit(cache=True, nogil=True)
def _measure(parts: Parts, pairs: int) -> tuple[Int64, Int64, Int64]:
    """Microseconds direct, indirect and imputed of the union of each pair's parts."""
    direct_us, indirect_us = np.zeros(pairs, np.int64), np.zeros(pairs, np.int64)
    imputed_us = np.zeros(pairs, np.int64)
    begin = 0
    while begin < parts.pair.size:
        pair, end = parts.pair[begin], begin + 1
        while end < parts.pair.size and parts.pair[end] == pair:
            end += 1
        starts_us = parts.start_us[begin:end]
        all_us = _union(starts_us, parts.end_us[begin:end])
        direct_us[pair] = _union(starts_us, parts.direct_end_us[begin:end])
        indirect_us[pair] = all_us - direct_us[pair]
        seen_us = np.concatenate((starts_us, parts.direct_end_us[begin:end]))
        seen_end_us = np.concatenate((parts.seen_end_us[begin:end], parts.tail_seen_end_us[begin:end]))
        order = np.argsort(seen_us)
        imputed_us[pair] = all_us - _union(seen_us[order], seen_end_us[order])
        begin = end
    return direct_us, indirect_us, imputed_us


@inlined
def _union(starts_us: Any, ends_us: Any) -> int:
    """The length of a union of intervals that ascend by start; one that ends before it begins is empty."""
    total_us = 0
    reached_us = np.iinfo(np.int64).min
    for entry in range(starts_us.size):
        start_us = max(starts_us[entry], reached_us)
        if ends_us[entry] > start_us:
            total_us += ends_us[entry] - start_us
            reached_us = ends_us[entry]
    return total_us
