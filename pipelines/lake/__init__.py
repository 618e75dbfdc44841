"""The lake: sorted Arrow rows in; versions of Delta tables, made by one atomic commit, out.

Data files are named by their SHA-256 and readers take them from the log: what a kill leaves behind is inert.
Refused: other keys than the lake's own, a commit that another came before, a disk that is full or read-only.
"""

from pipelines.lake.commits import CommitConflict, commit
from pipelines.lake.data_files import DataFile, write_data_file
from pipelines.lake.lake_root import Lake, LakeLike, is_lake, open_lake, opened
from pipelines.lake.snapshots import (
    MARKS,
    NO_TABLE,
    LiveFile,
    OfNewest,
    Snapshot,
    mark,
    read_live_file,
    read_table,
    snapshot,
)
from pipelines.lake.statistics import Statistics

__all__ = [
    "MARKS",
    "NO_TABLE",
    "CommitConflict",
    "DataFile",
    "Lake",
    "LakeLike",
    "LiveFile",
    "OfNewest",
    "Snapshot",
    "Statistics",
    "commit",
    "is_lake",
    "mark",
    "open_lake",
    "opened",
    "read_live_file",
    "read_table",
    "snapshot",
    "write_data_file",
]
