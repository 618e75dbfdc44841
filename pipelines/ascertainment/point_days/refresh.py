"""Bring `point_days` up to date with the scans: plan, run, retry."""

import os

from pipelines.ascertainment.point_days.plan import PointDaysPlan, commit_days, is_kept, make_plan
from pipelines.errors import ServiceError
from pipelines.lake import CommitConflict, Lake, storage
from pipelines.runtime.job_result import run_job

_ATTEMPTS = 8


def refresh_point_days(
    lake: Lake, *, begin: bool = False, everything: bool = False, runner: str = "direct"
) -> None:
    """Count the local days whose scans have changed; a lake that has not asked for the table is left alone.

    Args:
        lake: the lake.
        begin: make the table if there is none.
        everything: count all days.
        runner: the name of the Beam runner.

    Raises:
        DataError: a data file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers keep committing.
    """
    if not (begin or is_kept(lake)):
        return
    # Another writer's commit makes the plan stale: it is made again from the newest versions.
    for _ in range(_ATTEMPTS):
        plan = make_plan(lake, everything=everything)
        if plan.is_idle or _is_carried_out(plan, runner):
            return
    raise ServiceError("other writers keep changing the scans", "run truyvet recompute when they are done")


def _is_carried_out(plan: PointDaysPlan, runner: str) -> bool:
    """Carry out one plan and return whether it was committed."""
    # Scans changed and no day did: only the mark is moved on, without a job.
    if not plan.days:
        try:
            commit_days(plan, [])
        except CommitConflict:
            return False
        return True
    # Here: a lake without the table, and a question, should not wait for Beam.
    from pipelines.ascertainment.point_days.transforms import CountDays, PointDaysResult

    # A name of its own: two runs must not share, or clean up, each other's folder.
    name = f"point-days-{os.getpid()}-{os.urandom(4).hex()}"
    scratch = plan.lake.scratch(name, shared=runner != "direct")
    try:
        return run_job(
            lambda begin: begin | "Point days" >> CountDays(plan, scratch), scratch, runner, PointDaysResult
        ).is_final
    finally:
        storage.remove_all(scratch)
