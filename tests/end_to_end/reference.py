"""A second implementation of stays and contacts, in plain Python from the written rules alone.

Slow and simple on purpose: every quantity is looked for among all scans, or
all stays, of a person or a place.
"""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.worlds import DAY_US, Scan, World, dwell_us, longest_us

SECOND_US = 1_000_000
WINDOW_US = 15 * 60 * SECOND_US
BOUNCE_US = 60 * SECOND_US


@dataclass(frozen=True)
class Names:
    """What the keys of a folder make of identifiers."""

    token_key: bytes
    event_key: bytes

    @classmethod
    def of(cls, folder: Path) -> "Names":
        return cls(*(bytes.fromhex((folder / name).read_text()) for name in ("token.key", "event.key")))

    def token(self, canonical: str) -> int:
        return _head(hmac.digest(self.token_key, canonical.encode(), "sha256"))

    def key(self, scan: Scan) -> bytes:
        """Return the event key: of the UTC day, the scanner and the event id, or of the content."""
        if scan.event_id is not None:
            day = (scan.at_us // DAY_US).to_bytes(4, "big", signed=True)
            content = b"\x01" + day + _framed((scan.scanner or "").encode()) + _framed(scan.event_id.encode())
        else:
            texts = (scan.person, scan.venue, scan.zone or "", scan.direction)
            fields = [*(text.encode() for text in texts), scan.at_us.to_bytes(8, "big", signed=True)]
            content = b"\x02" + b"".join(map(_framed, fields))
        return hmac.digest(self.event_key, content, "sha256")[:16]

    def digest(self, raw: bytes) -> bytes:
        """Return what `rejects` holds of a refused record."""
        return hmac.digest(hmac.digest(self.event_key, b"truyvet digest v1", "sha256"), raw, "sha256")


def venue_id(code: str) -> int:
    return _head(hashlib.sha256(code.encode()).digest())


def _head(hashed: bytes) -> int:
    return int.from_bytes(hashed[:8], "big", signed=True)


def _framed(field: bytes) -> bytes:
    return bytes([len(field)]) + field


@dataclass(frozen=True, order=True)
class Stay:
    """A stay by the names of its person and its place."""

    person: str
    venue: str
    enter_us: int
    exit_us: int
    enter_kind: str
    exit_kind: str
    last_us: int
    zone: str | None
    scans: int
    stay_id: int

    @property
    def unseen_us(self) -> int:
        """Where the imputed part begins; at the exit when there is none."""
        if self.enter_kind == "imputed":
            return self.enter_us
        return self.exit_us if self.exit_kind == "scanned" else self.last_us


def accepted(scans: Iterable[Scan], names: Names) -> dict[bytes, Scan]:
    """Return each scan once, by its event key."""
    return {names.key(scan): scan for scan in scans}


def stays(world: World, names: Names) -> list[Stay]:
    """Pair scans into stays, step by step."""
    registry = {venue.code: venue for venue in world.venues}
    of_person = defaultdict(list)
    for key, scan in accepted(world.scans, names).items():
        venue = registry.get(scan.venue)
        if venue is not None and (venue.closed_us is None or scan.at_us < venue.closed_us):
            of_person[scan.person].append((scan.at_us, scan.direction != "out", key, scan))
    found = []
    for rows in of_person.values():
        in_order = [row[-1] for row in sorted(rows)]
        for code in {scan.venue for scan in in_order}:
            found += _at_one_venue(in_order, code, registry[code].type, names)
    return sorted(found, key=_sortable)


def _at_one_venue(scans: list[Scan], code: str, kind: str, names: Names) -> list[Stay]:
    here = [scan for scan in scans if scan.venue == code]
    elsewhere = [scan.at_us for scan in scans if scan.venue != code]
    groups: list[list[Scan]] = []
    before = None
    for scan in here:
        limit = longest_us(kind) if scan.direction == "out" else dwell_us(kind)
        goes_on = before is not None and before.direction != "out" and scan.at_us - before.at_us <= limit
        if goes_on:
            groups[-1].append(scan)
        else:
            groups.append([scan])
        before = scan
    made = []
    for number, group in enumerate(groups):
        at_this_venue = [groups[number - 1][-1].at_us] if number else []
        following = groups[number + 1][0] if number + 1 < len(groups) else None
        if not _is_bounce(group[0], following):
            made.append(_stay(group, at_this_venue, elsewhere, dwell_us(kind), names))
    return made


def _is_bounce(first: Scan, following: Scan | None) -> bool:
    """Tell whether two antennas read one arrival, the wrong one first."""
    is_arrival = first.direction == "out" and following is not None and following.direction == "in"
    return is_arrival and following.at_us - first.at_us <= BOUNCE_US


def _stay(group: list[Scan], here: list[int], elsewhere: list[int], dwell: int, names: Names) -> Stay:
    first, last = group[0], group[-1]
    enter_us, enter_kind = first.at_us, "scanned"
    if first.direction == "out":
        earlier = here + [at_us for at_us in elsewhere if at_us <= first.at_us]
        enter_us, enter_kind = max([first.at_us - dwell, *earlier]), "imputed"
    if last.direction == "out":
        exit_us, exit_kind = last.at_us, "scanned"
    else:
        exit_us, exit_kind = last.at_us + dwell, "default"
        later = [at_us for at_us in elsewhere if at_us >= last.at_us]
        if later and min(later) < exit_us:
            exit_us, exit_kind = min(later), "next_scan"
    zones = {scan.zone for scan in group} - {None}
    return Stay(
        person=first.person,
        venue=first.venue,
        enter_us=enter_us,
        exit_us=max(exit_us, enter_us + SECOND_US),
        enter_kind=enter_kind,
        exit_kind=exit_kind,
        last_us=last.at_us,
        zone=zones.pop() if len(zones) == 1 else None,
        scans=len(group),
        stay_id=_head(hashlib.sha256(names.key(first)).digest()),
    )


def _sortable(stay: Stay) -> tuple[str, str, int, int]:
    return stay.person, stay.venue, stay.enter_us, stay.stay_id


@dataclass(frozen=True, order=True)
class Window:
    """A row of footfall."""

    venue: str
    start_us: int
    entries: int
    exits: int
    people: int
    peak: int
    person_seconds: int


def footfall(all_stays: Iterable[Stay]) -> list[Window]:
    """Return every window of every place in which somebody was, came or left."""
    at_venue = defaultdict(list)
    for stay in all_stays:
        at_venue[stay.venue].append(stay)
    windows = []
    for venue, own in at_venue.items():
        starts = set()
        for stay in own:
            starts |= set(range(stay.enter_us // WINDOW_US, stay.exit_us // WINDOW_US + 1))
        found = (_window(venue, own, start * WINDOW_US) for start in sorted(starts))
        windows += [window for window in found if window.entries or window.exits or window.people]
    return sorted(windows)


def _window(venue: str, own: list[Stay], start_us: int) -> Window:
    stop_us = start_us + WINDOW_US
    spans = defaultdict(list)
    for stay in own:
        if stay.enter_us < stop_us and stay.exit_us > start_us:
            spans[stay.person].append((max(stay.enter_us, start_us), min(stay.exit_us, stop_us)))
    instants = {begin for parts in spans.values() for begin, _ in parts}
    return Window(
        venue=venue,
        start_us=start_us,
        entries=sum(start_us <= stay.enter_us < stop_us for stay in own),
        exits=sum(start_us <= stay.exit_us < stop_us for stay in own),
        people=len(spans),
        peak=max((_present(spans.values(), instant) for instant in instants), default=0),
        person_seconds=sum(map(_union_us, spans.values())) // SECOND_US,
    )


def _present(everybody: Iterable[list[tuple[int, int]]], instant: int) -> int:
    return sum(any(begin <= instant < end for begin, end in parts) for parts in everybody)


def _union_us(parts: list[tuple[int, int]]) -> int:
    total = 0
    covered_us = 0
    for begin, end in sorted(parts):
        total += max(0, end - max(begin, covered_us))
        covered_us = max(covered_us, end)
    return total


@dataclass(frozen=True, order=True)
class Overlap:
    """A row of an answer about a person: the other, where, when, and how much of it nobody saw."""

    person: str
    venue: str
    start_us: int
    end_us: int
    zone: str
    seconds: int
    seconds_imputed: int


def overlaps(all_stays: Iterable[Stay], person: str) -> list[Overlap]:
    """Pairs of stays at one place that overlap; touching does not count, and nobody meets himself."""
    all_stays = list(all_stays)
    found = []
    for own in (stay for stay in all_stays if stay.person == person):
        for other in all_stays:
            start_us, end_us = max(own.enter_us, other.enter_us), min(own.exit_us, other.exit_us)
            if other.person != person and other.venue == own.venue and end_us > start_us:
                unseen_us = min(max(start_us, min(own.unseen_us, other.unseen_us)), end_us)
                seconds, imputed = (end_us - start_us) // SECOND_US, (end_us - unseen_us) // SECOND_US
                found.append(
                    Overlap(other.person, own.venue, start_us, end_us, other.zone or "", seconds, imputed)
                )
    return sorted(found)
