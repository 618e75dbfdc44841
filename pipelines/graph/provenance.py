"""Where contacts came from: how long each was, how much of it was indirect or imputed, and at which stays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from pipelines.arrays import Int64, order_of
from pipelines.days import DAY_US
from pipelines.graph import parts
from pipelines.graph.everybody import THREADS
from pipelines.graph.expand import NO_ZONES, rows_of_owners
from pipelines.graph.infectious import Intervals
from pipelines.graph.parts import Columns, Contacts, Pairs, columns_of, measured, parts_of
from pipelines.graph.sources import NO_ZONE
from pipelines.graph.under_rule import Network
from pipelines.kernels import helper
from pipelines.lake.sidecar import Sidecar


class Infectors(NamedTuple):
    """The clipped stays of infectors.

    Attributes:
        person: int64[k], tokens, ascending.
        stays: int64[s, OWN_COLUMNS], in the order (infector, start).
        begin: int64[k + 1], where those of each infector begin.
        longest_us: none reaches farther from its start.
    """

    person: Int64
    stays: Int64
    begin: Int64
    longest_us: int


class NearBy(NamedTuple):
    """A file of `stays` in the order of persons, and which stays of each infector may meet one of its rows.

    Attributes:
        columns: the file.
        first, last: int64[k].
    """

    columns: Columns
    first: Int64
    last: Int64


def provenance(where: Network, sources: Intervals, person: Int64, via: Int64) -> Contacts:
    """The whole clipped contact of each person with his infector.

    Args:
        where: the lake under the rule.
        sources: when the infectors are infectious.
        person: int64[n], tokens, ascending.
        via: int64[n], the tokens of their infectors.
    """
    intervals = sources.of(np.unique(via))
    infectors, files = _near_by(where, intervals)
    number = np.searchsorted(infectors.person, via)
    met = _of_encounters(where, intervals, person, via)

    def of_slice(first: int, last: int) -> Contacts:
        inside = met[(met[:, parts.PAIR] >= first) & (met[:, parts.PAIR] < last)]
        inside[:, parts.PAIR] -= first
        found = [inside]
        for columns, own_first, own_last in files:
            of = number[first:last]
            pairs = Pairs(person[first:last], own_first[of], own_last[of])
            found.append(parts_of(columns, pairs, infectors.stays, infectors.longest_us))
        joined = np.concatenate(found)
        return measured(joined, order_of(np.ascontiguousarray(joined[:, parts.PAIR])), last - first)

    bounds = [person.size * part // THREADS for part in range(THREADS + 1)]
    with ThreadPoolExecutor(THREADS) as pool:
        return _one_after_the_other(list(pool.map(of_slice, bounds[:-1], bounds[1:])))


def parts_of_pair(where: Network, sources: Intervals, person: int, via: int) -> Int64:
    """The parts of the whole contact of a person with his infector, int64[p, PART_COLUMNS], by start."""
    pair, infector = np.array([person], np.int64), np.array([via], np.int64)
    intervals = sources.of(infector)
    infectors, files = _near_by(where, intervals)
    found = [_of_encounters(where, intervals, pair, infector)]
    for columns, first, last in files:
        pairs = Pairs(pair, first, last)
        found.append(parts_of(columns, pairs, infectors.stays, infectors.longest_us))
    joined = np.concatenate(found)
    return joined[np.argsort(joined[:, parts.FROM], kind="stable")]


def _near_by(where: Network, intervals: Intervals) -> tuple[Infectors, list[NearBy]]:
    """The stays of the infectors, and the files that may hold stays beside them."""
    stays = where.stays_of(intervals)
    person = np.unique(intervals.person)
    number = np.searchsorted(person, intervals.person)[stays.owner]
    order = order_of(stays.start_us)
    order = order[order_of(number[order])]
    zone = np.where(where.criteria.same_zone[stays.kind], stays.zone, NO_ZONE)
    columns = (stays.start_us, stays.end_us, stays.reach_us, stays.imputed_from_us)
    rows = np.stack((*columns, stays.scanned_both, stays.venue, zone, stays.stay_id), axis=1)[order]
    longest_us = int((stays.reach_us - stays.start_us).max(initial=0))
    begin = np.searchsorted(number[order], np.arange(person.size + 1))
    infectors = Infectors(person, rows, begin, longest_us)
    starts_us = np.ascontiguousarray(rows[:, parts.START])
    files = []
    first = begin[:-1]
    for file in sorted(where.beside(stays, "person"), key=_day):
        begin_us = _day(file) * DAY_US
        first, last = np.array([first, first])
        end_us = begin_us + DAY_US + file.longest_us
        _advance(starts_us, begin, begin_us - longest_us, end_us, first, last)
        zone = where.zones.of(file) if where.criteria.zoned else NO_ZONES
        files.append(NearBy(columns_of(file, zone), first, last))
    return infectors, files


def _day(columns: Sidecar) -> int:
    """The UTC day on which all stays of a file are entered."""
    return int(columns.enter_us[0]) // DAY_US


@helper
def _advance(
    starts_us: Int64, begin: Int64, after_us: int, before_us: int, first: Int64, last: Int64
) -> None:
    """Move to the stays of each infector that begin after one instant and before another."""
    for infector in range(first.size):
        stay, end = first[infector], begin[infector + 1]
        while stay < end and starts_us[stay] <= after_us:
            stay += 1
        first[infector] = stay
        while stay < end and starts_us[stay] < before_us:
            stay += 1
        last[infector] = stay


def _of_encounters(where: Network, intervals: Intervals, person: Int64, via: Int64) -> Int64:
    """The encounters of each pair, clipped; devices saw all of them, and all of them are direct."""
    owner, row = rows_of_owners(where.near.person, intervals.person)
    start_us = np.maximum(where.near.start_us[row], intervals.start_us[owner])
    end_us = np.minimum(where.near.end_us[row], intervals.end_us[owner])
    pair = np.searchsorted(person, where.near.other[row])
    pair[pair == person.size] = 0
    kept = np.flatnonzero(
        (start_us < end_us) & (person[pair] == where.near.other[row]) & (via[pair] == where.near.person[row])
    )
    made = np.zeros((kept.size, parts.PART_COLUMNS), np.int64)
    made[:, parts.PAIR], made[:, parts.FROM] = pair[kept], start_us[kept]
    for column in (parts.TO, parts.DIRECT_TO, parts.SEEN_TO, parts.TAIL_SEEN_TO):
        made[:, column] = end_us[kept]
    return made


def _one_after_the_other(slices: Sequence[Contacts]) -> Contacts:
    """All pairs of slices that follow one another."""
    joined = [np.concatenate(column) for column in zip(*slices, strict=True)]
    contacts = Contacts(*joined)
    pair = venues = stays = 0
    for part in slices:
        end = pair + part.direct_us.size
        contacts.at_end[pair:end] += venues
        contacts.of_end[pair:end] += stays
        pair, venues, stays = end, venues + part.at_venue.size, stays + part.of_stay.size
    return contacts
