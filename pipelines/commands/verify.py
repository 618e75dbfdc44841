"""`truyvet verify`: check every file of the lake against its hash, its log and the laws."""

import argparse
import sys

import pyarrow as pa

from pipelines.errors import EXIT_DONE, DataError
from pipelines.lake.lake_root import open_lake
from pipelines.maintenance.verify import Verified, verify
from pipelines.terminal.options import add_lake, add_output
from pipelines.terminal.output import write_rows
from pipelines.terminal.progress import progress

EXAMPLE = """
truyvet verify --lake data/lake
"""

_COLUMNS = ("table", "file", "problem")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--lake` and the output flags."""
    add_lake(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write one row for each problem; exit 3 when there is one."""
    lake = open_lake(args.lake)
    # How many files there are is known only while they are listed.
    with progress("verify", None, "file") as done:
        verified = verify(lake, done)
    write_rows(problem_rows(verified), args.format, args.output)
    found = len(verified.problems)
    problems = f"{found or 'no'} problem{'' if found == 1 else 's'}"
    print(f"checked {verified.files} files and {verified.rows} rows: {problems}", file=sys.stderr)
    return DataError.exit_code if found else EXIT_DONE


def problem_rows(verified: Verified) -> pa.Table:
    """Return the problems as rows `table file problem`."""
    columns = {name: [getattr(problem, name) for problem in verified.problems] for name in _COLUMNS}
    return pa.table(columns, schema=pa.schema([(name, pa.string()) for name in _COLUMNS]))
