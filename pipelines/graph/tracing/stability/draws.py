"""Trace many draws at once: a bit of every mask is a draw, so that what draws have in common is done once."""

from typing import Final, NamedTuple

import numpy as np

from pipelines.graph.tracing.contact_criteria import Criteria, out_of_reach
from pipelines.graph.tracing.exposure_table import NEVER_US
from pipelines.graph.tracing.infectious_intervals import latency_us, until_isolation
from pipelines.graph.tracing.stability.drawn_exposures import (
    ContactTerms,
    DrawnOverlaps,
    FoundInDraws,
    exposures_of_draws,
    judge,
)
from pipelines.graph.tracing.stability.drawn_overlaps import (
    expose_alone,
    expose_near,
    mark_pairs,
    overlaps_of_marked,
)
from pipelines.graph.tracing.stability.drawn_stays import (
    DrawnStays,
    Sources,
    clip_encounters,
    clip_stays,
    latest_exits,
)
from pipelines.graph.tracing.stability.in_play import InPlay, PeopleInPlay, StaysInPlay
from pipelines.kernels.sort import order_of, packed
from pipelines.kernels.types import Int64, UInt64
from schemas.rules import Rule

DRAWS_AT_ONCE: Final = 64
"""The bits of a mask."""

_BITS = (10, 21)  # of the number of a bucket of pairs, at least and at most


class Terms(NamedTuple):
    """What is asked again of every draw.

    Attributes:
        rule: the rule pack.
        criteria: the same as numbers.
        depth: the last tier.
        until_us: how far the trace reaches; microseconds UTC.
    """

    rule: Rule
    criteria: Criteria
    depth: int
    until_us: int


class Drawn(NamedTuple):
    """What draws have.

    Attributes:
        stays: of all draws.
        mask: uint64[n], the draws that have each stay.
        near: uint64[e], those that have each encounter.
    """

    stays: StaysInPlay
    mask: UInt64
    near: UInt64


def all_of(draws: int) -> np.uint64:
    """Return the mask of that many draws.

    Example:
        >>> int(all_of(3))
        7
    """
    # A Python number: 64 draws would shift the bit out of a word.
    return np.uint64(2**draws - 1)


def cases_in_draws(people: PeopleInPlay, draws: int) -> Sources:
    """Return when the cases are infectious: in all draws."""
    return _sources(people, [_cases(people, draws)])


def exposed_in_draws(
    play: InPlay, terms: Terms, drawn: Drawn, sources: Sources, draws: int, hops: int = 1
) -> tuple[UInt64, Sources]:
    """Find when sources expose infectors first, in each draw.

    Args:
        play: the infectors, in the draws in which they are looked for.
        terms: what is asked of each draw.
        drawn: what draws have of the stays of infectors and sources.
        sources: who is infectious.
        draws: how many there are, at most `DRAWS_AT_ONCE`.
        hops: how many; from the second on those found before are the sources.

    Returns:
        The draws in which each is exposed, uint64[p], and when cases and those are infectious.
    """
    people, persons, stays = play.people, play.people.persons.size, _in_order(drawn)
    listed = np.zeros(persons, np.uint64)
    found = FoundInDraws(
        play.wanted & all_of(draws), np.zeros_like(listed), np.full((persons, draws), NEVER_US)
    )
    for _ in range(hops):
        found.fresh[:] = 0
        _expand(play, terms, stays, drawn.near, sources, found, last=False)
        # People who were found again are in it already.
        listed |= found.fresh
        if not found.fresh.any():
            break
        sources = _sources(people, [_passing_on(people, terms, found)])
    # In each draw the earliest exposure holds all that a later one would pass on. Cases expose on too.
    found.fresh[:] = listed
    return listed, _sources(people, [_cases(people, draws), _passing_on(people, terms, found)])


def found_in_draws(play: InPlay, terms: Terms, drawn: Drawn, sources: Sources, draws: int) -> UInt64:
    """Return the draws in which sources expose each person, uint64[p].

    Args:
        play: the people.
        terms: what is asked of each draw.
        drawn: what draws have of their stays.
        sources: who is infectious.
        draws: how many there are, at most `DRAWS_AT_ONCE`.
    """
    wanted = play.wanted
    # In the last hop it does not matter when somebody was exposed: memory that is never touched.
    when = np.empty((wanted.size, draws), np.int64)
    found = FoundInDraws(wanted.copy(), np.zeros_like(wanted), when)
    # Before and after the span of a look stays may be wrong, for scans farther off have not been read.
    start_us, end_us = np.maximum(sources.start_us, play.from_us), np.minimum(sources.end_us, play.until_us)
    within = sources._replace(start_us=start_us, end_us=end_us)
    _expand(play, terms, _in_order(drawn), drawn.near, within, found, last=True)
    return found.fresh


