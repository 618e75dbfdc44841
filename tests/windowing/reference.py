"""The pairing rule and the footfall once more: slow, obvious, straight from the written rules.

Knows nothing of arrays, sorts or kernels; shares only the durations with the code under test.
"""

import hashlib
from dataclasses import dataclass

SECOND = 1_000_000
BOUNCE = 60 * SECOND


@dataclass(frozen=True)
class Scan:
    """`zone` is text or None; `event_key` 16 bytes; `kind` a venue type, None when unregistered or closed."""

    person: int
    venue: int
    at_us: int
    direction: str
    event_key: bytes
    zone: str | None
    kind: str | None


@dataclass(frozen=True)
class Stay:
    person: int
    venue: int
    zone: str | None
    enter_us: int
    exit_us: int
    enter_kind: str
    exit_kind: str
    last_seen_us: int
    scans: int
    stay_id: int


@dataclass(frozen=True, order=True)
class LongPair:
    person: int
    venue: int
    in_us: int
    out_us: int


def stays_of(scans, dwell_us, max_stay_us, bounce_us=BOUNCE):
    """Return a set of stays; `dwell_us` and `max_stay_us` are by venue type."""
    stays = set()
    for here, elsewhere in _by_person_and_venue(scans):
        kind = here[0].kind
        for group in _grouped(here, dwell_us[kind], max_stay_us[kind]):
            if not _is_bounce(group, here, bounce_us):
                before = here[: here.index(group[0])]
                stays.add(_stay(group, before, elsewhere, dwell_us[kind]))
    return stays


def long_pairs_of(scans, dwell_us, max_stay_us, bounce_us=BOUNCE):
    """Return a set of long pairs: a scan `in` whose `out` came too late to close its stay."""
    pairs = set()
    for here, elsewhere in _by_person_and_venue(scans):
        kind = here[0].kind
        for group in _grouped(here, dwell_us[kind], max_stay_us[kind]):
            number = here.index(group[0])
            came, left = here[number - 1] if number else None, group[0]
            if left.direction != "out" or came is None or came.direction != "in":
                continue
            between = [scan for scan in elsewhere if came.at_us <= scan.at_us <= left.at_us]
            if not between and not _is_bounce(group, here, bounce_us):
                pairs.add(LongPair(came.person, came.venue, came.at_us, left.at_us))
    return pairs


def _by_person_and_venue(scans):
    """Yield the scans of a person at a venue in the order of the rule, and those elsewhere."""
    scans = [scan for scan in scans if scan.kind is not None]
    for person in {scan.person for scan in scans}:
        own = [scan for scan in scans if scan.person == person]
        for venue in {scan.venue for scan in own}:
            here = sorted(
                (scan for scan in own if scan.venue == venue),
                key=lambda scan: (scan.at_us, scan.direction != "out", scan.event_key),
            )
            yield here, [scan for scan in own if scan.venue != venue]


def _is_bounce(group, here, bounce_us):
    """Tell whether a stay would begin with an `out` that an `in` follows at once: one arrival, read twice."""
    following = here[here.index(group[0]) + 1 :]
    return (
        group[0].direction == "out"
        and bool(following)
        and following[0].direction == "in"
        and following[0].at_us - group[0].at_us <= bounce_us
    )


def _grouped(here, dwell_us, max_stay_us):
    groups = []
    for scan in here:
        previous = groups[-1][-1] if groups else None
        longest_gap = max_stay_us if scan.direction == "out" else dwell_us
        if previous and previous.direction != "out" and scan.at_us - previous.at_us <= longest_gap:
            groups[-1].append(scan)
        else:
            groups.append([scan])
    return groups


def _stay(group, before, elsewhere, dwell_us):
    first, last = group[0], group[-1]
    enter_us, enter_kind = first.at_us, "scanned"
    if first.direction == "out":
        seen_us = [scan.at_us for scan in before]
        seen_us += [scan.at_us for scan in elsewhere if scan.at_us <= first.at_us]
        enter_us, enter_kind = max([first.at_us - dwell_us, *seen_us]), "imputed"
    if last.direction == "out":
        exit_us, exit_kind = last.at_us, "scanned"
    else:
        exit_us, exit_kind = last.at_us + dwell_us, "default"
        next_us = min((scan.at_us for scan in elsewhere if scan.at_us >= last.at_us), default=None)
        if next_us is not None and next_us < exit_us:
            exit_us, exit_kind = next_us, "next_scan"
    zones = {scan.zone for scan in group if scan.zone is not None}
    return Stay(
        person=first.person,
        venue=first.venue,
        zone=zones.pop() if len(zones) == 1 else None,
        enter_us=enter_us,
        exit_us=max(exit_us, enter_us + SECOND),
        enter_kind=enter_kind,
        exit_kind=exit_kind,
        last_seen_us=last.at_us,
        scans=len(group),
        stay_id=int.from_bytes(hashlib.sha256(first.event_key).digest()[:8], "big", signed=True),
    )


@dataclass(frozen=True)
class Window:
    venue: int
    start_us: int
    end_us: int
    entries: int
    exits: int
    people: int
    peak: int
    person_seconds: int


def footfall_of(stays, window_us):
    """Return a set of windows: every one in which a stay begins, lasts or ends."""
    windows = set()
    for venue in {stay.venue for stay in stays}:
        here = [stay for stay in stays if stay.venue == venue]
        starts = set()
        for stay in here:
            first, last = stay.enter_us // window_us, stay.exit_us // window_us
            starts |= {number * window_us for number in range(first, last + 1)}
        windows |= {window for start in starts if (window := _window(here, venue, start, window_us))}
    return windows


def _window(here, venue, start_us, window_us):
    end_us = start_us + window_us
    entries = sum(start_us <= stay.enter_us < end_us for stay in here)
    exits = sum(start_us <= stay.exit_us < end_us for stay in here)
    present = [stay for stay in here if stay.enter_us < end_us and stay.exit_us > start_us]
    if not (entries or exits or present):
        return None
    # Someone new can only be there at the start of the window or when somebody enters.
    instants = {start_us} | {stay.enter_us for stay in present if stay.enter_us >= start_us}
    peak = max(
        len({stay.person for stay in present if stay.enter_us <= instant < stay.exit_us})
        for instant in instants
    )
    return Window(
        venue=venue,
        start_us=start_us,
        end_us=end_us,
        entries=entries,
        exits=exits,
        people=len({stay.person for stay in present}),
        peak=peak,
        person_seconds=_union_us(present, start_us, end_us) // SECOND,
    )


def _union_us(present, start_us, end_us):
    total_us = 0
    for person in {stay.person for stay in present}:
        until_us = start_us
        for stay in sorted(
            (stay for stay in present if stay.person == person), key=lambda stay: stay.enter_us
        ):
            leave_us = min(stay.exit_us, end_us)
            total_us += max(0, leave_us - max(stay.enter_us, until_us))
            until_us = max(until_us, leave_us)
    return total_us
