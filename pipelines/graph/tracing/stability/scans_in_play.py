"""The scans of the people in play, and the stays that some of them make.

Without a scan a stay can begin later, end earlier or later, or fall apart in two, so what remains is paired
again, by the rule that made the stays (`windowing.pairing`).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.graph.tracing.stability.in_play import NO_STAYS, InPlay, StaysInPlay, overlaps_any
from pipelines.graph.tracing.stability.kept_columns import ScanColumns, columns_of, joined, no_scans
from pipelines.graph.tracing.stability.thinned_scans import (
    TimedScans,
    remains_of,
    visit_ends,
    with_scans_around,
)
from pipelines.kernels.group_by import changes
from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Bool, Int16, Int32, Int64, UInt8, UInt64
from pipelines.lake import Lake, LiveFile, read_table, snapshot
from pipelines.linkage.human_lake import human_of, tokens_of
from pipelines.registry.registry import registry_from
from pipelines.times import DAY_US, SECOND_US, day_text
from pipelines.windowing.lake_stay_rules import stay_rules_of
from pipelines.windowing.pairing import pair
from schemas.stay_rules import StayRules

_THREADS = 2
_NO_ROWS = np.empty(0, np.int64)


class ScansInPlay(NamedTuple):
    """Scans at registered venues, visit after visit, ascending by time in each; some stand in several visits.

    Attributes:
        token: int64[n], a number for each identifier, from 0.
        venue: int64[n], hashes of codes.
        occurred_us: int64[n], microseconds UTC.
        high, low: uint64[n], the two words of the event key.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone: int32[n], the number of the zone, -1 for none.
        type_code: int16[n], of the venue.
        rank: int64[t], the rank of the person of each identifier.
        ends: int64[v], where visits end.
        at: int64[v], the venue of each, a hash.
        rules: the durations that the lake's stays are made with.
    """

    token: Int64
    venue: Int64
    occurred_us: Int64
    high: UInt64
    low: UInt64
    direction: UInt8
    zone: Int32
    type_code: Int16
    rank: Int64
    ends: Int64
    at: Int64
    rules: StayRules

    def stays(self, play: InPlay, kept: UInt64, draws: int) -> tuple[StaysInPlay, UInt64]:
        """Pair what draws keep of the scans.

        Args:
            play: the people in play.
            kept: uint64[n], the draws that keep each scan.
            draws: how many there are.

        Returns:
            The stays, each once, and the draws that have each, uint64[k].
        """
        remains = remains_of(self.ends, kept, draws)
        row = remains.row
        if not row.size:
            return NO_STAYS, np.empty(0, np.uint64)
        made = pair(
            remains.part,
            self.venue[row],
            self.occurred_us[row],
            self.high[row],
            self.low[row],
            self.direction[row],
            self.zone[row],
            self.type_code[row],
            self.rules,
        )
        visit = np.repeat(np.arange(self.ends.size), np.diff(self.ends, prepend=0))
        first = np.flatnonzero(changes(remains.part))
        token, at = self.token[row[first]], self.at[visit[row[first]]]
        known = made.venue == at[made.person]  # the scans elsewhere are there for the visit only
        stays = StaysInPlay(
            self.rank[token[made.person]],
            np.searchsorted(play.venues, made.venue),
            made.enter_us,
            made.exit_us,
            made.stay_id,
            made.zone,
        )
        return merged(stays.at(known), remains.mask[made.person[known]])


def merged(stays: StaysInPlay, mask: UInt64) -> tuple[StaysInPlay, UInt64]:
    """Return each stay once, with all the draws that have it, uint64[k]; ids do not distinguish them."""
    columns = (stays.exit_us, stays.zone.astype(np.int64), stays.enter_us, stays.venue, stays.person)
    order = np.arange(mask.size)
    for column in columns:
        order = order[order_of(column[order])]
    first = np.flatnonzero(changes(*(column[order] for column in columns))) if order.size else order
    draws = np.bitwise_or.reduceat(mask[order], first) if order.size else mask
    return stays.at(order[first]), draws


def scans_in_play(lake: Lake, play: InPlay, until_us: int, reach_us: int, *, zoned: bool) -> ScansInPlay:
    """Read the scans that can make a stay beside one of an infector.

    Args:
        lake: where.
        play: the people in play.
        until_us: how far the trace reaches; microseconds UTC.
        reach_us: how far contact reaches beyond a stay.
        zoned: whether zones matter.
    """
    rules = stay_rules_of(lake)
    margin_us = int(rules.max_stay_us.max())  # no scan farther off changes what a stay covers of the span
    from_us = int(play.infectious.start_us.min(initial=until_us))
    passed_on_us = play.stays.exit_us[play.infector[play.stays.person]]
    until_us = min(until_us, int(passed_on_us.max(initial=from_us)) + margin_us)
    tokens = tokens_of(lake, play.persons)
    rows = _rows_of(lake, tokens, (from_us - margin_us, until_us + margin_us))
    venue, occurred_us, direction = rows.venue, rows.occurred_us, rows.direction
    token = np.searchsorted(tokens, rows.person)
    registry = registry_from(read_table(lake, "venues", ["venue", "type", "closed_at"]))
    type_code = registry.type_codes(venue, occurred_us)
    order = np.flatnonzero(type_code >= 0)
    order = order[order_of(occurred_us[order])]
    order = order[order_of(token[order])]  # scans are paired by identifier, as the lake pairs them
    columns: list[Any] = [column[order] for column in (token, venue, occurred_us, direction)]
    columns += [rules.dwell_us[type_code[order]], rules.max_stay_us[type_code[order]]]
    scans = TimedScans(*columns)
    rank = np.searchsorted(play.persons, human_of(lake, tokens))
    own, ends = _visits(play, scans, rules.bounce_us)
    beside = _beside(play, scans, rank, own, ends, (from_us, until_us, reach_us))
    own = own[np.repeat(beside, np.diff(ends, prepend=0))]
    ends = np.cumsum(np.diff(ends, prepend=0)[beside])
    at = scans.venue[own[ends - 1]]
    around, ends = with_scans_around(scans, own, ends)
    row = order[around]
    zone = np.full(row.size, -1, np.int32)
    if zoned:
        zone = play.zones.numbers(pa.chunked_array([rows.zone.take(pa.array(row)).cast(pa.string())]))
    return ScansInPlay(
        token=token[row],
        venue=venue[row],
        occurred_us=occurred_us[row],
        high=rows.high[row],
        low=rows.low[row],
        direction=direction[row],
        zone=zone,
        type_code=type_code[row],
        rank=rank,
        ends=ends,
        at=at,
        rules=rules,
    )


def _visits(play: InPlay, scans: TimedScans, bounce_us: int) -> tuple[Int64, Int64]:
    """Return the rows at venues where infectors stay, visit after visit, and where each visit ends."""
    if not play.venues.size:
        return _NO_ROWS, _NO_ROWS
    venue = np.searchsorted(play.venues, scans.venue)
    row = np.flatnonzero(play.venues[np.minimum(venue, play.venues.size - 1)] == scans.venue)
    key = scans.token[row] * play.venues.size + venue[row]
    order = order_of(key)  # stable, so by time in each
    row = row[order]
    columns: list[Any] = [key[order], *(column[row] for column in scans[1:])]
    return row, visit_ends(TimedScans(*columns), bounce_us)


def _beside(
    play: InPlay, scans: TimedScans, rank: Int64, own: Int64, ends: Int64, span: tuple[int, int, int]
) -> Bool:
    """Tell which visits can make a stay beside one of an infector, or an infector's own, bool[v].

    All stays of a visit lie between its first scan, less the dwell, and its last, and the dwell after that.
    """
    from_us, until_us, reach_us = span
    first, last = own[np.append(0, ends[:-1])[: ends.size]], own[ends - 1]
    venue = np.searchsorted(play.venues, scans.venue[first])
    start_us = scans.at_us[first] - scans.dwell_us[first]
    end_us = scans.at_us[last] + np.maximum(scans.dwell_us[last], SECOND_US)
    some = play.infector[rank[scans.token[first]]] & (start_us < until_us) & (end_us > from_us)
    clipped = np.maximum(start_us, from_us)[some], np.minimum(end_us, until_us)[some] + reach_us
    return overlaps_any(venue, start_us, end_us, venue[some], *clipped)


def _rows_of(lake: Lake, tokens: Int64, span: tuple[int, int]) -> ScanColumns:
    """The scans of some tokens on the dates of a span."""
    held = IdSet(tokens)
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda file: columns_of(file).of(held), _files(lake, *span))
        return joined([no_scans(), *found])


def _files(lake: Lake, from_us: int, until_us: int) -> list[LiveFile]:
    """The files of the scans that stays were made from, on the dates of a span."""
    version = snapshot(lake, "stays").marks.get("scans_version")
    first, last = (day_text(max(at_us, 0) // DAY_US) for at_us in (from_us, until_us))
    newest = snapshot(lake, "scans")  # which is cached, an older one is read from the log
    reflected = newest if version in (None, newest.version) else snapshot(lake, "scans", version)
    return [file for file in reflected.files if first <= file.partition["date"] <= last]
