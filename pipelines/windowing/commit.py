"""The commits of a recomputation: footfall first, then both orders of the stays at once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from pipelines.errors import DataError
from pipelines.lake import CommitConflict, DataFile, Lake, LiveFile, Snapshot, commit, snapshot
from pipelines.lake.snapshots import MARKS
from pipelines.windowing.plan import FOOTFALL_VERSION, RecomputePlan, date_of
from pipelines.windowing.rewrite_days import Rewritten


def commit_days(plan: RecomputePlan, rewritten: Sequence[Rewritten]) -> int:
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
    plan: RecomputePlan, table: str, live: Snapshot, rewritten: Sequence[Rewritten], marks: dict[str, int]
) -> int:
    """Replace the files of the rewritten dates, or all in a rebuild."""
    own = [part for part in rewritten if part.table == table]
    dates = {part.date for part in own}
    return commit_once(
        plan.lake,
        table,
        sorted((file for part in own for file in part.files), key=lambda file: file.path),
        remove=[file for file in live.files if plan.is_rebuild or date_of(file) in dates],
        live=live,
        marks=marks,
    )


def commit_once(
    lake: Lake,
    table: str,
    add: Sequence[DataFile],
    *,
    remove: Sequence[LiveFile],
    live: Snapshot,
    marks: Mapping[str, int],
) -> int:
    """Commit after the version `live`, or find that this has been done: a runner may start a step twice.

    Returns:
        The version that holds it.

    Raises:
        CommitConflict: another commit came between.
        ServiceError: the lake cannot be written.
    """
    try:
        return commit(lake, table, add, remove=remove, after=live.version, marks=marks)
    except CommitConflict:
        gone = {file.relative for file in remove}
        expected = {file.relative for file in live.files} - gone | {file.path for file in add}
        with suppress(DataError):
            found = snapshot(lake, table, live.version + 1)
            known = {name: number for name, number in marks.items() if name in MARKS}
            if {file.relative for file in found.files} == expected and known.items() <= found.marks.items():
                return found.version
        raise
