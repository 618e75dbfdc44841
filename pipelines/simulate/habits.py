"""How people of this world spend their time: the simulator's own numbers.

They were chosen to make plausible days, not measured, and are independent of
the durations with which the pipeline pairs scans.
"""

import numpy as np

from pipelines.simulate.dtypes import Floats, Int64

TYPES = (
    "office",
    "school",
    "training_centre",
    "business",
    "shop",
    "supermarket",
    "bookshop",
    "railway_station",
    "wharf",
    "bus_station",
    "public_transport",
    "hospital",
    "market",
    "restaurant",
    "worship",
    "entertainment",
    "other",
    "home",
)
"""Types of places; the kind of a place is its position here. Homes come last."""

OFFICE, SCHOOL, TRAINING, BUSINESS, SHOP, _SUPERMARKET, _BOOKSHOP = range(7)
RAILWAY, WHARF, BUS_STATION, TRANSPORT, HOSPITAL, MARKET, RESTAURANT = range(7, 14)
WORSHIP, FUN, OTHER, HOME = range(14, 18)

SHARES = (0.1, 0.03, 0.02, 0.14, 0.3, 0.015, 0.015, 0.003, 0.003, 0.006, 0.05, 0.01, 0.03, 0.16, 0.04, 0.03)
"""Share of places by type, without homes; `other` takes the rest."""

FIRST_NEEDED = (SHOP, MARKET, RESTAURANT, BUSINESS, SCHOOL, OFFICE, HOSPITAL, TRANSPORT)
"""The types that a world with few places gets first."""

MOST_ZONES = (6, 8, 4, 4, 0, 3, 2, 3, 2, 4, 5, 9, 6, 20, 0, 4, 0, 0)
"""The largest number of zones of a place, by type; 0 for types without zones."""

ZONE_LETTERS = "TPPT-TTGCBXKDBGKAA"
"""The letter before a zone number: tầng (floor), phòng (room), xe (coach), khoa (ward), bàn (table)."""

CAPACITIES = (120, 900, 80, 250, 15, 200, 60, 300, 150, 300, 45, 600, 500, 60, 150, 120, 40, 8)

VISIT_MINUTES = (
    (10, 60),
    (60, 150),
    (70, 150),
    (10, 70),
    (4, 30),
    (15, 60),
    (10, 50),
    (10, 40),
    (10, 50),
    (8, 40),
    (12, 50),
    (30, 180),
    (10, 60),
    (15, 75),
    (20, 110),
    (40, 170),
    (10, 90),
    (20, 240),
)
"""Shortest and longest visit in minutes, by type, for people who do not work or study there."""

WEIGHTS = (1.0, 1.0, 1.2, 1.0, 0.4, 0.5, 0.4, 0.6, 0.6, 0.6, 2.0, 1.5, 0.6, 2.5, 1.5, 3.0, 0.8, 1.5)
"""How easily an infection is passed on in an hour, by type, relative to an office."""

PUPIL, STUDENT, CLERK, WORKER, SELLER, NIGHT, SHIPPER, AT_HOME, ELDER = range(9)
ROLE_SHARES = (0.19, 0.05, 0.13, 0.2, 0.14, 0.03, 0.03, 0.14, 0.09)
"""Share of people by role."""

SELLER_TYPES = (SHOP, SHOP, RESTAURANT, MARKET, HOSPITAL, FUN, TRANSPORT, 5)
NIGHT_TYPES = (BUSINESS, BUSINESS, HOSPITAL, BUS_STATION)

_ERRANDS: dict[str, dict[int, float]] = {
    "child": {SHOP: 5, _BOOKSHOP: 2, TRAINING: 3, RESTAURANT: 4, FUN: 2, _SUPERMARKET: 1, HOME: 2, OTHER: 1},
    "adult": {
        SHOP: 7,
        MARKET: 4,
        RESTAURANT: 5,
        _SUPERMARKET: 3,
        FUN: 1.5,
        WORSHIP: 1,
        HOME: 2,
        HOSPITAL: 0.5,
        OFFICE: 0.5,
        BUSINESS: 0.5,
        _BOOKSHOP: 0.4,
        OTHER: 1.5,
    },
    "elder": {SHOP: 4, MARKET: 5, WORSHIP: 4, HOSPITAL: 2, HOME: 3, RESTAURANT: 2, OTHER: 1, OFFICE: 0.3},
    "shipper": {RESTAURANT: 5, SHOP: 5, MARKET: 1, OFFICE: 2, BUSINESS: 2, HOME: 4},
    "traveller": {SHOP: 3, RESTAURANT: 5, MARKET: 2, OFFICE: 2, BUSINESS: 2, FUN: 2, WORSHIP: 1, HOME: 3},
}
CHILD, ADULT, OLD, DELIVERY, TRAVELLER = range(5)
"""Who runs errands; the rows of `errands`."""


def visit_minutes() -> Int64:
    """int64[types, 2], shortest and longest visit."""
    return np.array(VISIT_MINUTES, np.int64)


def errands() -> Floats:
    """float64[who, types], cumulative shares of errands, up to 1."""
    shares = np.zeros((len(_ERRANDS), len(TYPES)))
    for row, wishes in enumerate(_ERRANDS.values()):
        for kind, share in wishes.items():
            shares[row, kind] = share
    # Cumulative, so that a draw finds its type by the first sum above it.
    sums = np.cumsum(shares, axis=1)
    return sums / sums[:, -1:]
