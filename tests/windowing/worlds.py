"""Small adversarial worlds: few persons, few places, few instants, so that everything meets."""

import datetime as dt

import numpy as np
from hypothesis import strategies as st

from schemas.codes import DIRECTIONS, ENTER_KINDS, EXIT_KINDS
from schemas.stay_rules import VENUE_TYPES, StayRules
from tests.windowing.reference import Scan, Stay

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BASE = 18_809 * DAY
"""2021-07-01 00:00 UTC."""

DWELL = {"shop": 30 * MINUTE, "office": 4 * HOUR, "home": 8 * HOUR, "worship": 2 * HOUR}
MAX_STAY = {"shop": 40 * MINUTE, "office": 16 * HOUR, "home": 16 * HOUR, "worship": 2 * HOUR}
KINDS = tuple(DWELL)
"""The kind of venue number k is KINDS[k]; a shop's longest stay is below twice its dwell."""

RULES = StayRules(
    "test",
    np.array([DWELL.get(kind, HOUR) for kind in VENUE_TYPES], np.int64),
    np.array([MAX_STAY.get(kind, HOUR) for kind in VENUE_TYPES], np.int64),
)

STEPS = sorted(
    {0, 1, 500_000, 999_999, 1_000_000, MINUTE - 1, MINUTE, MINUTE + 1}
    | {gap + nudge for table in (DWELL, MAX_STAY) for gap in table.values() for nudge in (-1, 0, 1)}
    | {3 * HOUR, 9 * HOUR, 23 * HOUR, DAY}
)
"""Gaps between scans at which something changes."""

ZONES = (None, "", "1", "2")


@st.composite
def scans(draw, most=14, persons=2, venues=4, unregistered=True):
    """Scans whose gaps lie at and beside every boundary of the rule."""
    at_us = BASE + draw(st.sampled_from([0, 10 * HOUR, 20 * HOUR, DAY - 1]))
    made = []
    for number in range(draw(st.integers(1, most))):
        at_us += draw(st.sampled_from(STEPS)) if draw(st.booleans()) else 0
        venue = draw(st.integers(0, venues - 1))
        closed = unregistered and draw(st.integers(0, 9)) == 0
        made.append(
            Scan(
                person=draw(st.integers(-1, persons - 2)),
                venue=venue,
                at_us=at_us,
                direction=draw(st.sampled_from(DIRECTIONS)),
                event_key=draw(st.binary(min_size=1, max_size=1)) * 14 + bytes([number, 255 - number]),
                zone=draw(st.sampled_from(ZONES)) or None,
                kind=None if closed else KINDS[venue],
            )
        )
    return made


def columns(scans):
    """Scans as the arguments of `pair`, and the texts of their zone codes."""
    zones = sorted({scan.zone for scan in scans if scan.zone is not None})
    keys = np.frombuffer(b"".join(scan.event_key for scan in scans), ">u8").reshape(-1, 2).astype(np.uint64)
    arrays = (
        np.array([scan.person for scan in scans], np.int64),
        np.array([scan.venue for scan in scans], np.int64),
        np.array([scan.at_us for scan in scans], np.int64),
        np.ascontiguousarray(keys[:, 0]),
        np.ascontiguousarray(keys[:, 1]),
        np.array([DIRECTIONS.index(scan.direction) for scan in scans], np.uint8),
        np.array([zones.index(scan.zone) if scan.zone is not None else -1 for scan in scans], np.int32),
        np.array([-1 if scan.kind is None else VENUE_TYPES.index(scan.kind) for scan in scans], np.int16),
    )
    return arrays, zones


def as_stays(stays, zones):
    """Return the columns of `pair` as a list of the reference's rows."""
    return [
        Stay(
            person=int(stays.person[row]),
            venue=int(stays.venue[row]),
            zone=zones[stays.zone[row]] if stays.zone[row] >= 0 else None,
            enter_us=int(stays.enter_us[row]),
            exit_us=int(stays.exit_us[row]),
            enter_kind=ENTER_KINDS[stays.enter_kind[row]],
            exit_kind=EXIT_KINDS[stays.exit_kind[row]],
            last_seen_us=int(stays.last_seen_us[row]),
            scans=int(stays.scans[row]),
            stay_id=int(stays.stay_id[row]),
        )
        for row in range(stays.person.size)
    ]
