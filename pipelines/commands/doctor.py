"""`truyvet doctor`: examine a lake, its keys, its ledger and the machine."""

import argparse

from pipelines.errors import EXIT_DONE, DataError
from pipelines.terminal.options import add_keys, add_lake, add_output
from pipelines.terminal.output import write_rows

EXAMPLE = """
truyvet doctor --lake LAKE
truyvet doctor --lake LAKE --days 14 --format json
"""

_COLUMNS = ("check", "state", "detail", "remedy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--ledger",
        metavar="DIR",
        help="folder of the ledger (default: LAKE.ledger on this machine); TRUYVET_LEDGER stands in for it",
    )
    parser.add_argument(
        "--days",
        metavar="N",
        type=int,
        default=21,
        help="retention is overdue when a record is older than N UTC days (default: 21)",
    )
    parser.add_argument("--now", metavar="T", help="count days and ages back from T (default: now)")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write one row for each check; exit 3 when one is bad."""
    import pyarrow as pa

    from pipelines.checkup.check import BAD
    from pipelines.checkup.doctor import doctor
    from pipelines.times import instant_us

    checks = doctor(
        args.lake,
        keys=args.keys,
        ledger=args.ledger,
        days=args.days,
        now_us=instant_us(args.now, "--now"),
    )
    columns = {name: [getattr(check, name) for check in checks] for name in _COLUMNS}
    rows = pa.table(columns, schema=pa.schema([(name, pa.string()) for name in _COLUMNS]))
    write_rows(rows, args.format, args.output)
    return DataError.exit_code if any(check.state == BAD for check in checks) else EXIT_DONE
