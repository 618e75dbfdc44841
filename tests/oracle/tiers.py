"""The oracle of tracing: the rule in plain Python, minute by minute, slow and obvious.

A world lies on a grid of minutes. A stay, a window, a contact is the set of
the minutes in it; touching, merging and clipping are what sets do.
"""

from dataclasses import dataclass

DAY = 1440


@dataclass(frozen=True)
class Stay:
    """A person at a venue over [enter, exit); `seen` is where its imputed part begins."""

    person: int
    venue: str
    zone: str | None
    enter: int
    exit: int
    seen: int
    scanned_both: bool


@dataclass(frozen=True)
class Encounter:
    one: int
    other: int
    start: int
    end: int
    distance_m: float | None = None
    attenuation_db: float | None = None


@dataclass(frozen=True)
class Case:
    person: int
    onset: int | None = None
    sampled: int | None = None
    isolated: int | None = None


@dataclass(frozen=True)
class World:
    stays: tuple[Stay, ...]
    encounters: tuple[Encounter, ...]
    cases: tuple[Case, ...]
    types: dict[str, str]
    until: int


@dataclass(frozen=True)
class Row:
    tier: int
    person: int
    exposed: int
    via: int
    direct: int
    indirect: int
    imputed: int
    venues: str
    stays: frozenset
    last_contact: int


def span(start, end):
    return frozenset(range(start, end))


def runs(minutes):
    """Return the maximal intervals of a set of minutes."""
    starts = sorted(minute for minute in minutes if minute - 1 not in minutes)
    ends = sorted(minute + 1 for minute in minutes if minute + 1 not in minutes)
    return list(zip(starts, ends, strict=True))


def window(case, rule, until):
    """Return the infectious window of an index case, as a set."""
    infectious = rule.infectious
    if case.onset is not None:
        anchor, before = case.onset, infectious.days_before_onset
    else:
        anchor, before = case.sampled, infectious.days_before_sample
    ends = [until]
    if case.isolated is not None:
        ends.append(case.isolated)
    if infectious.days_after is not None:
        ends.append(anchor + round(infectious.days_after * DAY))
    return span(anchor - round(before * DAY), min(ends))


@dataclass
class Contact:
    """Of one class of venues: minutes direct, in the added part, and seen of both; and where."""

    direct: set
    added: set
    seen: set
    venues: set
    stays: set

    @property
    def minutes(self):
        return self.direct | self.added


def classes(rule):
    return [None, *(override.venue_type for override in rule.overrides)]


def keys_of(rule, kind):
    return rule.contact if kind is None else rule.contact_at(kind)


def class_of(world, rule, venue):
    kind = world.types.get(venue)
    return kind if kind in classes(rule) else None


def contacts(world, rule, infector, infectious, other):
    """Return the clipped contact of two people, by class of venues."""
    found = {kind: Contact(set(), set(), set(), set(), set()) for kind in classes(rule)}
    for own in world.stays:
        if own.person != infector:
            continue
        kind = class_of(world, rule, own.venue)
        keys = keys_of(rule, kind)
        for start, end in runs(span(own.enter, own.exit) & infectious):
            tail = span(end, min(end + round(keys.indirect_minutes), world.until))
            for stay in world.stays:
                if stay.person != other or stay.venue != own.venue:
                    continue
                if keys.same_zone and None not in (own.zone, stay.zone) and own.zone != stay.zone:
                    continue
                there = span(stay.enter, stay.exit)
                seen_there = span(stay.enter, stay.seen)
                direct, added = span(start, end) & there, tail & there
                found[kind].direct |= direct
                found[kind].added |= added
                found[kind].seen |= direct & seen_there & span(own.enter, own.seen)
                if own.scanned_both:
                    found[kind].seen |= added & seen_there
                if direct | added:
                    found[kind].venues.add(own.venue)
                    found[kind].stays |= {own, stay}
    for encounter in world.encounters:
        if {encounter.one, encounter.other} == {infector, other} and counts(rule.contact, encounter):
            minutes = span(encounter.start, encounter.end) & infectious
            found[None].direct |= minutes
            found[None].seen |= minutes
    return found


