"""What each column and each flag of `quality` says."""

from typing import Final

FLAGS: Final = (
    *("impossible_travel", "off_hours", "burst", "typed_late", "once_a_day", "photographed", "silent_exits"),
    *("peak_drop", "clock", "over_capacity", "one_scanner"),
)
"""All flags; a doubt is a set of them, bit by bit in this order."""

VENUE, PERSON, STAY = range(3)
"""Whose flags a doubt holds."""

FLAGS_BY: Final = {
    "venue": (
        *("impossible_travel", "off_hours", "burst", "typed_late", "once_a_day", "photographed"),
        *("silent_exits", "peak_drop", "over_capacity"),
    ),
    "scanner": ("burst", "typed_late", "once_a_day", "clock", "one_scanner"),
    "person": ("impossible_travel", "photographed", "clock"),
}
"""The flags that are tested of each kind of unit."""

DEFINITIONS: Final = {
    "unit": "code of the venue, or token of the scanner or person",
    "flag": "what was tested, below",
    "value": "what was seen",
    "expected": "what others of the venue type, or other days of the unit, let expect",
    "p": "probability of a value at least so far beyond the tolerance around what is expected",
    "q": "p after Benjamini-Hochberg over the units tested for the flag",
    "significant": "q is at most 0.05",
    "scans": "scans of the unit in the span, at registered venues",
    "impossible_travel": "venue: share of the pairs of consecutive scans that nobody can have travelled "
    "(120 km/h after 2 km and 10 minutes), which points at wrong coordinates; person: number of such pairs, "
    "those of such venues left out; stations, wharves and vehicles do not count",
    "off_hours": "scans on one local day in the emptiest hours of the type's week, under 1 % of its scans",
    "burst": "most scans within a minute against the busiest ones of other days; over 30 by one guard",
    "typed_late": "share of gaps between scans within 30 % of the day's median, or of scans that arrived "
    "more than 6 hours after the usual one of a prompt batch",
    "once_a_day": "share of visits with one scan, of people with two scans or more elsewhere on that day",
    "photographed": "share of scans by phone whose person holds a scanned stay elsewhere at that instant",
    "silent_exits": "share of exits among scans in and out",
    "peak_drop": "scans in the busiest local hour of the type",
    "clock": "share of scans that occurred after they were received, or lag "
    "behind a prompt batch by whole hours",
    "over_capacity": "most people at once against the capacity; the tolerance is three times the capacity",
    "one_scanner": "share of a device's persons whose every scan it made",
}
"""What each column says, then each flag."""
