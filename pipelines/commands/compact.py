"""`truyvet compact`: join small files of the lake and sweep what nobody needs."""

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
    """Add `--lake`, `--keep-hours` and the forms of output."""
    add_lake(parser)
    parser.add_argument(
        "--keep-hours",
        metavar="N",
        type=float,
        default=KEEP_SECONDS / _HOUR_SECONDS,
        help="how long replaced files stay, for readers of older versions and for other runs (default: 24)",
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write a row a table: files before and after, and files swept.

    Raises:
        UsageError: `--keep-hours` is no duration.
        RefusedError: stays lag behind the scans.
    """
    if not 0 <= args.keep_hours < float("inf"):
        raise UsageError("--keep-hours is no duration", "write a number of hours, 0 or more")
    lake = open_lake(args.lake)
    with progress("compact", len(ALL_TABLES), "table") as done:
        answers = compact(lake, args.keep_hours * _HOUR_SECONDS, done=done)
    write_rows(answer_rows(answers), args.format, args.output)
    return EXIT_DONE


def answer_rows(answers: list[Compacted]) -> pa.Table:
    """The answers as rows `table files_before files_after files_swept`."""
    return pa.table(
        {
            "table": pa.array([answer.table for answer in answers], pa.string()),
            "files_before": pa.array([answer.before for answer in answers], pa.int64()),
            "files_after": pa.array([answer.after for answer in answers], pa.int64()),
            "files_swept": pa.array([answer.swept for answer in answers], pa.int64()),
        }
    )
