"""Write dates of `contacts` and `crowds`, and rewrite them when stays change: plan, run, retry."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.errors import ServiceError
from pipelines.graph.contact_table.plan import (
    USUAL,
    ContactPlan,
    Limits,
    PartSizes,
    commit_dates,
    held_limits,
    make_plan,
)
from pipelines.graph.contact_table.transforms import ContactsResult, WriteDates
from pipelines.lake import CommitConflict, Lake, storage
from pipelines.lake.writer_lock import writing_with_others
from pipelines.runtime.job_result import run_job
from pipelines.windowing.recompute_stays import recompute

_ATTEMPTS = 8


@dataclass(frozen=True)
class Materialised:
    """What was written.

    Example:
        >>> Materialised(dates=(18809,), contacts=12)
        Materialised(dates=(18809,), contacts=12, crowds=0)

    Attributes:
        dates: day numbers of the dates that were written.
        contacts: rows of `contacts` that they hold.
        crowds: rows of `crowds` that they hold.
    """

    dates: tuple[int, ...] = ()
    contacts: int = 0
    crowds: int = 0


def materialise(
    lake: Lake,
    dates: Sequence[int],
    limits: Limits | None = None,
    *,
    runner: str = "direct",
    sizes: PartSizes = USUAL,
) -> Materialised:
    """Write the contacts and crowds of dates, after bringing stays up to the scans.

    Args:
        lake: the lake.
        dates: day numbers.
        limits: of all contacts of the lake; if they differ from the lake's, all its dates are
            rewritten. None keeps them.
        runner: the name of the Beam runner.
        sizes: of what the workers get and write.

    Raises:
        RefusedError: the stays were made with another version of `stays.toml`.
        DataError: a data file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers kept committing.
    """
    with writing_with_others(lake):
        recompute(lake, runner=runner)
        return _write(lake, dates, limits or held_limits(lake) or Limits(), False, runner, sizes)


def refresh(
    lake: Lake, *, everything: bool = False, runner: str = "direct", sizes: PartSizes = USUAL
) -> Materialised:
    """Rewrite the dates that the newest stays may change, or all that the lake holds.

    The same errors as `materialise`.
    """
    limits = held_limits(lake)
    return Materialised() if limits is None else _write(lake, (), limits, everything, runner, sizes)


def _write(
    lake: Lake, dates: Sequence[int], limits: Limits, everything: bool, runner: str, sizes: PartSizes
) -> Materialised:
    """Plan and run until a plan is committed before anybody else commits."""
    for _ in range(_ATTEMPTS):
        try:
            plan = make_plan(lake, dates, limits, everything=everything, sizes=sizes)
        except CommitConflict:
            # `stays` and `footfall` disagree: somebody is writing them, or died between the two commits.
            recompute(lake, runner=runner)
            continue
        result = carry_out(plan, runner)
        if result.is_final:
            return Materialised(plan.dates, result.contacts, result.crowds)
    raise ServiceError("other writers keep changing the contacts", "run it again when they have finished")


def carry_out(plan: ContactPlan, runner: str) -> ContactsResult:
    """Carry out one plan and return what it did."""
    if not plan.dates:
        return _only_marks(plan)
    name = f"contacts-{os.getpid()}-{os.urandom(4).hex()}"
    scratch = plan.lake.scratch(name, shared=runner != "direct")
    try:
        return run_job(
            lambda begin: begin | "Contacts" >> WriteDates(plan, scratch), scratch, runner, ContactsResult
        )
    finally:
        storage.remove_all(scratch)


def _only_marks(plan: ContactPlan) -> ContactsResult:
    """Record that the contacts reflect the new versions, where no date changes; nothing if they say so."""
    if not plan.is_idle:
        try:
            commit_dates(plan, [])
        except CommitConflict:
            return ContactsResult(conflict=True)
    return ContactsResult()
