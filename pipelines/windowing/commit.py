"""The commits of a recomputation: footfall first, then both orders of the stays at once."""

from collections.abc import Sequence

from pipelines.lake import Snapshot, commit
from pipelines.windowing.days import Rewritten
from pipelines.windowing.plan import FOOTFALL_VERSION, Plan, date_of


def commit_days(plan: Plan, rewritten: Sequence[Rewritten]) -> int:
    """Make the rewritten dates visible.

    The stays come last: the version of `scans` that they name is where the
    next recomputation begins.

    Returns:
        The version of `stays`.

    Raises:
        CommitConflict: another commit came between.
        ServiceError: the lake cannot be written.
    """
    footfall_version = _commit(plan, "footfall", plan.footfall, rewritten, plan.marks)
    marks = {**plan.marks, FOOTFALL_VERSION: footfall_version}
    return _commit(plan, "stays", plan.stays, rewritten, marks)


def _commit(
    plan: Plan, table: str, live: Snapshot, rewritten: Sequence[Rewritten], marks: dict[str, int]
) -> int:
    """Replace the files of the rewritten dates, or all in a rebuild."""
    own = [part for part in rewritten if part.table == table]
    dates = {part.date for part in own}
    return commit(
        plan.lake,
        table,
        sorted((file for part in own for file in part.files), key=lambda file: file.path),
        remove=[file for file in live.files if plan.is_rebuild or date_of(file) in dates],
        after=live.version,
        marks=marks,
    )
