"""The scans of the people in play, and the stays that some of them make.

Without a scan a stay can begin later, end earlier or later, or fall apart in two, so what remains is paired
again, by the rule that made the stays (`windowing.pairing`).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
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
from pipelines.graph.tracing.stability.thinning import keys_of_events
from pipelines.kernels.group_by import changes
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
_BY_SCAN = ("token", "venue", "occurred_us", "high", "low", "number", "direction", "zone", "type_code")
_NO_ROWS = np.empty(0, np.int64)


class ScansInPlay(NamedTuple):
    """Scans at registered venues, visit after visit, ascending by time in each; some stand in several visits.

    Attributes:
        token: int64[n], a number for each identifier, from 0.
        venue: int64[n], numbers from 0.
        occurred_us: int64[n], microseconds UTC.
        high, low: uint64[n], the two words of the event key.
        number: int64[n], of the event, from 0: the same wherever a scan stands.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone: int32[n], the number of the zone, -1 for none.
        type_code: int16[n], of the venue.
        rank: int64[t], the rank of the person of each identifier.
        ends: int64[v], where visits end.
        at: int64[v], the venue of each.
        venue_rank: int64[w], of each venue among those in play, -1 for others.
        rules: the durations that the lake's stays are made with.
    """

    token: Int64
    venue: Int64
    occurred_us: Int64
    high: UInt64
    low: UInt64
    number: Int64
    direction: UInt8
    zone: Int32
    type_code: Int16
    rank: Int64
    ends: Int64
    at: Int64
    venue_rank: Int64
    rules: StayRules

    def keys(self) -> UInt8:
        """Return the event key of each number, so that no scan is hashed twice."""
        # Any row of an event will do: they hold the same key.
        row = np.empty(int(self.number.max(initial=-1)) + 1, np.int64)
        row[self.number] = np.arange(self.number.size)
        return keys_of_events(self.high[row], self.low[row])

    def in_pieces(self, pieces: int) -> Iterator["ScansInPlay"]:
        """Cut the visits into pieces of about as many scans, each to be paired by a thread."""
        targets = np.arange(1, pieces) * self.token.size // pieces
        # Visits are not torn apart: a cut falls on the end of one.
        cuts = [0, *np.searchsorted(self.ends, targets).tolist(), self.ends.size]
        for first, last in pairwise(cuts):
            begin = int(self.ends[first - 1]) if first else 0
            end = int(self.ends[last - 1]) if last else 0
            columns: Any = {name: getattr(self, name)[begin:end] for name in _BY_SCAN}
            yield self._replace(**columns, ends=self.ends[first:last] - begin, at=self.at[first:last])

    def stays(self, kept: UInt64, draws: int) -> tuple[StaysInPlay, UInt64]:
        """Pair what draws keep of the scans.

        Args:
            kept: uint64[events], the draws that keep each event.
            draws: how many there are.

        Returns:
            The stays, each once, and the draws that have each, uint64[k].
        """
        # `pair` gets parts for persons: what one draw keeps of a visit must not meet what another keeps.
        remains = remains_of(self.ends, kept[self.number], draws)
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
        # Parts are numbered from 0 in the order of `remains.part`, and so are the entries of `first`.
        first = np.flatnonzero(changes(remains.part))
        # A part is of one person and one visit, so its first scan tells both; `made.person` is the part.
        token, at = self.token[row[first]], self.at[visit[row[first]]]
        known = made.venue == at[made.person]  # the scans elsewhere are there for the visit only
        stays = StaysInPlay(
            self.rank[token[made.person]],
            self.venue_rank[made.venue],
            made.enter_us,
            made.exit_us,
            made.stay_id,
            made.zone,
        )
        return merged(stays.at(known), remains.mask[made.person[known]])


def merged(stays: StaysInPlay, mask: UInt64) -> tuple[StaysInPlay, UInt64]:
    """Return each stay once, with all the draws that have it, uint64[k]; ids do not distinguish them."""
    # Parts of one visit often make the same stay: it is traced once for all of their draws.
    columns = (stays.person, stays.venue, stays.enter_us, stays.zone.astype(np.int64), stays.exit_us)
    order = order_of(*columns)
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
    # Nobody passes on after the last stay of an infector; without its `out` that one ends later, but not by
    # more than the longest stay that the rules allow.
    passed_on_us = play.stays.exit_us[play.infector[play.stays.person]]
    until_us = min(until_us, int(passed_on_us.max(initial=from_us)) + margin_us)
    # Read the scans, a margin beyond the trace at either end; by identifier, for so stays are paired.
    tokens = tokens_of(lake, play.persons)
    rows = _rows_of(lake, tokens, (from_us - margin_us, until_us + margin_us), zoned=zoned)
    token, venue, occurred_us, direction = rows.person, rows.place, rows.occurred_us, rows.direction
    registry = registry_from(read_table(lake, "venues", ["venue", "type", "closed_at"]))
    types, closed_us = registry.of_venues(rows.venues)
    type_code = types[venue]
    # As in the lake's own stays, scans at places that are not registered, or closed by then, take no part.
    order = np.flatnonzero((type_code >= 0) & (occurred_us < closed_us[venue]))
    order = order[_by_time(token[order], occurred_us[order])]
    columns: list[Any] = [column[order] for column in (token, venue, occurred_us, direction)]
    # Of registered venues only, so every type is a position.
    columns += [rules.dwell_us[type_code[order]], rules.max_stay_us[type_code[order]]]
    scans = TimedScans(*columns)
    # int64[tokens], the person of each identifier.
    rank = np.searchsorted(play.persons, human_of(lake, tokens))
    venue_rank = _ranks(play.venues, rows.venues)
    # Cut them into visits, and keep those that can matter.
    own, ends = _visits(scans, venue_rank, rules.bounce_us)
    beside = _beside(play, scans, rank, venue_rank, own, ends, (from_us, until_us, reach_us))
    # Only visits that can make a stay beside an infector are paired: mostly a small part of all.
    own = own[np.repeat(beside, np.diff(ends, prepend=0))]
    ends = np.cumsum(np.diff(ends, prepend=0)[beside])
    # A visit is at one venue, so any of its scans tells which.
    at = scans.venue[own[ends - 1]]
    # Scans elsewhere, which may begin or end a stay of the visit.
    around, ends = with_scans_around(scans, own, ends)
    # `around` counts among the scans taken, `row` among all that were read.
    row = order[around]
    # Zones are read as text, and only where the rule asks for them.
    zone = np.full(row.size, -1, np.int32)
    if zoned:
        zone = play.zones.numbers(pa.chunked_array([rows.zone.take(pa.array(row)).cast(pa.string())]))
    # Only the events that stand in some visit are numbered, since each number is hashed.
    stands = np.zeros(order.size, np.bool_)
    stands[around] = True
    return ScansInPlay(
        token=token[row],
        venue=venue[row],
        occurred_us=occurred_us[row],
        high=rows.high[row],
        low=rows.low[row],
        number=(np.cumsum(stands) - 1)[around],
        direction=direction[row],
        zone=zone,
        type_code=type_code[row],
        rank=rank,
        ends=ends,
        at=at,
        venue_rank=venue_rank,
        rules=rules,
    )


def _ranks(known: Int64, venues: Int64) -> Int64:
    """Return the position of each venue among those known, ascending, or -1."""
    if not known.size:
        return np.full(venues.size, -1)
    rank = np.minimum(np.searchsorted(known, venues), known.size - 1)
    return np.where(known[rank] == venues, rank, -1)


def _visits(scans: TimedScans, venue_rank: Int64, bounce_us: int) -> tuple[Int64, Int64]:
    """Return the rows at venues where infectors stay, visit after visit, and where each visit ends."""
    row = np.flatnonzero((venue_rank >= 0)[scans.venue])
    if not row.size:
        return _NO_ROWS, _NO_ROWS
    # (token, venue) as one number stands in for the token, as `visit_ends` asks.
    key = scans.token[row] * venue_rank.size + scans.venue[row]
    order = order_of(key)  # stable, so by time in each
    row = row[order]
    columns: list[Any] = [key[order], *(column[row] for column in scans[1:])]
    return row, visit_ends(TimedScans(*columns), bounce_us)


def _beside(
    play: InPlay,
    scans: TimedScans,
    rank: Int64,
    venue_rank: Int64,
    own: Int64,
    ends: Int64,
    span: tuple[int, int, int],
) -> Bool:
    """Tell which visits can make a stay beside one of an infector, or an infector's own, bool[v].

    All stays of a visit lie between its first scan, less the dwell, and its last, and the dwell after that.
    """
    from_us, until_us, reach_us = span
    # The slice is for no visits at all, when `append` gives one entry too many.
    first, last = own[np.append(0, ends[:-1])[: ends.size]], own[ends - 1]
    venue = venue_rank[scans.venue[first]]
    start_us = scans.at_us[first] - scans.dwell_us[first]
    end_us = scans.at_us[last] + np.maximum(scans.dwell_us[last], SECOND_US)
    # Of infectors only the time in which somebody can be exposed counts, and a tail after it.
    some = play.infector[rank[scans.token[first]]] & (start_us < until_us) & (end_us > from_us)
    clipped = np.maximum(start_us, from_us)[some], np.minimum(end_us, until_us)[some] + reach_us
    return overlaps_any(venue, start_us, end_us, venue[some], *clipped)


def _by_time(token: Int64, occurred_us: Int64) -> Int64:
    """Return the permutation that sorts scans by token and time, for they are paired by identifier.

    Files of one date each, one after another, leave the scans of a token in order.
    """
    # Cheaper than by both, and enough if times turn out to be in order.
    order = order_of(token)
    sorted_us = occurred_us[order]
    if np.all((sorted_us[1:] >= sorted_us[:-1]) | (np.diff(token[order]) > 0)):
        return order
    return order_of(token, occurred_us)


def _rows_of(lake: Lake, tokens: Int64, span: tuple[int, int], *, zoned: bool) -> ScanColumns:
    """The scans of some tokens on the dates of a span; each `person` is a position in `tokens`."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda file: columns_of(file).of(tokens, zoned=zoned), _files(lake, *span))
        return joined([no_scans(), *found])


def _files(lake: Lake, from_us: int, until_us: int) -> list[LiveFile]:
    """The files of the scans that stays were made from, on the dates of a span."""
    # The scans behind the stays of the lake: newer ones have not been paired yet.
    version = snapshot(lake, "stays").marks.get("scans_version")
    first, last = (day_text(max(at_us, 0) // DAY_US) for at_us in (from_us, until_us))
    newest = snapshot(lake, "scans")  # which is cached, an older one is read from the log
    reflected = newest if version in (None, newest.version) else snapshot(lake, "scans", version)
    # ISO dates compare as text.
    chosen = [file for file in reflected.files if first <= file.partition["date"] <= last]
    return sorted(chosen, key=lambda file: file.partition["date"])
