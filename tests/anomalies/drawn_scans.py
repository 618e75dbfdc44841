"""Tables of scans for the tests of anomalies: drawn row by row, or a town in which nothing is wrong."""

import numpy as np
import pyarrow as pa

from pipelines.anomalies.scan_table import ScanTable, VenueTable, scan_table
from pipelines.anomalies.tested_units import FlagTest, Units, units_by
from pipelines.kernels.significance import q_values
from pipelines.times import DAY_US, HOUR_US, MINUTE_US, parse_instant
from schemas.tables import SCANS

MONDAY_US = parse_instant("2021-07-05")
"""A local midnight."""

_NAMES = ("person", "venue", "direction", "occurred_at", "scan_mode", "scanner", "received_at")
_SCHEMA = pa.schema([SCANS.schema.field(name) for name in _NAMES])


def venues(types, *, lat=None, lon=None, capacity=None) -> VenueTable:
    """Return open venues whose id is their number, and whose code is `v<number>`."""
    count = len(types)
    names = tuple(sorted(set(types)))
    return VenueTable(
        np.arange(count),
        pa.array([f"v{number}" for number in range(count)]),
        np.array([names.index(one) for one in types], np.int64),
        names,
        np.full(count, np.nan) if lat is None else np.array(lat, float),
        np.full(count, np.nan) if lon is None else np.array(lon, float),
        np.zeros(count, np.int64) if capacity is None else np.array(capacity, np.int64),
        np.full(count, 2**62),
    )


def drawn(rows, places: VenueTable) -> ScanTable:
    """Return scans of rows (person, venue, minute, direction, mode, scanner, received minute).

    Minutes count from `MONDAY_US`; what stands last may be left out. A scan without a received minute was
    received at once.
    """
    full = [(*row, *("in", "self", None, None)[len(row) - 3 :]) for row in rows]
    instants = [
        (
            MONDAY_US + round(row[2] * MINUTE_US),
            MONDAY_US + round((row[2] if row[6] is None else row[6]) * MINUTE_US),
        )
        for row in full
    ]
    return scan_table(
        pa.Table.from_pylist(
            [
                dict(zip(_NAMES, (row[0], row[1], row[3], at, row[4], row[5], received), strict=True))
                for row, (at, received) in zip(full, instants, strict=True)
            ],
            schema=_SCHEMA,
        ),
        places,
    )


def town(seed: int, *, people=400, places=40, days=7, exits=0.7):
    """Return rows as of `drawn`, and venues: people who walk in and out of shops between 7 and 21 o'clock.

    Every person is at one place at a time; a visit takes 10 to 50 minutes, the way to the next at least 10.
    All venues lie within some kilometres.
    """
    dice = np.random.default_rng(seed)
    lat, lon = 15.1 + dice.uniform(-0.02, 0.02, places), 108.8 + dice.uniform(-0.02, 0.02, places)
    rows = []
    for person in range(people):
        for day in range(days):
            minute = day * 1440 + 7 * 60 + dice.uniform(0, 180)
            for _ in range(int(dice.integers(1, 6))):
                venue, stay = int(dice.integers(places)), dice.uniform(10, 50)
                rows.append((person, venue, minute, "in"))
                if dice.random() < exits:
                    rows.append((person, venue, minute + stay, "out"))
                minute += stay + dice.uniform(10, 120)
    return rows, venues(["shop"] * places, lat=lat, lon=lon, capacity=[50] * places)


def units(scans: ScanTable, by: str = "venue") -> Units:
    """Return the units of scans."""
    return units_by(scans, by)


def flagged(test: FlagTest) -> list[int]:
    """Return the units that are significant, ascending."""
    q = q_values(np.exp(test.log_p), test.log_p.size)
    return sorted(test.unit[q <= 0.05].tolist())


def row_of(test: FlagTest, unit: int) -> tuple[float, float, float]:
    """Return value, expectation and p of a unit."""
    at = test.unit.tolist().index(unit)
    return float(test.value[at]), float(test.expected[at]), float(np.exp(test.log_p[at]))


__all__ = ["DAY_US", "HOUR_US", "MONDAY_US", "drawn", "flagged", "row_of", "town", "units", "venues"]
