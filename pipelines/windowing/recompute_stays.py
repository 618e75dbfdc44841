"""Bring `stays` and `footfall` up to date with the scans and the registry: plan, run, retry."""

import os
from dataclasses import dataclass, replace

from pipelines.errors import ServiceError
from pipelines.lake import CommitConflict, Lake, snapshot, storage
from pipelines.lake.durable_files import writing
from pipelines.runtime.job_result import run_job
from pipelines.windowing.commit import commit_days
from pipelines.windowing.footfall import WINDOW_US
from pipelines.windowing.lake_stay_rules import check_stay_rules, stay_rules_of
from pipelines.windowing.plan import RecomputePlan, make_plan
from pipelines.windowing.recompute_result import RecomputeResult
from pipelines.windowing.transforms import RecomputeDays
from schemas.stay_rules import StayRules

_ATTEMPTS = 8


@dataclass(frozen=True)
class Recomputed:
    """What a recomputation did; counters are named as in `pipelines.metrics`.

    >>> Recomputed(stays_version=4, dates=(18809,), changed_persons=1, stays_added=2).stays_removed
    0

    Attributes:
        stays_version: the version of `scans` that `stays` now reflects.
        dates: day numbers of the dates that were rewritten.
        changed_persons: persons whose scans were paired again.
        stays_added: stays added; in a rebuild, all.
        stays_removed: stays removed; in a rebuild, all that there were.
        stays_cut_short: added stays that end at a scan elsewhere.
        conflicted_commits: attempts lost to another commit.
        widened: attempts repeated with more dates.
    """

    stays_version: int
    dates: tuple[int, ...] = ()
    changed_persons: int = 0
    stays_added: int = 0
    stays_removed: int = 0
    stays_cut_short: int = 0
    conflicted_commits: int = 0
    widened: int = 0


def recompute(
    lake: Lake,
    *,
    everything: bool = False,
    rules: StayRules | None = None,
    runner: str = "direct",
    window_us: int = WINDOW_US,
) -> Recomputed:
    """Bring `stays` and `footfall` up to the lake's newest scans and registry.

    Args:
        lake: the lake.
        everything: rewrite all dates with these rules.
        rules: the durations; None are the lake's own, by default the shipped ones.
        runner: the name of the Beam runner.
        window_us: length of a footfall window; one lake has one.

    Raises:
        RefusedError: the stays were made with other durations, and not everything is rewritten.
        DataError: a data file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers keep committing.
    """
    rules = rules or stay_rules_of(lake)
    conflicts = widened = 0
    margin = 1
    while conflicts < _ATTEMPTS:
        # Within the loop: a writer that wins may have pinned other durations.
        if not everything:
            check_stay_rules(lake, rules)
        plan = make_plan(lake, rules, everything=everything, margin=margin)
        # A lake that never had a scan gets no tables.
        if plan.is_idle or (plan.scans_version < 0 and plan.stays.version < 0):
            return Recomputed(max(plan.scans_version, 0), conflicted_commits=conflicts)
        result = _attempt(plan, runner, window_us)
        if result.is_final:
            return _recomputed(plan, result, conflicts, widened)
        if result.conflict:
            conflicts += 1
        else:
            widened += 1
            # A changed stay may depend on scans of dates that were not read: look twice as far.
            margin *= 2
    raise ServiceError("other writers keep changing the stays", "run truyvet recompute when they are done")


def _attempt(plan: RecomputePlan, runner: str, window_us: int) -> RecomputeResult:
    """Carry out one plan and return what it did."""
    if not (plan.changed or plan.recounted or plan.is_rebuild):
        return _only_marks(plan)
    name = f"recompute-{os.getpid()}-{os.urandom(4).hex()}"
    scratch = plan.lake.scratch(name, shared=runner != "direct")
    try:
        with writing(scratch):
            # A registry may exceed what a runner takes as the description of a job.
            plan = replace(plan, registries=plan.registries.store_in(scratch))
        return run_job(
            lambda begin: begin | "Recompute" >> RecomputeDays(plan, scratch, window_us),
            scratch,
            runner,
            RecomputeResult,
        )
    finally:
        storage.remove_all(scratch)


def _only_marks(plan: RecomputePlan) -> RecomputeResult:
    """Record that the stays reflect newer versions, when nothing else changed."""
    try:
        commit_days(plan, [])
    except CommitConflict:
        return RecomputeResult(conflict=True)
    return RecomputeResult()


def _recomputed(plan: RecomputePlan, result: RecomputeResult, conflicts: int, widened: int) -> Recomputed:
    # One of the two orders, or every stay would count twice.
    before = sum(file.rows for file in plan.stays.files if file.partition["by"] == "venue")
    return Recomputed(
        stays_version=plan.scans_version,
        dates=tuple(result.dates),
        changed_persons=result.persons,
        stays_added=result.added,
        stays_removed=before if plan.is_rebuild else result.removed,
        stays_cut_short=result.cut_short,
        conflicted_commits=conflicts,
        widened=widened,
    )


def stays_version(lake: Lake) -> int:
    """Return the version of `scans` that `stays` reflects; -1 when there are no stays."""
    return snapshot(lake, "stays").marks.get("scans_version", -1)
