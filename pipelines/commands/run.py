"""`truyvet run`: load files into the lake and update what depends on them."""

import argparse
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.runtime.engines.config import RUNNERS
from pipelines.runtime.job_metrics import collect_metrics
from pipelines.runtime.malloc import keep_freed_memory
from pipelines.terminal import options
from pipelines.terminal.options import add_runner
from pipelines.terminal.output import write_file
from pipelines.times import parse_instant

EXAMPLE = """
truyvet run --lake ./lake --scans scans/ --venues venues.csv --cases cases.csv
truyvet run --lake ./lake --encounters bluezone.ndjson.gz --declarations ncovi.csv --links links.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    options.add_lake(parser)
    options.add_keys(parser)
    what = "files, folders, globs or URLs of NDJSON, CSV, Parquet or Avro, also .gz and .zst"
    for flag in ("scans", "venues", "cases", "encounters", "declarations", "links"):
        parser.add_argument(
            f"--{flag}", nargs="+", action="extend", default=[], metavar="PATH", help=f"{flag}: {what}"
        )
    parser.add_argument(
        "--encounters-epoch",
        metavar="T",
        default="1970-01-01T00:00:00Z",
        help="the instant from which a SocioPatterns file (t i j; .dat or .dat.gz) given to --encounters "
        "counts its seconds (default: 1970, as UNIX time does)",
    )
    add_runner(parser, RUNNERS)
    parser.add_argument(
        "--create",
        action="store_true",
        help="make the lake if it does not exist; --scans, --venues and --cases do so by themselves",
    )
    parser.add_argument(
        "--now", metavar="T", help="the instant from which the age of a record is measured (default: now)"
    )
    parser.add_argument(
        "--max-age-days",
        type=float,
        default=MAX_AGE_DAYS,
        metavar="D",
        help=f"reject records older than D days as too_old (default: {MAX_AGE_DAYS})",
    )
    parser.add_argument(
        "--max-ahead-days",
        type=float,
        default=MAX_AHEAD_DAYS,
        metavar="D",
        help=f"reject records more than D days ahead as too_new (default: {MAX_AHEAD_DAYS})",
    )
    parser.add_argument(
        "--rejects",
        metavar="FILE",
        help="list the input, file, row and reason of every refused record there, never the record: "
        "CSV, or by the ending of the name",
    )
    parser.add_argument(
        "--metrics", metavar="FILE", help="write all counters and distributions of the batch to FILE as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Run, say on standard error what was refused or not read, and print the report as one JSON line."""
    from pipelines.drivers.run import run as run_files

    # Before the batch, which may take long.
    if args.metrics:
        _check_writable(Path(args.metrics))
    keep_freed_memory()
    with collect_metrics() if args.metrics else nullcontext() as collected:
        report = run_files(
            args.lake,
            args.scans,
            venues=args.venues,
            cases=args.cases,
            encounters=args.encounters,
            declarations=args.declarations,
            links=args.links,
            encounters_epoch_us=parse_instant(args.encounters_epoch, "--encounters-epoch"),
            keys=args.keys,
            now_us=None if args.now is None else parse_instant(args.now, "--now"),
            max_age_days=args.max_age_days,
            max_ahead_days=args.max_ahead_days,
            runner=args.runner,
            create=args.create,
            rejects=args.rejects,
        )
    for note in report.notes:
        print(f"truyvet run: {note}", file=sys.stderr)
    # One JSON line on standard output, for programs; words go to standard error.
    print(json.dumps(report.counts()))
    # After the report: the batch is committed, whatever happens to the file.
    if collected is not None:
        write_file(json.dumps(collected.as_dict(), indent=2).encode() + b"\n", args.metrics, "--metrics")
    return 0


def _check_writable(path: Path) -> None:
    """Refuse a file that cannot be written before the batch is, not after.

    Raises:
        UsageError: it is a folder, or lies in one that is missing or read-only.
    """
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise UsageError("--metrics must name a file in a writable folder", "name another file")
