"""`truyvet compact`: join small files of the lake and remove files that are no longer needed."""

import argparse

import pyarrow as pa

from pipelines.errors import EXIT_DONE, UsageError
from pipelines.lake.lake_root import open_lake
from pipelines.maintenance.compact import Compacted, compact
from pipelines.maintenance.vacuum import KEEP_SECONDS
from pipelines.terminal.options import add_lake, add_output
from pipelines.terminal.output import write_rows
from pipelines.terminal.progress import progress
from schemas.tables import ALL_TABLES

EXAMPLE = """
truyvet compact --lake data/lake
"""

_HOUR_SECONDS = 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--lake`, `--keep-hours` and the output flags."""
    add_lake(parser)
    parser.add_argument(
        "--keep-hours",
        metavar="N",
        type=float,
        default=KEEP_SECONDS / _HOUR_SECONDS,
        help="keep replaced files this long, for readers of older versions and for other runs (default: 24)",
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write one row for each table: files before and after, and files removed.

    Raises:
        UsageError: `--keep-hours` is not a duration.
        RefusedError: stays lag behind the scans.
    """
    # NaN fails both comparisons and is refused as well.
    if not 0 <= args.keep_hours < float("inf"):
        raise UsageError("--keep-hours must be a number ≥ 0", "write --keep-hours 24")
    lake = open_lake(args.lake)
    with progress("compact", len(ALL_TABLES), "table") as done:
        answers = compact(lake, args.keep_hours * _HOUR_SECONDS, done=done)
    write_rows(answer_rows(answers), args.format, args.output)
    return EXIT_DONE


def answer_rows(answers: list[Compacted]) -> pa.Table:
    """Return the answers as rows `table files_before files_after files_swept`."""
    return pa.table(
        {
            "table": pa.array([answer.table for answer in answers], pa.string()),
            "files_before": pa.array([answer.before for answer in answers], pa.int64()),
            "files_after": pa.array([answer.after for answer in answers], pa.int64()),
            "files_swept": pa.array([answer.swept for answer in answers], pa.int64()),
        }
    )
