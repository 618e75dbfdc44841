"""Recall and precision by rule pack and venue type, and where each missed contact was lost.

A missed person, and each missed second, is lost to one of `true_contacts.PARTS`; the parts add up.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from benchmarks.true_contacts import PARTS, TrueContact, true_contacts, until_of
from pipelines.graph import trace
from pipelines.graph.cases import cases_by_id
from pipelines.graph.infectious_window import Window, infectious_window
from pipelines.lake import Lake, read_table
from pipelines.query.overlap import overlaps
from pipelines.times import DAY_US, MINUTE_US, parse_instant
from schemas.rules import Contact, Rule, load_rule, shipped_rules

ALL = "all"

Pair = tuple[str, int]
Span = tuple[int, int]


class Parts(NamedTuple):
    """What became of the true F1 of a rule at venues of one type.

    Attributes:
        rule, venue_type: which.
        true: pairs of a case and a true F1 who met there.
        found: how many of them the trace of the case lists.
        listed: pairs that the trace lists with such a venue.
        listed_true: how many of those are true F1.
        seconds, seconds_found: of the true contacts, and how much of it is in the lake.
        seconds_listed, seconds_true: of listed pairs in the lake, and how much of it is true.
        missed: the missed pairs by part.
        seconds_missed: the missed seconds by part.
    """

    rule: str
    venue_type: str
    true: int
    found: int
    listed: int
    listed_true: int
    seconds: int
    seconds_found: int
    seconds_listed: int
    seconds_true: int
    missed: Counter[str]
    seconds_missed: Counter[str]

    def figures(self) -> dict[str, Any]:
        """Return the row of a report; shares in percent, None without a denominator."""
        return {
            "rule": self.rule,
            "venue type": self.venue_type,
            "true F1": self.true,
            "precision %": _percent(self.listed_true, self.listed),
            "recall %": _percent(self.found, self.true),
            "seconds precision %": _percent(self.seconds_true, self.seconds_listed),
            "seconds recall %": _percent(self.seconds_found, self.seconds),
            "missed": self.true - self.found,
            **{f"{part} %": _percent(self.missed[part], self.true - self.found) for part in PARTS},
        }


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


class Meetings(NamedTuple):
    """Contacts of one case and one person within a window, true or of the lake, by venue type and venue."""

    spans: dict[tuple[str, str], list[Span]]

    def merged(self, venue_type: str | None = None) -> list[Span]:
        """Merge the intervals at venues of a type, None for all."""
        found = (
            span for (kind, _), some in self.spans.items() if venue_type in (None, kind) for span in some
        )
        return merged(found)


def parts(province: Path, lake: Lake) -> Iterator[Parts]:
    """Compare the lists of each rule without indirect contact with the truth, by venue type and for all."""
    truth, until = true_contacts(province, lake), until_of(province)
    types = _types(lake)
    in_lake = {case: _overlaps(lake, case, types) for case in cases_by_id(lake)}
    for name in shipped_rules():
        rule = load_rule(name)
        if rule.contact.indirect_minutes == 0:
            yield from _of_rule(lake, rule, until, truth, in_lake, types)


def exposed_people(province: Path, lake: Lake, rule_id: str) -> set[int]:
    """Return the tokens of all true F1 of the cases of a province under a rule."""
    rule, until_us = load_rule(rule_id), parse_instant(until_of(province))
    rows = _within(true_contacts(province, lake), _windows(lake, rule, until_us))
    return {person for (_, person), met in _true(rows).items() if meets(rule, met)}


def _windows(lake: Lake, rule: Rule, until_us: int) -> dict[str, Window]:
    """The infectious window of each case that has a date."""
    return {
        case: infectious_window(one.times, rule.infectious, until_us)
        for case, one in cases_by_id(lake).items()
        if one.times.known
    }


def _within(truth: Sequence[TrueContact], windows: Mapping[str, Window]) -> list[TrueContact]:
    """The true contacts, clipped to the windows of their cases."""
    rows = (_clipped(row, windows[row.case]) for row in truth if row.case in windows)
    return [row for row in rows if row.start_us < row.end_us]


def _true(rows: Iterable[TrueContact]) -> dict[Pair, "Meetings"]:
    return _together(
        (row.case, row.person, row.venue_type, row.venue, row.start_us, row.end_us) for row in rows
    )


def _of_rule(
    lake: Lake,
    rule: Rule,
    until: str,
    truth: Sequence[TrueContact],
    in_lake: Mapping[str, Sequence[tuple[int, str, str, int, int]]],
    types: Mapping[str, str],
) -> Iterator[Parts]:
    windows = _windows(lake, rule, parse_instant(until))
    rows = _within(truth, windows)
    true = _true(rows)
    seen = _together(
        (case, person, kind, venue, max(start, windows[case].start_us), min(end, windows[case].end_us))
        for case in windows
        for person, kind, venue, start, end in in_lake[case]
    )
    exposed = {pair for pair, met in true.items() if meets(rule, met)}
    listed = {
        (case, row["person"]): {types.get(code, "other") for code in row["venues"].split(";")}
        for case in windows
        for row in trace(lake, case, rule.id, depth=1, until=until).select(["person", "venues"]).to_pylist()
    }
    of_pair = defaultdict(list)
    for row in rows:
        of_pair[row.case, row.person].append(row)
    kinds = sorted({kind for met in true.values() for kind, _ in met.spans})
    for kind in (*kinds, None):
        yield _of_type(rule, kind, exposed, listed, of_pair, true, seen)


def _of_type(
    rule: Rule,
    kind: str | None,
    exposed: set[Pair],
    listed: Mapping[Pair, set[str]],
    rows: Mapping[Pair, Sequence[TrueContact]],
    true: Mapping[Pair, Meetings],
    seen: Mapping[Pair, Meetings],
) -> Parts:
    """Count one venue type, None for all."""
    missed, lost, seconds_found, total = Counter[str](), Counter[str](), 0, 0
    here = {pair: [row for row in rows[pair] if kind in (None, row.venue_type)] for pair in exposed}
    here = {pair: some for pair, some in here.items() if some}
    for pair, some in here.items():
        by_part = Counter[str]()
        for row in some:
            found = common(
                [(row.start_us, row.end_us)],
                merged(seen[pair].spans.get((row.venue_type, row.venue), ()) if pair in seen else ()),
            )
            length = row.end_us - row.start_us
            total, seconds_found = total + length, seconds_found + found
            lost[row.lost_to] += length - found
            by_part[row.lost_to] += length - found
        if pair not in listed:
            missed[by_part.most_common(1)[0][0]] += 1
    pairs = [pair for pair, kinds in listed.items() if kind is None or kind in kinds]
    in_lake = {pair: seen[pair].merged(kind) for pair in pairs if pair in seen}
    result = Parts(
        rule=rule.id,
        venue_type=kind or ALL,
        true=len(here),
        found=len(here.keys() & listed.keys()),
        listed=len(pairs),
        listed_true=len(exposed.intersection(pairs)),
        seconds=total,
        seconds_found=seconds_found,
        seconds_listed=sum(length_us(spans) for spans in in_lake.values()),
        seconds_true=sum(
            common(spans, true[pair].merged(kind)) for pair, spans in in_lake.items() if pair in true
        ),
        missed=missed,
        seconds_missed=lost,
    )
    assert sum(missed.values()) == result.true - result.found, "the parts of missed people do not add up"
    assert sum(lost.values()) == total - seconds_found, "the parts of missed seconds do not add up"
    return result


def meets(rule: Rule, met: Meetings) -> bool:
    """Tell whether a contact meets a rule: venues under an override are summed apart, each type by itself."""
    overrides = {one.venue_type: one.contact for one in rule.overrides}
    groups: dict[str, list[Span]] = defaultdict(list)
    for (kind, _), spans in met.spans.items():
        groups[kind if kind in overrides else ""] += spans
    return any(_lasts(merged(spans), overrides.get(kind, rule.contact)) for kind, spans in groups.items())


def _lasts(spans: Sequence[Span], contact: Contact) -> bool:
    least_us = max(1, round(contact.min_minutes * MINUTE_US))
    if contact.accumulate == "window":
        return length_us(spans) >= least_us
    if contact.accumulate == "each":
        return any(end - start >= least_us for start, end in spans)
    return any(common(spans, [(start, start + DAY_US)]) >= least_us for start, _ in spans)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Merge intervals that overlap or touch.

    >>> merged([(5, 9), (0, 5), (20, 30)])
    [(0, 9), (20, 30)]
    """
    made: list[Span] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(end, made[-1][1])
        else:
            made.append((start, end))
    return made


