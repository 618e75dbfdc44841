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

from pipelines.graph.tracing.stability.in_play import (
    NO_STAYS,
    THREADS,
    InPlay,
    StaysInPlay,
    beside_each_other,
)
from pipelines.graph.tracing.stability.kept_columns import ScanColumns, columns_of, joined, no_scans
from pipelines.graph.tracing.stability.thinned_scans import (
    TimedScans,
    alike,
    needed_of,
    remains_of,
    visit_ends,
    with_scans_around,
)
from pipelines.graph.tracing.stability.thinning import keys_of_events
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.sort import order_by, order_of
from pipelines.kernels.types import Bool, Int16, Int32, Int64, UInt8, UInt64
from pipelines.lake import Lake, LiveFile, read_table, snapshot
from pipelines.linkage.human_lake import human_of, tokens_of
from pipelines.registry.registry import Registry, registry_from
from pipelines.times import DAY_US, SECOND_US, day_text
from pipelines.windowing.lake_stay_rules import stay_rules_of
from pipelines.windowing.stay_scan import sorted_scans, walk
from schemas.codes import DIRECTIONS
from schemas.stay_rules import StayRules

_BY_SCAN = ("token", "venue", "occurred_us", "high", "low", "number", "direction", "zone", "type_code")
_NO_ROWS = np.empty(0, np.int64)
_OUT = DIRECTIONS.index("out")


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
        needed: uint64[v], the draws in which each is needed.
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
    needed: UInt64
    venue_rank: Int64
    rules: StayRules

    def person(self) -> Int64:
        """Return the rank of the person of each visit, int64[v]."""
        return self.rank[self.token[self.ends - 1]]

    def events(self) -> tuple[UInt8, Int64, UInt64]:
        """Return the key of each number, for no scan is hashed twice, its person, and the draws needed."""
        # Any row of an event will do: they hold the same key.
        row = np.empty(int(self.number.max(initial=-1)) + 1, np.int64)
        row[self.number] = np.arange(self.number.size)
        needed = needed_of(self.number, self.ends, self.needed, row.size)
        return keys_of_events(self.high[row], self.low[row]), self.rank[self.token[row]], needed

    def in_pieces(self, scans: int) -> Iterator["ScansInPlay"]:
        """Cut the visits into pieces of about that many scans, for their parts take much room."""
        targets = np.arange(1, self.token.size // scans + 1) * scans
        # Visits are not torn apart: a cut falls on the end of one.
        cuts = [0, *np.searchsorted(self.ends, targets).tolist(), self.ends.size]
        for first, last in pairwise(cuts):
            begin = int(self.ends[first - 1]) if first else 0
            end = int(self.ends[last - 1]) if last else 0
            columns: Any = {name: getattr(self, name)[begin:end] for name in _BY_SCAN}
            columns |= {name: getattr(self, name)[first:last] for name in ("at", "needed")}
            yield self._replace(**columns, ends=self.ends[first:last] - begin)

    def stays(self, kept: UInt64, draws: int) -> tuple[StaysInPlay, UInt64]:
        """Pair what draws keep of the scans.

        Args:
            kept: uint64[events], the draws that keep each event.
            draws: how many there are.

        Returns:
            The stays, each once, and the draws that have each, uint64[k].
        """
        visit = np.repeat(np.arange(self.ends.size), np.diff(self.ends, prepend=0))
        # An event may stand in other visits too, which are needed in other draws.
        remains = remains_of(self.ends, kept[self.number] & self.needed[visit], draws)
        row = remains.row
        if not row.size:
            return NO_STAYS, np.empty(0, np.uint64)
        type_code = self.type_code[row]
        # A part stands for a person: what one draw keeps of a visit must not meet what another keeps.
        scans = sorted_scans(
            remains.part,
            self.venue[row],
            self.occurred_us[row],
            self.direction[row],
            self.zone[row],
            np.zeros(row.size, np.uint64),  # fingerprints are not asked for
            self.rules.dwell_us[type_code],
            self.rules.max_stay_us[type_code],
        )
        made = walk(scans, self.venue_rank.size, self.rules.bounce_us)
        # A stay is of the person and the visit of its first scan; scans elsewhere are there for those only.
        first = row[made.first]
        known = np.flatnonzero(self.venue[first] == self.at[visit[first]])
        mask = remains.mask[remains.part[made.first[known]]]
        first = first[known]
        once, mask = alike(visit[first], made.enter_us[known], made.exit_us[known], made.zone[known], mask)
        first, known = first[once], known[once]
        stays = StaysInPlay(
            self.rank[self.token[first]],
            self.venue_rank[self.venue[first]],
            made.enter_us[known],
            made.exit_us[known],
            made.zone[known],
        )
        return stays, mask


class LakeScans(NamedTuple):
    """What the stays of a lake were made from: of one version, however often it is looked at.

    Attributes:
        lake: where.
        rules: the durations.
        registry: the venues.
        files: the files of scans, by date.
    """

    lake: Lake
    rules: StayRules
    registry: Registry
    files: list[LiveFile]

    def spanning(self, from_us: int, until_us: int) -> list[LiveFile]:
        """Return the files of the dates of a span."""
        first, last = (day_text(max(at_us, 0) // DAY_US) for at_us in (from_us, until_us))
        # ISO dates compare as text.
        return [file for file in self.files if first <= file.partition["date"] <= last]


def lake_scans(lake: Lake) -> LakeScans:
    """Return what the newest stays of a lake were made from."""
    # The scans behind the stays of the lake: newer ones have not been paired yet.
    version = snapshot(lake, "stays").marks.get("scans_version")
    newest = snapshot(lake, "scans")  # which is cached, an older one is read from the log
    reflected = newest if version in (None, newest.version) else snapshot(lake, "scans", version)
    registry = registry_from(read_table(lake, "venues", ["venue", "type", "closed_at"]))
    files = sorted(reflected.files, key=lambda file: file.partition["date"])
    return LakeScans(lake, stay_rules_of(lake), registry, files)


def scans_in_play(paired: LakeScans, graph: TemporalGraph, play: InPlay) -> ScansInPlay:
    """Read the scans that can make a stay of a target beside one of a source, or one of a source beside it.

    Args:
        paired: what the stays were made from.
        graph: what was traced through.
        play: what is in play.
    """
    rules = paired.rules
    margin_us = int(rules.max_stay_us.max())  # no scan farther off changes what a stay covers of the span
    sources, criteria = play.sources, graph.criteria
    persons = play.people.persons[sources.is_source() | (play.wanted != 0)]
    from_us = play.from_us
    # Nobody passes on after the last stay of a source; without its `out` that one ends later, but not by
    # more than the longest stay that the rules allow.
    until_us = min(
        play.until_us, sources.until_us, int(sources.stays.exit_us.max(initial=from_us)) + margin_us
    )
    # Read the scans, a margin beyond the span at either end; by identifier, for so stays are paired.
    tokens = tokens_of(paired.lake, persons)
    reach_us = criteria.reach_us
    files = paired.spanning(from_us - margin_us, until_us + reach_us + margin_us)
    rows = _rows_of(files, tokens, zoned=criteria.zoned)
    token, venue, occurred_us, direction = rows.person, rows.place, rows.occurred_us, rows.direction
    types, closed_us = paired.registry.of_venues(rows.venues)
    type_code = types[venue]
    # int64[tokens], the person of each identifier.
    rank = np.searchsorted(play.people.persons, human_of(paired.lake, tokens))
    venue_rank = _ranks(sources.venues, rows.venues)
    # Nobody is exposed where no target scanned, or no source stays, nor by people who scanned elsewhere only.
    looked_at, near = np.zeros(venue_rank.size, np.bool_), np.zeros(tokens.size, np.bool_)
    looked_at[venue[(play.wanted != 0)[rank][token]]] = True
    looked_at &= venue_rank >= 0
    near[token[looked_at[venue]]] = True
    # As in the lake's own stays, scans at places that are not registered, or closed by then, take no part.
    order = np.flatnonzero(near[token] & (type_code >= 0) & (occurred_us < closed_us[venue]))
    # As they are paired: by token, time, `out` first, event key. So is each file, and dates come in order.
    if len({file.partition["date"] for file in files}) == len(files):
        order = order[order_of(token[order])]
    else:
        key = occurred_us << 1 | (direction != _OUT)
        order = order[order_by(token[order], key[order], rows.high[order], rows.low[order])]
    columns: list[Any] = [column[order] for column in (token, venue, occurred_us, direction)]
    # Of registered venues only, so every type is a position.
    columns += [rules.dwell_us[type_code[order]], rules.max_stay_us[type_code[order]]]
    scans = TimedScans(*columns)
    # Cut them into visits, and keep those that can matter.
    own, ends = _visits(scans, looked_at, rules.bounce_us)
    needed = _needed(play, scans, rank, venue_rank, own, ends, (from_us, until_us, reach_us))
    # Only visits that can make a stay in play are paired: mostly a small part of all.
    beside, size = needed != 0, np.diff(ends, prepend=0)
    own, ends = own[np.repeat(beside, size)], np.cumsum(size[beside])
    # A visit is at one venue, so any of its scans tells which.
    at = scans.venue[own[ends - 1]]
    # Scans elsewhere, which may begin or end a stay of the visit.
    around, ends = with_scans_around(scans, own, ends)
    # `around` counts among the scans taken, `row` among all that were read.
    row = order[around]
    # Zones are read as text, and only where the rule asks for them.
    zone = np.full(row.size, -1, np.int32)
    if criteria.zoned:
        zone = graph.zones.numbers(pa.chunked_array([rows.zone.take(pa.array(row)).cast(pa.string())]))
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
        needed=needed[beside],
        venue_rank=venue_rank,
        rules=rules,
    )


def _ranks(known: Int64, venues: Int64) -> Int64:
    """Return the position of each venue among those known, ascending, or -1."""
    if not known.size:
        return np.full(venues.size, -1)
    rank = np.minimum(np.searchsorted(known, venues), known.size - 1)
    return np.where(known[rank] == venues, rank, -1)


def _visits(scans: TimedScans, looked_at: Bool, bounce_us: int) -> tuple[Int64, Int64]:
    """Return the rows at venues that are looked at, visit after visit, and where each visit ends."""
    row = np.flatnonzero(looked_at[scans.venue])
    if not row.size:
        return _NO_ROWS, _NO_ROWS
    # (token, venue) as one number stands in for the token, as `visit_ends` asks.
    key = scans.token[row] * looked_at.size + scans.venue[row]
    order = order_of(key)  # stable, so by time in each
    row = row[order]
    columns: list[Any] = [key[order], *(column[row] for column in scans[1:])]
    return row, visit_ends(TimedScans(*columns), bounce_us)


def _needed(
    play: InPlay,
    scans: TimedScans,
    rank: Int64,
    venue_rank: Int64,
    own: Int64,
    ends: Int64,
    span: tuple[int, int, int],
) -> UInt64:
    """Return the draws in which visits may make a stay of a target beside one of a source, uint64[v].

    All stays of a visit lie between its first scan, less the dwell, and its last, and the dwell after that;
    most between its first scan and its last.
    """
    from_us, until_us, reach_us = span
    # The slice is for no visits at all, when `append` gives one entry too many.
    first, last = own[np.append(0, ends[:-1])[: ends.size]], own[ends - 1]
    venue = venue_rank[scans.venue[first]]
    start_us, end_us = scans.at_us[first], scans.at_us[last] + SECOND_US
    if play.is_thorough:
        start_us -= scans.dwell_us[first]
        end_us = np.maximum(end_us, scans.at_us[last] + scans.dwell_us[last])
    # Of sources only the time in which somebody can be exposed counts, and a tail after it.
    person = rank[scans.token[first]]
    since_us = np.maximum(from_us, play.sources.since_us[person])
    roles = (start_us < until_us) & (end_us > since_us), play.wanted[person]
    row, draws = beside_each_other(venue, start_us, end_us, reach_us, *roles, is_thorough=play.is_thorough)
    needed = np.zeros(ends.size, np.uint64)
    needed[row] = draws
    return needed


def _rows_of(files: list[LiveFile], tokens: Int64, *, zoned: bool) -> ScanColumns:
    """The scans of some tokens; each `person` is a position in `tokens`."""
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda file: columns_of(file).of(tokens, zoned=zoned), files)
        return joined([no_scans(), *found])
