"""What an answer rests on: how much a lake can have seen of the venues and the people concerned.

An answer of no rows can mean that nobody met, or that nobody scanned, that half of the file was refused, or
that the exits were forgotten. So every answer carries this statement. It imports neither Beam nor Numba:
`truyvet overlaps` computes it beside its rows.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.graph.cases import Case
from pipelines.graph.infectious_window import Window
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.seen_share import FEWEST_PAIRS, SeenShare
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.ingest.refused.retries import count_refused
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, snapshot
from pipelines.linkage.human_lake import HumanLake, human_of, tokens_of
from pipelines.registry.unregistered_scans import among_unregistered, count_unregistered
from pipelines.terminal.output import counted
from pipelines.times import EPOCH, LOCAL_TIMEZONE, SECOND_US
from pipelines.windowing.long_pairs import count_long_pairs


@dataclass(frozen=True)
class AnswerQuality:
    """How far an answer about a time and some venues can be trusted.

    Example:
        >>> AnswerQuality(venues=1, stays=3, seconds=7200, seconds_imputed=1800).share_imputed
        0.25

    Attributes:
        scans_version: the newest version of `scans`; -1 when there is none.
        stays_version: the version of `scans` that `stays` reflects.
        last_scan_us: the last scan of the lake, microseconds UTC; None when there is none.
        venues: how many venues are concerned.
        stays: everybody's stays there, in that time.
        seconds: their length, clipped to that time.
        seconds_imputed: how much of it no scan covers.
        long_pairs: scans in whose scan out came too late to end the same stay, in that time: at these
            venues, and anywhere of the people asked about.
        unregistered: scans of that time, anywhere, whose venue is not registered or was closed.
        unregistered_own: those of the person asked about; None where the answer is about several.
        rejected: scan records that were refused and not accepted since, each once, of the whole lake.
        rejected_cases: the same of case rows.
        rejected_encounters: the same of encounters.
        cases: how many cases were asked for; 0 where the question names none.
        cases_unseen: how many of them are in no scan at all.
        met: the Bluetooth partners in stays of the cases; None where the answer is no list of contacts.
        found: how many people the list has.
        tiers: its last tier.
    """

    scans_version: int = -1
    stays_version: int = -1
    last_scan_us: int | None = None
    venues: int = 0
    stays: int = 0
    seconds: int = 0
    seconds_imputed: int = 0
    long_pairs: int = 0
    unregistered: int = 0
    unregistered_own: int | None = None
    rejected: int = 0
    rejected_cases: int = 0
    rejected_encounters: int = 0
    cases: int = 0
    cases_unseen: int = 0
    met: SeenShare | None = None
    found: int = 0
    tiers: int = 1

    @property
    def share_imputed(self) -> float:
        """Of the time spent at the venues concerned, the share that no scan covers; 0 to 1."""
        return self.seconds_imputed / self.seconds if self.seconds else 0.0

    def lines(self) -> Iterator[str]:
        """Return the statement as sentences for people."""
        yield f"lake version {self.scans_version}, last scan {_local(self.last_scan_us)}"
        if self.stays_version < self.scans_version:
            yield f"stays reflect scans up to version {self.stays_version} only: run truyvet recompute"
        yield from self._about_cases()
        if self.met is not None:
            yield _interval(self.met, self.found, self.tiers)
        yield from self._about_venues()
        yield self._about_scans()
        others = {"case row": self.rejected_cases, "encounter": self.rejected_encounters}
        if any(others.values()):
            named = " and ".join(counted(number, what) for what, number in others.items() if number)
            yield f"{named} {'was' if sum(others.values()) == 1 else 'were'} rejected"

    def _about_cases(self) -> Iterator[str]:
        if self.cases_unseen and self.cases == 1:
            yield "the case is in no scan"
        elif self.cases_unseen:
            are = "is" if self.cases_unseen == 1 else "are"
            yield f"{self.cases_unseen:,} of {counted(self.cases, 'case')} {are} in no scan"

    def _about_venues(self) -> Iterator[str]:
        if self.venues:
            yield (
                f"at the {counted(self.venues, 'venue')} concerned {self.share_imputed:.0%} of the time "
                f"in {counted(self.stays, 'stay')} is imputed"
            )
        else:
            yield "no scan shows where they stayed in that time"
        if self.long_pairs:
            yield (
                f"{counted(self.long_pairs, 'scan')} out came too late to end the stay of the scan "
                "in before: see truyvet recompute --stays"
            )

    def _about_scans(self) -> str:
        own = "" if self.unregistered_own is None else f", {self.unregistered_own:,} of them this person's"
        names, were = "names" if self.unregistered == 1 else "name", "was" if self.rejected == 1 else "were"
        return (
            f"{counted(self.unregistered, 'scan')} {names} no registered venue{own}; "
            f"{counted(self.rejected, 'scan record')} {were} rejected"
        )


def _interval(met: SeenShare, found: int, tiers: int) -> str:
    """Say how many people a list stands for, which is more than it has."""
    partners = f"{counted(met.pairs, 'Bluetooth partner')} in stays of the cases"
    high = met.list_high(found)
    if high is not None:
        beyond = ", and at later tiers more" if tiers > 1 else ""
        return (
            f"between {found:,} and {high:,.0f} people were exposed{beyond}: of {partners} "
            f"{met.seen:,} are seen there"
        )
    why = f"{FEWEST_PAIRS} are needed"
    if met.is_identifiable:
        why = "the list is empty" if met.seen else "none of them is seen there"
    return f"how many people were exposed is not identifiable from scans: {partners}, {why}"


def answer_quality(
    lake: Lake, venues: Int64, span: Span, *, person: int | None = None, cases: Int64 | None = None
) -> AnswerQuality:
    """State what an answer rests on.

    Args:
        lake: where.
        venues: int64[v], those concerned, ascending, each once.
        span: the time concerned.
        person: token of the one person asked about; None where there are several.
        cases: int64[c], the tokens of the cases asked for, a person once a case.
    """
    begins_us, ends_us = span.begins_at(), span.ends_at()
    scans = snapshot(lake, "scans")
    stays, seconds, seconds_imputed = _stays_at(lake, venues, span)
    unregistered, own = _unregistered(lake, span, person)
    refused = count_refused(lake)
    requested = np.empty(0, np.int64) if cases is None else cases
    people = requested if person is None else np.append(requested, person)
    # Versions and last instants stand in the logs; rows are read for the counts alone.
    return AnswerQuality(
        scans_version=scans.version,
        stays_version=snapshot(lake, "stays").marks.get("scans_version", -1),
        last_scan_us=max((file.stats.greatest["occurred_at"] for file in scans.files), default=None),
        venues=venues.size,
        stays=stays,
        seconds=seconds,
        seconds_imputed=seconds_imputed,
        long_pairs=count_long_pairs(lake, venues, begins_us, ends_us, tokens_of(lake, people)),
        unregistered=unregistered,
        unregistered_own=None if person is None else own,
        rejected=refused.get("scans", 0),
        rejected_cases=refused.get("cases", 0),
        rejected_encounters=refused.get("encounters", 0),
        cases=requested.size,
        cases_unseen=int(np.count_nonzero(~in_scans(lake, requested))),
    )


def quality_of_cases(lake: Lake, cases: list[Case], windows: list[Window]) -> AnswerQuality:
    """State what an answer about cases rests on: at the venues where they stayed, over all of that time.

    Args:
        lake: where.
        cases: the cases asked for.
        windows: one a case, the time in which its stays concern the question; may be empty.
    """
    person = np.array([case.person for case in cases], np.int64)
    start_us = np.array([window.start_us for window in windows], np.int64)
    end_us = np.array([window.end_us for window in windows], np.int64)
    # An empty window concerns no venue, and must not widen the span of the others.
    open_ = start_us < end_us
    span = Span(int(start_us[open_].min()), int(end_us[open_].max())) if open_.any() else Span(0, 0)
    venues = venues_of(lake, person[open_], start_us[open_], end_us[open_])
    return answer_quality(lake, venues, span, cases=person)


def venues_of(lake: Lake, person: Int64, start_us: Int64, end_us: Int64) -> Int64:
    """Return the venues where persons stayed, each in his own interval; int64[v], ascending, each once.

    Args:
        lake: where.
        person: int64[n], tokens in any order; a person with several intervals stands several times.
        start_us: int64[n], microseconds UTC.
        end_us: int64[n].
    """
    found = [np.empty(0, np.int64)]
    if person.size:
        span = Span(int(start_us.min()), int(end_us.max()))
        for columns in sidecars(live_files(lake, "person", span, np.unique(person))):
            first, last = columns.rows_of(person)
            interval, rows = np.repeat(np.arange(person.size), last - first), rows_between(first, last)
            enter_us = np.maximum(columns.enter_us[rows], start_us[interval])
            inside = enter_us < np.minimum(columns.exit_us[rows], end_us[interval])
            found.append(columns.venue[rows[inside]])
    return np.unique(np.concatenate(found))


def in_scans(lake: Lake, person: Int64) -> Bool:
    """Tell whether each person is in any accepted scan, bool[n].

    A scan of a registered venue makes part of a stay, and the others lie in sidecars of their own, ordered by
    person: so a few binary searches tell, where reading `scans`, which is sorted by venue, would read it all.
    """
    seen = _among_unregistered(lake, person)
    for columns in sidecars(live_files(lake, "person", Span(), np.unique(person[~seen]))):
        # Who was found in one file is not looked for in the next.
        missing = np.flatnonzero(~seen)
        first, last = columns.rows_of(person[missing])
        seen[missing] = first < last
    return seen


def _unregistered(lake: Lake, span: Span, person: int | None) -> tuple[int, int]:
    """Count the unregistered scans of a span, and those of a person, whatever identifier was scanned."""
    tokens = [None] if person is None else tokens_of(lake, np.array([person], np.int64)).tolist()
    counts = [count_unregistered(lake, span.begins_at(), span.ends_at(), token) for token in tokens]
    # The total is the same for every token; the own scans add up over all of them.
    return counts[0][0], sum(own for _, own in counts)


def _among_unregistered(lake: Lake, person: Int64) -> Bool:
    """Tell whether each person has any unregistered scan, whatever identifier was scanned."""
    if not isinstance(lake, HumanLake):
        return among_unregistered(lake, person)
    tokens = tokens_of(lake, person)
    return np.isin(person, human_of(lake, tokens[among_unregistered(lake, tokens)]))


def _stays_at(lake: Lake, venues: Int64, span: Span) -> tuple[int, int, int]:
    """Count everybody's stays at some venues in a span, their seconds and the imputed seconds."""
    count = total_us = unseen_us = 0
    if venues.size == 0:
        return 0, 0, 0
    for columns in sidecars(live_files(lake, "venue", span, venues)):
        rows = rows_between(*columns.rows_of(venues))
        start = np.maximum(columns.enter_us[rows], span.begins_at())
        end = np.minimum(columns.exit_us[rows], span.ends_at())
        # The imputed part, clipped like the stay; empty where the stay lies outside.
        unseen_from = np.clip(columns.imputed_from_us[rows], start, np.maximum(start, end))
        inside = end > start
        count += int(inside.sum())
        total_us += int((end - start)[inside].sum())
        unseen_us += int((end - unseen_from)[inside].sum())
    return count, total_us // SECOND_US, unseen_us // SECOND_US


def _local(instant_us: int | None) -> str:
    if instant_us is None:
        return "never"
    moment = EPOCH + dt.timedelta(microseconds=instant_us)
    return moment.astimezone(LOCAL_TIMEZONE).isoformat(sep=" ", timespec="seconds")
