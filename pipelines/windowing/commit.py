"""The commits of a recomputation: long pairs and footfall first, then both orders of the stays at once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from pipelines.errors import DataError
from pipelines.lake import (
    CommitConflict,
    DataFile,
    Lake,
    LiveFile,
    Snapshot,
    commit,
    snapshot,
    write_data_file,
)
from pipelines.lake.snapshots import MARKS
from pipelines.windowing.find_long_pairs import NO_FINDINGS, PairFindings
from pipelines.windowing.long_pairs import LONG_PAIRS_VERSION, uncoded_pairs
from pipelines.windowing.plan import FOOTFALL_VERSION, RecomputePlan, date_of
from pipelines.windowing.rewrite_days import Rewritten
from pipelines.windowing.settle_long_pairs import settled_pairs
from schemas.tables import LONG_PAIRS


def commit_days(
    plan: RecomputePlan, rewritten: Sequence[Rewritten], pairs: PairFindings = NO_FINDINGS
) -> int:
    """Make the rewritten dates visible.

    The stays come last: the version of `scans` that they name is where the
    next recomputation begins.

    Returns:
        The version of `stays`.

    Raises:
        CommitConflict: another commit came between.
        DataError: a file that long pairs depend on cannot be read.
        ServiceError: the lake cannot be written.
    """
    # A run that dies in between leaves `footfall` ahead of `stays`, which the next plan sees by its marks;
    # of long pairs the version that `stays` names is the one that counts.
    marks = plan.marks | _commit_pairs(plan, pairs)
    footfall_version = _commit(plan, "footfall", plan.footfall, rewritten, marks)
    return _commit(plan, "stays", plan.stays, rewritten, {**marks, FOOTFALL_VERSION: footfall_version})


def _commit_pairs(plan: RecomputePlan, pairs: PairFindings) -> dict[str, int]:
    """Commit the long pairs where they change; the mark that names their version, if there is one."""
    version = plan.pairs_version
    rows = settled_pairs(plan, pairs)
    if rows is not None:
        # One file, rewritten whole: long pairs are few. None of no rows, which `write_data_file` refuses.
        files = [write_data_file(plan.lake, LONG_PAIRS, {}, uncoded_pairs(rows))] if rows.num_rows else []
        live = plan.long_pairs
        version = commit_once(plan.lake, LONG_PAIRS.name, files, remove=live.files, live=live, marks={})
    return {} if version < 0 else {LONG_PAIRS_VERSION: version}


def _commit(
    plan: RecomputePlan, table: str, live: Snapshot, rewritten: Sequence[Rewritten], marks: dict[str, int]
) -> int:
    """Replace the files of the rewritten dates, or all of them in a rebuild."""
    own = [part for part in rewritten if part.table == table]
    dates = {part.date for part in own}
    return commit_once(
        plan.lake,
        table,
        # Sorted, so that the log does not tell in which order the parts were done.
        sorted((file for part in own for file in part.files), key=lambda file: file.path),
        # A file that is written again with the same content has the same name, and stays.
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
    """Commit after the version `live`, or find that it has been done: a runner may start a step twice.

    Returns:
        The version that holds it.

    Raises:
        CommitConflict: another commit came between.
        ServiceError: the lake cannot be written.
    """
    try:
        return commit(lake, table, add, remove=remove, after=live.version, marks=marks)
    except CommitConflict:
        # Did an earlier attempt of this step make that version? Then its files and marks are these.
        gone = {file.relative for file in remove}
        expected = {file.relative for file in live.files} - gone | {file.path for file in add}
        with suppress(DataError):
            found = snapshot(lake, table, live.version + 1)
            # A snapshot knows these marks only.
            known = {name: number for name, number in marks.items() if name in MARKS}
            if {file.relative for file in found.files} == expected and known.items() <= found.marks.items():
                return found.version
        raise
