"""The oracle of contacts and crowds, in plain Python: interval by interval, pair by pair."""

from dataclasses import dataclass
from itertools import combinations

from pipelines.times import DAY_US


@dataclass(frozen=True, order=True)
class Contact:
    person_a: int
    person_b: int
    venue: int
    start_us: int
    end_us: int

    @property
    def date(self):
        return self.start_us // DAY_US


def contacts_of(stays, footfall, min_us, cap):
    """Return all contacts of a set of stays, whatever their dates."""
    crowds = crowds_of(footfall, cap)
    found = set()
    for venue in {stay.venue for stay in stays}:
        here = [stay for stay in stays if stay.venue == venue]
        windows = [(start, end) for other, start, end, _ in crowds if other == venue]
        for a, b in combinations(sorted({stay.person for stay in here}), 2):
            overlaps = [
                (max(one.enter_us, other.enter_us), min(one.exit_us, other.exit_us))
                for one in here
                for other in here
                if (one.person, other.person) == (a, b)
            ]
            for start, end in without(union(overlaps), windows):
                if end - start >= max(min_us, 1):
                    found.add(Contact(a, b, venue, start, end))
    return found


def crowds_of(footfall, cap):
    return {(row.venue, row.start_us, row.end_us, row.people) for row in footfall if row.people > cap}


def union(intervals):
    joined = []
    for start, end in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def without(intervals, windows):
    for first, last in windows:
        intervals = [
            part
            for start, end in intervals
            for part in ((start, min(end, first)), (max(start, last), end))
            if part[0] < part[1]
        ]
    return intervals
