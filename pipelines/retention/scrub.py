"""Taking what was removed off the disk: old log entries and checkpoints, replaced files, scratch.

A cut keeps one entry and its checkpoint below itself, so tables that reflect that version catch up from it.
"""

import time
from collections.abc import Iterator
from typing import Final

from pipelines.errors import ServiceError
from pipelines.lake import NO_TABLE, CommitConflict, Lake, commit, mark, snapshot
from pipelines.lake.checkpoints import write_checkpoint
from pipelines.lake.log import checkpoints, commit_info, file_hash, log_entry, read_entry, versions
from pipelines.lake.log_cut import Cut, remove_cut
from pipelines.maintenance.compact import move_mark
from pipelines.maintenance.vacuum import sweep, sweep_scratch
from schemas.tables import ALL_TABLES

SCRUBBED_MARK: Final = "scrubbed"
"""The mark of each table that says up to which purge or erasure its log has been cut."""

_ATTEMPTS = 8


def cut_history(lake: Lake, name: str, number: int, *, followed_by: tuple[str, ...] = ()) -> None:
    """Cut the log of a table down to its newest versions.

    Args:
        lake: which lake.
        name: which table.
        number: of the purge or erasure.
        followed_by: tables whose mark `<name>_version` moves along.

    Raises:
        DataError: the log is damaged.
        ServiceError: the lake cannot be written, or others keep committing.
    """
    url = lake.table_url(name)
    if snapshot(lake, name).version == NO_TABLE:
        return
    # Announced once per purge or erasure; a repeated call only removes what is left.
    if (mark(lake, name, SCRUBBED_MARK) or 0) < number:
        before, after = _announced(lake, name, number)
        # The commit changes no row, so followers of the old version reflect the new one.
        for follower in followed_by:
            move_mark(lake, follower, f"{name}_version", before, after)
    kept = versions(url)
    # Cuts of earlier commands may be announced in the same log; the last one covers them.
    last_cut = max((cut.version for cut in _cuts(url, kept)), default=-1)
    for cut in _cuts(url, kept):
        if cut.version == last_cut:
            remove_cut(url, cut)  # nothing to do unless an earlier command was killed here
    # `remove_cut` skips what it cannot remove, but here nothing may be left.
    if versions(url)[0] <= last_cut:
        raise ServiceError(f"old entries of the log of {url} cannot be removed", "check its rights")


def _announced(lake: Lake, name: str, number: int) -> tuple[int, int]:
    """Commit a cut below the newest version; return that version and the one of the commit.

    Raises:
        ServiceError: the checkpoint cannot be written, or others keep committing.
    """
    url = lake.table_url(name)
    for _ in range(_ATTEMPTS):
        version = snapshot(lake, name).version
        # Entries below it go, so readers need a checkpoint at this version.
        if version not in checkpoints(url) and not write_checkpoint(lake, name, version):
            raise ServiceError(f"the log of {url} cannot be written", "check its space and rights")
        # Below the first entry there is nothing to cut.
        sha256 = file_hash(log_entry(url, version - 1)) if version else None
        cut = Cut(version - 1, sha256) if sha256 else None
        try:
            after = commit(
                lake,
                name,
                [],
                after=version,
                marks={SCRUBBED_MARK: number},
                note={"reason": "forget"},
                cut=cut,
            )
        except CommitConflict:
            continue
        return version, after
    raise ServiceError(f"other writers keep changing {name}", "run it again when they are done")


def _cuts(url: str, kept: list[int]) -> Iterator[Cut]:
    """Yield the cuts that the log announces."""
    for version in kept:
        cut = Cut.announced(commit_info(read_entry(log_entry(url, version))))
        if cut is not None:
            yield cut


def sweep_all(lake: Lake, begun: float) -> int:
    """Remove every file that no table needs and that was written before an instant.

    Args:
        lake: which lake.
        begun: seconds since 1970.

    Returns:
        The number of files removed.
    """
    swept = 0
    for name in ALL_TABLES:
        # An age that reaches back to `begun`: younger files are this command's own.
        swept += sweep(lake, name, time.time() - begun, left_seconds=0)
    sweep_scratch(lake, time.time() - begun)
    return swept
