"""The places of the province: types, districts, and how their codes are scanned."""

import csv
import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipelines.simulate import habits
from pipelines.simulate.clocks import clocks
from pipelines.simulate.dtypes import Bools, Floats, Int64, Rows, Texts
from pipelines.simulate.rng import units
from pipelines.simulate.rng_streams import PLACES, READER_CLOCK
from pipelines.simulate.settings import Settings
from schemas.districts import DISTRICTS_CSV

ISLAND = "536"
"""Lý Sơn, reached by boat only."""

SELF, ONE_WAY, GUARD, KIOSK, NFC, MANUAL = range(6)
"""How the code of a place is scanned: by visitors at a poster, or by a device of the place."""

_KIOSK_SHARE, _NFC_SHARE, _MANUAL_SHARE = 0.06, 0.03, 0.03
_ABBREVIATIONS = "OF SC TC BU SH SM BK RS WH BS PT HO MA RE WO EN OT HM"
_FEW = 20  # with at least this many places, each knob of the registry affects at least one

_SEATS = {  # approximate seats of the districts: degrees north and east
    "522": (15.12, 108.80),
    "524": (15.30, 108.76),
    "525": (15.25, 108.53),
    "527": (15.17, 108.73),
    "528": (15.09, 108.75),
    "529": (15.04, 108.47),
    "530": (14.98, 108.35),
    "531": (14.93, 108.70),
    "532": (15.03, 108.78),
    "533": (14.95, 108.89),
    "534": (14.80, 108.96),
    "535": (14.77, 108.73),
    "536": (15.38, 109.12),
}


@dataclass(frozen=True)
class District:
    """A district: number of communes in 2021, population in 2019, and degrees of its seat."""

    province: str
    code: str
    name: str
    communes: int
    population: int
    lat: float
    lon: float


def districts() -> list[District]:
    """Return the districts of the province, ordered by code."""
    with DISTRICTS_CSV.open(encoding="utf-8", newline="") as file:
        return [
            District(
                row["province_code"],
                row["district_code"],
                row["district_name"],
                int(row["communes_2021"]),
                int(row["population_2019_census"]),
                *_SEATS[row["district_code"]],
            )
            for row in csv.DictReader(file)
        ]


PLACE = np.dtype(
    [
        ("kind", "i8"),
        ("district", "i8"),
        ("zones", "i8"),
        ("mode", "i8"),
        ("clock", "i8"),
        ("closed", "i8"),
        ("coded", "u1"),
        ("known", "u1"),
    ],
    align=True,
)
"""A place: type, position of its district, number of zones, how its code is scanned, seconds by which
its device is ahead, the second from which the registry lists it as closed (-1 for never), whether it
has a code at all, and whether the registry knows it."""


class Places(NamedTuple):
    """All places, sorted by (type, district); homes are the last type.

    Attributes:
        table: PLACE[places].
        span: int64[types, districts, 2], position of the first place and number of places.
        venues: number of places other than homes; the home of household h is place `venues + h`.
    """

    table: Rows
    span: Int64
    venues: int


def make_places(settings: Settings, households: Int64) -> Places:
    """Make the places of a world.

    Args:
        settings: of the world.
        households: int64[districts], number of households.
    """
    people = np.array([district.population for district in districts()], np.float64)
    numbers = _numbers_by_type(settings.venues)
    # int64[types, districts], homes in the last row.
    number = np.array([*(_spread(number, people) for number in numbers), households], np.int64)
    # nonzero walks row by row, so places are sorted by (type, district).
    kind, district = np.nonzero(number)
    table = np.zeros(int(number.sum()), PLACE)
    # Each pair as often as it has places.
    table["kind"] = kind = np.repeat(kind, number[number > 0])
    table["district"] = np.repeat(district, number[number > 0])
    table["zones"], table["mode"] = _zones(settings, kind), _modes(settings, kind)
    table["clock"] = clocks(settings, READER_CLOCK, kind.size)
    lucky = units(settings.seed, PLACES, kind.size, 2) < settings.knobs.home_codes
    table["coded"] = lucky | (kind != habits.HOME)
    table["known"], table["closed"] = _registry(settings, kind.size)
    # Exclusive running sums: the first place of each (type, district).
    first = (np.cumsum(number) - number.ravel()).reshape(number.shape)
    return Places(table, np.stack([first, number], axis=2), settings.venues)


