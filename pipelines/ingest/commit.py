"""Commit a batch: everything it refused, sealed and accepted, the scans last.

The commit of `scans` decides. The commits before it (vault, rejects, registry,
tables kept by date) do no harm without it, so a batch that died in between is
simply run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipelines.ingest.reference_tables import Source, UpsertedInput, upsert
from pipelines.ingest.vault_backlog import sealed_once
from pipelines.lake import CommitConflict, DataFile, Lake, commit, mark, read_table, snapshot, write_data_file
from pipelines.lake.forgotten import read_forgotten
from pipelines.runtime.side_payload import SidePayload


@dataclass(frozen=True)
class Upsert(SidePayload):
    """An input that is upserted by key, and what has been read of it."""

    source: Source
    other: UpsertedInput

    def rows_alone(self) -> "Upsert":
        """Return a copy without refused records and identifiers: those must stay in the launching process."""
        no_tokens = self.other.tokens[:0]
        rows = replace(self.other, refused=[], refused_at=[], notes=(), tokens=no_tokens, identifiers=[])
        return Upsert(self.source, rows)


@dataclass(frozen=True)
class Batch:
    """What one invocation adds to the lake.

    >>> Batch("5f2c", base=4, files={}).mark
    'batch:5f2c'

    Attributes:
        id: names the invocation, or the series that `number` counts; a retried commit finds it.
        base: the version of `scans` that was deduplicated against.
        files: new files by table.
        upserts: what the inputs beside scans say.
        note: what the log of `scans` says about the batch; counts only.
        number: of a series of batches that are committed in its order.
        bases: the version of each table kept by date that was deduplicated against, beside `scans`.
        forgotten: the number of purges and erasures whose records were refused.
    """

    id: str
    base: int
    files: Mapping[str, Sequence[DataFile]]
    upserts: Sequence[Upsert] = ()
    note: Mapping[str, str] = field(default_factory=dict)
    number: int = 1
    bases: Mapping[str, int] = field(default_factory=dict)
    forgotten: int = 0

    @property
    def mark(self) -> str:
        """The name of the Delta transaction."""
        return f"batch:{self.id}"

    @property
    def of_series(self) -> bool:
        """Tell whether `scans` must record the batch even without scans, for the next one builds on it."""
        return self.number > 1

    def is_in(self, lake: Lake, table: str) -> bool:
        """Tell whether a table holds the batch already."""
        known = mark(lake, table, self.mark)
        # Numbers of a series ascend, so a later one stands for all before it.
        return known is not None and known >= self.number


def commit_batch(lake: Lake, batch: Batch) -> tuple[int, bool]:
    """Commit a batch once, however often it is called.

    Returns:
        A version of `scans` that holds the batch, and whether it was this call that committed it.

    Raises:
        CommitConflict: another commit of a table that was deduplicated against came between, or a purge
            or an erasure; deduplicate again. The tables of `bases` may hold the batch already, see `is_in`.
    """
    version, own = _commit_scans(lake, batch)
    _append(lake, "retries", batch)  # not before: a scan counts as accepted when the lake holds it
    return version, own


def _commit_scans(lake: Lake, batch: Batch) -> tuple[int, bool]:
    """Make the commits up to that of `scans`; the same result and errors."""
    if batch.is_in(lake, "scans"):
        return snapshot(lake, "scans").version, False
    if read_forgotten(lake).number != batch.forgotten:
        # A purge or an erasure began meanwhile: what it forgets must not be committed behind it.
        raise CommitConflict("scans")
    # Fail early: the commits below would find the conflict too, but after others were made.
    for table, base in {"scans": batch.base, **batch.bases}.items():
        if snapshot(lake, table).version != base and not batch.is_in(lake, table):
            raise CommitConflict(table)
    # Before the scans: no accepted person may be missing in the vault. Alone these rows do no harm.
    for table in ("vault", "rejects"):
        _append(lake, table, batch)
    for given in batch.upserts:
        _upsert(lake, given)
    for table, base in batch.bases.items():
        # The table may hold the batch already, from an earlier run of this step.
        if batch.files.get(table) and not batch.is_in(lake, table):
            commit(lake, table, batch.files[table], after=base, marks={batch.mark: batch.number})
    scans = batch.files.get("scans", ())
    # No empty version, except where the next batch of the series looks for this one's mark.
    if not scans and batch.base >= 0 and not batch.of_series:
        return batch.base, True
    marks = {batch.mark: batch.number}
    try:
        return commit(lake, "scans", scans, after=batch.base, marks=marks, note=batch.note), True
    except CommitConflict:
        if batch.is_in(lake, "scans"):  # another machine, or the same step that was started twice
            return snapshot(lake, "scans").version, False
        raise


def _append(lake: Lake, table: str, batch: Batch) -> None:
    """Add a batch's files to a table whose order does not matter; to the vault each person once."""
    files = batch.files.get(table, ())
    # Rows of these tables do not depend on others: after a conflict append to the newest version.
    while files and not batch.is_in(lake, table):
        after = snapshot(lake, table).version
        if table == "vault":
            files = sealed_once(lake, files, after)
        try:
            if files:
                commit(lake, table, files, after=after, marks={batch.mark: batch.number})
        except CommitConflict:
            continue


def _upsert(lake: Lake, given: Upsert) -> None:
    """Rewrite a small table with the newest rows, unless there are none."""
    table = given.source.table
    # Without rows too if the table does not exist: a first, empty version is made.
    while given.other.rows.num_rows or snapshot(lake, table.name).version < 0:
        before = snapshot(lake, table.name)
        # The version that is replaced, not the newest: a commit between the two must be a conflict.
        held = read_table(lake, table.name, version=before.version)
        rows = upsert(held, given.other, given.source)
        # The whole table is one file, written again; the old files leave in the same commit.
        files = [write_data_file(lake, table, {}, rows)] if rows.num_rows else []
        try:
            commit(lake, table.name, files, remove=before.files, after=before.version)
        except CommitConflict:
            continue
        return