def _expand(
    play: InPlay,
    terms: Terms,
    drawn: DrawnStays,
    mask: UInt64,
    sources: Sources,
    found: FoundInDraws,
    *,
    last: bool,
) -> None:
    """Record whom the sources expose."""
    contact = _contact(play, terms.criteria)
    clipped = clip_stays(drawn, contact.kind, contact.indirect_us, play.until_us, sources)
    near = _encounters(play.people, mask, sources, contact.min_us.size)
    # One overlap or encounter that is long enough settles most people, without a look at pairs.
    expose_near(near, contact, found, last)
    # Links that lead past rows that no longer matter; at first each row leads to itself.
    following = np.arange(drawn.person.size + 1)
    # First pass: `found` gets what one overlap makes; `short` counts those that are too short alone.
    short = expose_alone(drawn, clipped, contact, found, following, last)
    # What is left may be long enough together; two to four buckets an overlap keep most pairs apart.
    if short or near.pair.size:
        buckets = 1 << min(max((short + near.pair.size).bit_length() + 1, _BITS[0]), _BITS[1])
        # Second and third pass, over pairs in buckets, then the judgement of those that are left.
        pairs = mark_pairs(drawn, clipped, near, contact, found, buckets, last)
        some = overlaps_of_marked(drawn, clipped, contact, found, pairs)
        together = DrawnOverlaps(*(np.concatenate(columns) for columns in zip(near, some, strict=True)))
        judge(together, order_of(together.pair, together.start_us), contact, found, last)


def _in_order(drawn: Drawn) -> DrawnStays:
    """The stays that some draw has, by (venue, enter)."""
    stays, mask = drawn.stays, drawn.mask
    order = np.flatnonzero(mask)
    if order.size:
        order = order[order_of(packed(stays.venue[order], stays.enter_us[order]))]
    venue, exit_us = stays.venue[order], stays.exit_us[order]
    columns = (stays.person[order], venue, stays.enter_us[order], exit_us, stays.zone[order], mask[order])
    return DrawnStays(*columns, latest_exits(venue, exit_us), np.searchsorted(venue, venue, "right"))


def _contact(play: InPlay, criteria: Criteria) -> ContactTerms:
    return ContactTerms(
        play.sources.kind,
        criteria.min_us,
        # Where a day has no room for the minimum, no overlap is ever enough.
        np.where(out_of_reach(criteria), NEVER_US, criteria.min_us),
        criteria.accumulate,
        criteria.indirect_us,
        criteria.same_zone,
    )


def _encounters(people: PeopleInPlay, mask: UInt64, sources: Sources, classes: int) -> DrawnOverlaps:
    near = people.near
    # Class 0, so nothing is added for the class.
    pair = (near.person * people.persons.size + near.other) * classes
    return clip_encounters(near.person, pair, near.start_us, near.end_us, mask, sources)


def _cases(people: PeopleInPlay, draws: int) -> tuple[Int64, Int64, Int64, UInt64]:
    return (*people.infectious, np.full(people.infectious.person.size, all_of(draws)))


def _passing_on(
    people: PeopleInPlay, terms: Terms, found: FoundInDraws
) -> tuple[Int64, Int64, Int64, UInt64]:
    """When those whom a hop has found are infectious, in the draws that have found them."""
    person, exposed_us, mask = exposures_of_draws(found)
    start_us = exposed_us + latency_us(terms.rule)
    end_us = until_isolation(person, people.isolated, terms.until_us)
    kept = start_us < end_us
    return person[kept], start_us[kept], end_us[kept], mask[kept]


def _sources(people: PeopleInPlay, parts: list[tuple[Int64, Int64, Int64, UInt64]]) -> Sources:
    """Make sources of persons, when they are infectious from and to, and in which draws."""
    person, *columns = map(np.concatenate, zip(*parts, strict=True))
    # Ascending by person, so the sources of one are a range.
    order = order_of(person)
    first = np.searchsorted(person[order], np.arange(people.persons.size + 1))
    return Sources(first, *(column[order] for column in columns))