def common(one: Sequence[Span], other: Sequence[Span]) -> int:
    """Return the time that lies in both of two merged sets of intervals.

    >>> common([(0, 10), (20, 30)], [(5, 25)])
    10
    """
    return sum(max(0, min(end, stop) - max(start, begin)) for start, end in one for begin, stop in other)


def length_us(spans: Iterable[Span]) -> int:
    """Return the length of merged intervals."""
    return sum(end - start for start, end in spans)


def _clipped(row: TrueContact, window: Window) -> TrueContact:
    return row._replace(start_us=max(row.start_us, window.start_us), end_us=min(row.end_us, window.end_us))


def _together(rows: Iterable[tuple[str, int, str, str, int, int]]) -> dict[Pair, Meetings]:
    met: dict[Pair, Meetings] = {}
    for case, person, kind, venue, start, end in rows:
        if start < end:
            spans = met.setdefault((case, person), Meetings({})).spans
            spans.setdefault((kind, venue), []).append((start, end))
    return met


def _types(lake: Lake) -> dict[str, str]:
    rows = read_table(lake, "venues", ["venue_code", "type"])
    return dict(zip(rows["venue_code"].to_pylist(), rows["type"].to_pylist(), strict=True))


def _overlaps(lake: Lake, case: str, types: Mapping[str, str]) -> list[tuple[int, str, str, int, int]]:
    """Who overlapped with a case in the lake: person, venue type, venue, start and end."""
    rows = overlaps(lake, case=case).rows
    times = (rows[name].cast(pa.int64()).to_pylist() for name in ("start", "end"))
    names = zip(rows["person"].to_pylist(), rows["venue"].to_pylist(), *times, strict=True)
    return [(person, types.get(venue, "other"), venue, start, end) for person, venue, start, end in names]
