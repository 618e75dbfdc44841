"""The infectious window of a case: the time in which people who met it could have been infected."""

import datetime as dt
import math
from dataclasses import dataclass

from pipelines.errors import DataError, UsageError
from pipelines.times import DAY_US, EPOCH, LOCAL_TIMEZONE
from schemas.rules import Infectious, Rule

BACK_DAYS = 14.0
"""How long before its onset or sample a case may have been infected, unless the question says otherwise."""

WITHIN_HOURS = 2.0
"""How long after the others have left a venue a case still gathers with them, unless the question says so."""

_BACK_DAYS_AT_MOST = 36_500.0
_DAYS_AT_MOST = 1e6  # more than this in a pack means "no limit", and the product still fits 64 bits


@dataclass(frozen=True)
class CaseTimes:
    """The known dates of a case, microseconds UTC; None where one is not known.

    Example:
        >>> CaseTimes(isolated_us=0).known
        False

    Attributes:
        onset_us: first symptoms.
        sampled_us: the positive sample.
        isolated_us: the isolation.
    """

    onset_us: int | None = None
    sampled_us: int | None = None
    isolated_us: int | None = None

    @property
    def known(self) -> bool:
        """Whether there is an onset or a sample to count a window from."""
        return self.onset_us is not None or self.sampled_us is not None


@dataclass(frozen=True)
class Window:
    """The instants [start_us, end_us), microseconds UTC; empty when it ends before it begins.

    Example:
        >>> Window(10, 20).meets(19, 30), Window(10, 20).meets(20, 30), Window(20, 10).empty
        (True, False, True)
    """

    start_us: int
    end_us: int

    @property
    def empty(self) -> bool:
        """Whether it holds no instant, as of a case that was isolated before it could infect."""
        return self.end_us <= self.start_us

    def meets(self, enter_us: int, exit_us: int) -> bool:
        """Return whether [enter_us, exit_us) shares an instant with it; touching does not count."""
        return max(self.start_us, enter_us) < min(self.end_us, exit_us)


def infectious_window(times: CaseTimes, infectious: Infectious, until_us: int) -> Window:
    """Compute the window of a case under a rule pack.

    It begins `days_before_onset` before the onset, or without one `days_before_sample` before the sample. It
    ends at the earliest of the isolation, `days_after` after that same onset or sample, and `until_us`.

    Args:
        times: the dates of the case.
        infectious: the pack's days, of 86,400 s each.
        until_us: how far the lake, or the question, reaches; microseconds UTC.

    Raises:
        DataError: the case has neither onset nor sample.
    """
    start_us = anchor_us(times) - _days_us(_days_before(times, infectious))
    ends = [until_us]
    if times.isolated_us is not None:
        ends.append(times.isolated_us)
    if infectious.days_after is not None:
        ends.append(anchor_us(times) + _days_us(infectious.days_after))
    return Window(start_us, min(ends))


def source_window(times: CaseTimes, infectious: Infectious, back_days: float) -> Window:
    """Compute when a case may have been infected: `back_days` before onset until it becomes infectious.

    Args:
        times: the dates of the case; without an onset its sample counts.
        infectious: the pack's days.
        back_days: days of 86,400 s.

    Raises:
        DataError: the case has neither onset nor sample.
    """
    # Neither isolation nor `--until` ends it: infection came before both.
    anchor = anchor_us(times)
    return Window(anchor - _days_us(back_days), anchor - _days_us(_days_before(times, infectious)))


def check_back_days(days: float) -> None:
    """Refuse what is not a length of time.

    Raises:
        UsageError: it is negative, not a number, or more than a century.
    """
    if not (math.isfinite(days) and 0 <= days <= _BACK_DAYS_AT_MOST):
        raise UsageError(
            f"--back-days must be a number from 0 to {_BACK_DAYS_AT_MOST:g}", "try --back-days 14"
        )


def anchor_us(times: CaseTimes) -> int:
    """Return the instant that a window is counted from: the onset, else the sample.

    Raises:
        DataError: the case has neither.
    """
    # Not `onset_us or sampled_us`: 0 is an instant.
    for known in (times.onset_us, times.sampled_us):
        if known is not None:
            return known
    raise DataError(
        "--case names a case with neither onset nor sample",
        "its infectious window has no beginning; add onset_at or sampled_at to the case",
    )


def outside_validity(times: CaseTimes, rule: Rule) -> str | None:
    """Return a sentence if the case lies outside the dates for which the rule was made, else None.

    Raises:
        DataError: the case has neither onset nor sample.
    """
    anchor = anchor_us(times)
    if anchor < _midnight_us(rule.valid_from):
        return f"the case is older than rule {rule.id}, which is valid from {rule.valid_from.isoformat()}"
    # `valid_to` is the last day that counts.
    if rule.valid_to is not None and anchor >= _midnight_us(rule.valid_to) + DAY_US:
        return f"the case is newer than rule {rule.id}, which is valid to {rule.valid_to.isoformat()}"
    return None


def local_midnight_us(instant_us: int) -> int:
    """Return the start of the local day that holds an instant."""
    day = dt.datetime.fromtimestamp(instant_us // 1_000_000, LOCAL_TIMEZONE).date()
    return _midnight_us(day)


def _days_before(times: CaseTimes, infectious: Infectious) -> float:
    return infectious.days_before_sample if times.onset_us is None else infectious.days_before_onset


def _days_us(days: float) -> int:
    return round(min(days, _DAYS_AT_MOST) * DAY_US)


def _midnight_us(day: dt.date) -> int:
    """Return the start of a local day, which is always 86,400 s long: Vietnam has no summer time."""
    begin = dt.datetime.combine(day, dt.time(), LOCAL_TIMEZONE)
    return (begin - EPOCH) // dt.timedelta(microseconds=1)
