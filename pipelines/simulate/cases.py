"""Which infections the authority learns of, and when; and which people are reported by mistake.

Times are seconds of the world.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.simulate.dtypes import Int64, Rows
from pipelines.simulate.people import NEVER
from pipelines.simulate.rng import units, units_of
from pipelines.simulate.rng_streams import REPORTS
from pipelines.simulate.settings import Settings

_DAY = 86_400
_HOUR = 3_600


@dataclass(frozen=True)
class Case:
    """A case as the authority knows it; None for what it does not know.

    Attributes:
        case_id: the authority's number.
        person: position among the people.
        onset: first symptoms.
        sampled: time of the positive sample.
        reported: time of the report.
        isolated: at home from then on.
        withdrawn: time at which a mistaken report was withdrawn.
    """

    case_id: str
    person: int
    onset: int | None
    sampled: int
    reported: int
    isolated: int | None
    withdrawn: int | None


def make_cases(settings: Settings, course: Rows) -> list[Case]:
    """Make the cases reported by the end of the world, numbered in the order of the reports.

    A few are false alarms that were withdrawn. If nobody was reported, the
    first infected person is reported at the very end.

    Args:
        settings: of the world.
        course: COURSE_OF[people].
    """
    end = settings.days * _DAY
    cases = [case for case in _found(settings, course) if case.reported < end]
    if not cases:
        first = int(np.argmin(course["infected"]))
        onset = _before(course[first]["onset"], end)
        cases = [Case("", first, onset, end - 2 * _HOUR, end - 1, None, None)]
    # One false alarm in twenty cases, and one at least from five cases on.
    cases += _false_alarms(settings, course, len(cases) // 20 + (len(cases) >= 5))
    # Numbered by report, so case numbers ascend as an authority would give them.
    cases.sort(key=lambda case: (case.reported, case.person))
    return [replace(case, case_id=f"QN-{number:04d}") for number, case in enumerate(cases, 1)]


def _found(settings: Settings, course: Rows) -> list[Case]:
    """Report infected people who were sampled, 6 to 30 hours later."""
    end = settings.days * _DAY
    # NEVER is beyond every end, so those who are not sampled fall out as well.
    who = np.flatnonzero((course["infected"] < NEVER) & (course["sampled"] < end))
    hours = 6 + 24 * units_of(settings.seed, REPORTS, who, 0)
    reported = course["sampled"][who] + np.floor(hours * _HOUR).astype(np.int64)
    return [
        Case(
            case_id="",
            person=int(person),
            onset=_before(course[person]["onset"], end),
            sampled=int(course[person]["sampled"]),
            reported=int(at),
            isolated=_before(course[person]["isolated"], end),
            withdrawn=None,
        )
        for person, at in zip(who, reported, strict=True)
    ]


def _false_alarms(settings: Settings, course: Rows, number: int) -> list[Case]:
    """Report people who were never infected; these cases are withdrawn by the end."""
    end = settings.days * _DAY
    # A random order of everybody, of which the first who are well are taken.
    order = np.argsort(units(settings.seed, REPORTS, course.size, 1), kind="stable")
    well: Int64 = order[course["infected"][order] == NEVER][:number]
    part = 0.2 + 0.3 * units_of(settings.seed, REPORTS, well, 2)
    sampled = np.floor(end * part).astype(np.int64)
    return [
        Case("", int(person), int(at) - end // 10, int(at), int(at) + end // 10, None, int(at) + end // 4)
        for person, at in zip(well, sampled, strict=True)
    ]


def _before(second: int, end: int) -> int | None:
    """Return the second, or None if it lies after the end."""
    return int(second) if second < end else None
