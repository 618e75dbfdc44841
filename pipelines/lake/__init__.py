"""The lake: sorted Arrow rows in; versions of Delta tables, made by one atomic commit, out.

Data files are named by their SHA-256, and readers take them from the log: what a killed process leaves
behind is inert, and a flipped bit is found before it changes an answer. Log entries hash one another.
Refused: other keys than the lake's own, a commit that another one preceded, a disk that is full or read-only,
a file that is damaged or may not be read.

The commit protocol is our own, on top of delta-rs: that library writes no file durably, names files by
chance, keeps no checksums, and sorts nothing (`write_deltalake`, `optimize` and `vacuum` are not used).
"""

from pipelines.lake.commits import CommitConflict, commit
from pipelines.lake.data_files import DataFile, write_data_file
from pipelines.lake.lake_root import Lake, LakeLike, is_lake, open_lake, opened
from pipelines.lake.read_rows import read_live_file, read_table
from pipelines.lake.snapshots import MARKS, NO_TABLE, LiveFile, OfNewest, Snapshot, mark, snapshot
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
