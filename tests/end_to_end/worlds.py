"""Small adversarial worlds: scans whose gaps lie exactly at, just below and just above every limit.

A world is many little ones that share nobody and no place, so one lake tries
hundreds of cases at once.
"""

import datetime as dt
import json
import random
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.stay_rules import VENUE_TYPES, load_stay_rules
from tests.ingest.input_files import PACK, avro_of, csv_of, ndjson_of, parquet_of

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BEGIN_US = (dt.datetime(2021, 7, 5, tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
NOW = "2021-07-25T00:00:00Z"

RULES = load_stay_rules()
_TYPES = ("shop", "restaurant", "training_centre", "school", "home", "other")
_BEGINS_US = tuple(minute * MINUTE_US for minute in (0, 720, 1005, 1434))
_OFFSETS = (0, 420, -690, 840, 345)


@dataclass(frozen=True)
class Scan:
    """One scan as it is meant; `person` is canonical, `zone` in NFC."""

    person: str
    venue: str
    at_us: int
    direction: str = "unknown"
    zone: str | None = None
    event_id: str | None = None
    scan_mode: str | None = None
    scanner: str | None = None


@dataclass(frozen=True)
class Venue:
    """A row of the registry."""

    code: str
    type: str
    closed_us: int | None = None


@dataclass(frozen=True)
class World:
    """Scans in the order of time, and the registry; some places of the scans are not in it."""

    scans: tuple[Scan, ...]
    venues: tuple[Venue, ...]


def dwell_us(kind: str) -> int:
    return int(RULES.dwell_us[VENUE_TYPES.index(kind)])


def longest_us(kind: str) -> int:
    return int(RULES.max_stay_us[VENUE_TYPES.index(kind)])


def make_world(seed: int, size: int = 48) -> World:
    """`size` little worlds of up to 20 scans, and a few chains that last many days."""
    dice = random.Random(seed)
    scans: list[Scan] = []
    venues: list[Venue] = []
    for number in range(size):
        own = [
            Venue(f"Điểm {number}-{place}", dice.choice(_TYPES)) for place in range(dice.choice((1, 1, 2, 3)))
        ]
        people = [_person(number, who, dice) for who in range(dice.randint(1, 4))]
        make = _chain if number % 12 == 0 else _little
        made = make(dice, own, people)
        scans += made
        venues += [_closed(dice, venue, made) for venue in own if dice.random() > 0.08]
    return World(tuple(sorted(scans, key=lambda scan: scan.at_us)), tuple(venues))


def _person(number: int, who: int, dice: random.Random) -> str:
    digits = f"{number:05}{who}"
    return dice.choice(
        (
            f"phone:+84905{digits}",
            f"passport:B{digits}",
            f"bhyt:0{digits}123",
            f"cmnd:212{digits}",
            f"cccd:051099{digits}",
            f"device:Máy-{digits}",
        )
    )


def _little(dice: random.Random, venues: Sequence[Venue], people: Sequence[str]) -> list[Scan]:
    at_us = BEGIN_US + dice.choice(_BEGINS_US)
    scans = []
    for number in range(dice.randint(1, 20)):
        venue = dice.choice(venues)
        at_us += _gap_us(dice, venue.type)
        scans.append(_scan(dice, dice.choice(people), venue, at_us, number))
        if dice.random() < 0.1:  # the same content under another id: another scan
            scans.append(replace(scans[-1], event_id=f"again {scans[-1].person}/{number}"))
    return scans


def _chain(dice: random.Random, venues: Sequence[Venue], people: Sequence[str]) -> list[Scan]:
    """Return one person at one place for many days, each scan just within the dwell of the one before."""
    at_us = BEGIN_US + dice.choice(_BEGINS_US)
    dwell = dwell_us(venues[0].type)
    days = dice.randint(3, 6)
    scans = []
    while at_us < BEGIN_US + days * DAY_US:
        venue = venues[0] if dice.random() < 0.97 else venues[-1]
        direction = "out" if dice.random() < 0.03 else dice.choice(("in", "unknown"))
        scans.append(Scan(people[0], venue.code, at_us, direction))
        at_us += dwell - dice.choice((0, 1, MINUTE_US, dwell // 3))
    return scans


def _gap_us(dice: random.Random, kind: str) -> int:
    dwell, longest = dwell_us(kind), longest_us(kind)
    if dice.random() < 0.03:
        return 2 * DAY_US
    edge = dice.choice((0, MINUTE_US, 15 * MINUTE_US, dwell, longest, dwell + longest))
    return max(0, dice.choice((edge, edge - 1, edge + 1, edge // 2, edge // 3, 0)))


def _scan(dice: random.Random, person: str, venue: Venue, at_us: int, number: int) -> Scan:
    return Scan(
        person=person,
        venue=venue.code,
        at_us=at_us,
        direction=dice.choice(("in", "in", "out", "out", "unknown")),
        zone=dice.choice((None, None, "Tầng 1", "T2")),
        event_id=f"é{person}/{number}" if dice.random() < 0.7 else None,
        scan_mode=dice.choice((None, "self", "guard", "kiosk", "manual", "nfc")),
        scanner=dice.choice((None, "máy quét 1", "máy quét 2")),
    )


def _closed(dice: random.Random, venue: Venue, scans: Sequence[Scan]) -> Venue:
    """Now and then closed from the instant of a scan on."""
    if dice.random() > 0.15:
        return venue
    return replace(venue, closed_us=dice.choice(scans).at_us)


def rfc3339(at_us: int, minutes: int = 0, digits: int = 6) -> str:
    """Return an instant by a clock that is `minutes` ahead of UTC."""
    moment = EPOCH + dt.timedelta(microseconds=at_us, minutes=minutes)
    fraction = f".{moment.microsecond:06}".ljust(digits + 1, "9") if digits else ""
    zone = (
        "Z"
        if minutes == 0
        else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    )
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{zone}"


def record(scan: Scan, dice: random.Random | None = None) -> dict[str, str]:
    """Return a scan as a record of the wire; dice spell it in one of the ways that mean the same."""
    fields = {
        "event_id": scan.event_id,
        "person": scan.person if dice is None else _spelled(scan.person, dice),
        "venue": scan.venue,
        "direction": scan.direction,
        "occurred_at": rfc3339(scan.at_us),
        "zone": scan.zone,
        "scan_mode": scan.scan_mode,
        "scanner": scan.scanner,
    }
    if dice is not None:
        fields["occurred_at"] = rfc3339(scan.at_us, dice.choice(_OFFSETS), dice.choice((6, 7, 9)))
        if scan.direction == "unknown" and dice.random() < 0.5:
            fields["direction"] = dice.choice((None, ""))
        if scan.person.startswith("cccd:") and dice.random() < 0.3:
            fields["person_code"] = _card(scan.person.removeprefix("cccd:"))
            fields["person"] = dice.choice((None, scan.person, "nan"))
        fields = {name: _disguised(name, value, dice) for name, value in fields.items()}
    return {name: value for name, value in fields.items() if value is not None}


def _card(number: str) -> str:
    """Return the code on the citizen card of a number."""
    return f"{number}||Nguyễn Thị Ả|01011990|Nữ|Quảng Ngãi|01012021"


def _disguised(name: str, value: str | None, dice: random.Random) -> str | None:
    """Return a field that means the same: padded, decomposed, a zone in another case, a word for nothing."""
    if value is None:
        return dice.choice((None, None, None, "", "nan", "N/A", " null", "\u00a0", "-"))
    if name == "zone":
        value = dice.choice((value, value, value.upper(), value.lower()))
    if dice.random() < 0.2:
        value = unicodedata.normalize("NFD", value)
    if dice.random() < 0.2:
        value = dice.choice((" ", "\u00a0", "\u200b", "")) + value + dice.choice((" ", "\t", "\ufeff\u3000"))
    return value


def _spelled(person: str, dice: random.Random) -> str:
    kind, _, value = person.partition(":")
    if kind == "phone":
        national = value.removeprefix("+84")
        return dice.choice(
            (person, f"phone:0{national}", f"phone:84{national}", f"phone:+84 {national[:3]}-{national[3:]}")
        )
    if kind == "bhyt":
        return f"bhyt:{dice.choice(('', 'GD451', 'gd 4 51 ', 'HC402'))}{value}"
    if kind == "passport":
        return dice.choice((person, person.replace(value, value.lower()), f"{kind}:{value[:3]} {value[3:]}"))
    return person


def write_scans(path: Path, scans: Iterable[Scan], dice: random.Random | None = None) -> Path:
    """Write scans in the format that the name of the file tells."""
    return write_records(path, [record(scan, dice) for scan in scans])


def write_records(path: Path, records: list[dict[str, str]]) -> Path:
    """Write records in the format that the name of the file tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = path.name.split(".")[1:]
    packed = "." + names.pop() if names[-1] in ("gz", "zst") else ""
    make = {"ndjson": ndjson_of, "csv": csv_of, "parquet": parquet_of, "avro": avro_of}[names[-1]]
    path.write_bytes(PACK[packed](make(records)))
    return path


def write_venues(path: Path, venues: Iterable[Venue]) -> Path:
    """Write the registry as CSV."""
    lines = ["venue,type,closed_at"]
    for venue in venues:
        closed = "" if venue.closed_us is None else rfc3339(venue.closed_us)
        lines.append(f"{venue.code},{venue.type},{closed}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def lines_of(records: Iterable[dict[str, str]]) -> bytes:
    """Records as NDJSON, a line each."""
    return b"".join(json.dumps(fields, ensure_ascii=False).encode() + b"\n" for fields in records)