def counts(keys, encounter):
    limits = (
        (keys.max_distance_m, encounter.distance_m),
        (keys.max_attenuation_db, encounter.attenuation_db),
    )
    return all(most is None or (is_ is not None and is_ <= most) for most, is_ in limits)


def exposed_at(keys, minutes):
    """Return the start of the first interval that meets the rule, or None."""
    intervals = runs(minutes)
    if keys.accumulate == "window":
        return intervals[0][0] if intervals and len(minutes) >= keys.min_minutes else None
    for start, end in intervals:
        counted = end - start if keys.accumulate == "each" else len(minutes & span(start, start + DAY))
        if counted >= keys.min_minutes:
            return start
    return None


def exposure(world, rule, infector, infectious, other):
    """Return the earliest instant at which one person exposes another, over all classes, or None."""
    if infector == other:
        return None
    by_class = contacts(world, rule, infector, infectious, other)
    instants = [exposed_at(keys_of(rule, kind), contact.minutes) for kind, contact in by_class.items()]
    return min((instant for instant in instants if instant is not None), default=None)


def last_contact(world, rule, sources, other):
    """Return the end of the latest contact with anybody infectious, however short, or None without any."""
    minutes = {
        minute
        for infector, infectious in sources.items()
        if infector != other
        for contact in contacts(world, rule, infector, infectious, other).values()
        for minute in contact.minutes
    }
    return max(minutes) + 1 if minutes else None


def row(world, rule, tier, person, instant, via, sources):
    parts = contacts(world, rule, via, sources[via], person).values()
    direct = set().union(*(part.direct for part in parts))
    every = set().union(*(part.minutes for part in parts))
    seen = set().union(*(part.seen for part in parts))
    venues = sorted(set().union(*(part.venues for part in parts)))
    stays = frozenset().union(*(part.stays for part in parts))
    seconds = (60 * len(direct), 60 * len(every - direct), 60 * len(every - seen))
    last = last_contact(world, rule, sources, person)
    return Row(tier, person, instant, via, *seconds, ";".join(venues), stays, last)


def isolations(cases, person):
    """When a person was isolated, by every case of his that says so."""
    return [case.isolated for case in cases if case.person == person and case.isolated is not None]


def passes_on(world, rule, person, instant):
    """When an exposed person can pass infection on."""
    start = instant + round(rule.chain.latency_hours * 60)
    return span(start, min([world.until, *isolations(world.cases, person)]))


def trace(world, rule, index, depth):
    """Return the rows of a trace from some cases, in no order that matters.

    Args:
        world: everything.
        rule: a `schemas.rules.Rule` whose times are whole minutes.
        index: the cases asked for.
        depth: the last tier.
    """
    sources = {}
    for case in index:
        end = min([world.until, *isolations(index, case.person)])
        sources[case.person] = sources.get(case.person, frozenset()) | window(case, rule, end)
    nobodys_contact = {case.person for case in index}
    people = {stay.person for stay in world.stays}
    people |= {person for one in world.encounters for person in (one.one, one.other)}
    earliest, rows = {}, []
    for tier in range(1, depth + 1):
        found = {}
        for other in sorted(people - nobodys_contact):
            instants = [
                (instant, infector)
                for infector, infectious in sources.items()
                if (instant := exposure(world, rule, infector, infectious, other)) is not None
            ]
            if instants and min(instants)[0] < earliest.get(other, world.until):
                found[other] = min(instants)
        for other, (instant, via) in found.items():
            if other not in earliest:
                rows.append(row(world, rule, tier, other, instant, via, sources))
            earliest[other] = instant
        sources = {other: passes_on(world, rule, other, found[other][0]) for other in found}
    return rows
