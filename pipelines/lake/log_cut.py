"""Cut the log: the oldest entries go once a checkpoint stands for them.

A stream commits every few seconds, and each commit leaves an entry. When the
log is long, a commit announces the cut in its own entry and then removes the
entries and checkpoints below a checkpoint. The announcement names the last
version that goes and its hash, so `truyvet verify` tells a cut from a loss, and
a process that is killed in between has only left something to remove.

delta-rs has `cleanup_metadata`, which is not used: it goes by modification times and a
table property, has cut below the checkpoint that readers needed (delta-rs#2180,
delta-rs#3692), and announces nothing.
"""

import contextlib
import time
from dataclasses import dataclass

from pipelines.errors import ServiceError, TruyVetError
from pipelines.lake import storage
from pipelines.lake.checkpoints import CHECKPOINT_EVERY
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import checkpoint_file, checkpoints, file_hash, log_entry, versions
from pipelines.lake.snapshots import NO_TABLE, mark
from schemas.tables import ALL_TABLES

LONG_LOG = 10 * CHECKPOINT_EVERY
"""Number of entries below a checkpoint from which on they are cut."""

KEEP_LOG_SECONDS = 24 * 60 * 60
"""Age that an entry must have: readers of older versions and running pipelines may take as long."""

CUT_VERSION = "cut_version"
CUT_HASH = "cut_sha256"


@dataclass(frozen=True)
class Cut:
    """The entries up to and including a version, which leave the log.

    >>> Cut.announced({"cut_version": "199", "cut_sha256": "ab"})
    Cut(version=199, sha256='ab')

    Attributes:
        version: the last one that leaves.
        sha256: of its entry's file.
    """

    version: int
    sha256: str

    def note(self) -> dict[str, str]:
        """Return what the entry that announces the cut says."""
        return {CUT_VERSION: str(self.version), CUT_HASH: self.sha256}

    @classmethod
    def announced(cls, said: dict[str, object]) -> "Cut | None":
        """Return the cut that a `commitInfo` announces, if any."""
        version, sha256 = str(said.get(CUT_VERSION, "")), said.get(CUT_HASH)
        if not version.isdecimal() or not isinstance(sha256, str):
            return None
        return cls(int(version), sha256)


def due_cut(lake: Lake, name: str, after: int) -> Cut | None:
    """Return the cut that the commit after a version should announce, if one is due.

    Looks only behind a checkpoint, since it lists the log. The commit does
    not fail if that listing fails.
    """
    if after % CHECKPOINT_EVERY != CHECKPOINT_EVERY - 1:
        return None
    with contextlib.suppress(TruyVetError, OSError):
        return find_cut(lake, name)
    return None


def find_cut(
    lake: Lake, name: str, keep_seconds: float = KEEP_LOG_SECONDS, long_log: int = LONG_LOG
) -> Cut | None:
    """Return the largest cut that a table's log allows, None if there is too little to cut.

    Versions that another table still reflects are kept: it catches up from there.

    Args:
        lake: which lake.
        name: which table.
        keep_seconds: entries younger than this are kept.
        long_log: at least this many entries must go.

    Raises:
        DataError: the log of a table is damaged.
        OSError: the log cannot be read.
    """
    url = lake.table_url(name)
    kept = versions(url)
    first = kept[0] if kept else 0
    # A cut ends right below a checkpoint, where later versions are read from.
    candidates = [version for version in checkpoints(url) if version - first >= max(long_log, 1)]
    if not candidates:
        return None
    # The oldest version that some table still has to catch up from.
    marks = (mark(lake, other, f"{name}_version") for other in ALL_TABLES)
    oldest_needed = min((version for version in marks if version not in (None, NO_TABLE)), default=kept[-1])
    before = time.time() - keep_seconds
    # Largest cut first. The last entry to go is the youngest, so its age decides.
    for version in reversed(candidates):
        last = log_entry(url, version - 1)
        found = storage.status(last)
        if version <= oldest_needed and found is not None and found.modified_ns < before * 1e9:
            sha256 = file_hash(last)
            # No hash: another process has cut the entry meanwhile.
            return Cut(version - 1, sha256) if sha256 else None
    return None


def remove_cut(url: str, cut: Cut) -> None:
    """Remove what an announced cut covers, oldest first, so that a kill leaves a log without holes.

    What cannot be removed stays, and goes with the next cut.
    """
    gone = [checkpoint_file(url, version) for version in checkpoints(url) if version <= cut.version]
    gone += [log_entry(url, version) for version in versions(url) if version <= cut.version]
    with contextlib.suppress(OSError, ServiceError):
        storage.remove_each(gone)