def _numbers_by_type(venues: int) -> list[int]:
    """Number of places by type, without homes: by share, but at least one of each if there are enough."""
    shares = np.array([*habits.SHARES, 1.0 - sum(habits.SHARES)])
    order = [*habits.FIRST_NEEDED, *(t for t in range(shares.size) if t not in habits.FIRST_NEEDED)]
    numbers = np.zeros(shares.size, np.int64)
    # With fewer places than types the most needed ones come first.
    numbers[order[:venues]] = 1
    rest = venues - int(numbers.sum())
    wanted = np.maximum(shares * venues - numbers, 0.0)
    if rest:
        numbers += _spread(rest, wanted)
    return [int(number) for number in numbers]


def _spread(number: int, weights: Floats) -> Int64:
    """Split a number in proportion to weights by largest remainder; ties go to the first."""
    exact = weights * (number / weights.sum())
    # By largest remainder: `parts - exact` is smallest where most was cut off.
    parts: Int64 = np.floor(exact).astype(np.int64)
    most = np.argsort(parts - exact, kind="stable")[: number - int(parts.sum())]
    parts[most] += 1
    return parts


def _modes(settings: Settings, kind: Int64) -> Int64:
    """Decide how the code of each place is scanned; homes have a poster."""
    knobs = settings.knobs
    shares = np.array([knobs.one_way, knobs.guarded, _KIOSK_SHARE, _NFC_SHARE, _MANUAL_SHARE])
    luck = units(settings.seed, PLACES, kind.size, 0)
    modes = (np.searchsorted(np.cumsum(shares), luck, side="right") + 1) % 6  # beyond all shares: SELF
    return np.where(kind == habits.HOME, SELF, modes).astype(np.int64)


def _zones(settings: Settings, kind: Int64) -> Int64:
    most = np.array(habits.MOST_ZONES)[kind]
    # Below 1 the quotient is uniform again and chooses the number of zones.
    luck = units(settings.seed, PLACES, kind.size, 1) / max(settings.knobs.zoned, 1e-9)
    return np.where((luck < 1.0) & (most > 0), 1 + np.floor(luck * most), 0).astype(np.int64)


def _registry(settings: Settings, places: int) -> tuple[Bools, Int64]:
    """Decide which places the registry knows, and from which second it lists them as closed."""
    count = settings.venues
    order = np.argsort(units(settings.seed, PLACES, count, 3), kind="stable")
    unknown = _few(settings.knobs.unregistered, count)
    # Unknown and closed places are different ones, from one random order.
    shut = min(_few(settings.knobs.closed, count), count - unknown)
    known, closed = np.ones(places, np.bool_), np.full(places, -1, np.int64)
    known[order[:unknown]] = False
    # Half of the world's days in seconds.
    closed[order[unknown : unknown + shut]] = settings.days * 43_200
    return known, closed


def _few(share: float, count: int) -> int:
    least = 1 if share > 0 and count >= _FEW else 0
    return max(least, round(share * count))


def place_codes(places: Places) -> Texts:
    """Return the code of each place, at most 16 ASCII bytes, such as `QN522-SH-00042`."""
    kinds_text = _ABBREVIATIONS.split()
    names = [district.code for district in districts()]
    kinds, where = places.table["kind"].tolist(), places.table["district"].tolist()
    count = places.venues
    codes = [
        f"QN{names[at]}-{kinds_text[kind]}-{place if place < count else place - count:05d}"
        for place, (kind, at) in enumerate(zip(kinds, where, strict=True))
    ]
    return np.array(codes, dtype="S16")


def start_of(settings: Settings) -> dt.datetime:
    """Return the first instant of the world, with its offset."""
    return dt.datetime.combine(settings.start, dt.time(), dt.timezone(dt.timedelta(hours=7)))
