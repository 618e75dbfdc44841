"""Flags that commands share, and how their values are read."""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pipelines.errors import RefusedError, UsageError
from pipelines.user_folders import user_folder
from schemas.rules import DEFAULT_RULE

FORMATS: Final = ("table", "csv", "json", "parquet", "xlsx")
BINARY: Final = ("parquet", "xlsx")

_ENDINGS: Final = {"": "table", ".txt": "table", **{f".{name}": name for name in FORMATS}}


def add_lake(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--lake`; `TRUYVET_LAKE` stands in for it."""
    # An empty variable counts as unset.
    default = os.environ.get("TRUYVET_LAKE") or None
    parser.add_argument(
        "--lake",
        metavar="URL",
        default=default,
        required=required and default is None,
        help="folder or URL of the lake; TRUYVET_LAKE stands in for the flag",
    )


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add `--keys`; `TRUYVET_KEYS` stands in for it, and `keys_folder` fills in the default."""
    parser.add_argument(
        "--keys",
        metavar="DIR",
        default=os.environ.get("TRUYVET_KEYS") or None,
        help="folder of the keys, always on this machine (default: LAKE.keys, or for a lake s3://B/L "
        "~/.local/share/truyvet/s3/B/L.keys); TRUYVET_KEYS stands in for the flag",
    )


def keys_folder(keys: str | None, lake: str | None) -> Path:
    """Return the folder of the keys: the one named, else the one beside the lake.

    >>> str(keys_folder(None, "/data/lake/"))
    '/data/lake.keys'

    Raises:
        UsageError: neither keys nor lake are named.
    """
    if keys:
        return Path(keys)
    if not lake:
        raise UsageError("--keys is missing", "name the folder with --keys, or a lake with --lake")
    return beside(lake, "keys")


def beside(lake: str, what: str) -> Path:
    """Return the folder `LAKE.<what>`, always on this machine: data of a lake that lies outside it.

    For a lake in an object store, `s3://bucket/lake`, it is `truyvet/s3/bucket/lake.<what>` in the user's
    data folder, which is `XDG_DATA_HOME` or `~/.local/share`.
    """
    folder = lake.removeprefix("file://").rstrip("/")
    # What lies beside a lake in a store lies on this machine.
    return in_user_data(folder, what) if "://" in folder else Path(f"{folder}.{what}")


def in_user_data(lake: str, what: str) -> Path:
    """The same in the user's data folder, also for a lake in a folder of this machine.

    >>> str(in_user_data("s3://bucket/lake", "keys")).rpartition("truyvet")[2]
    '/s3/bucket/lake.keys'

    Raises:
        RefusedError: this account has no home folder.
    """
    scheme, found, path = lake.removeprefix("file://").partition("://")
    # A local path is absolute here, so that two lakes of one name do not share a folder.
    place = f"{scheme}/{path}" if found else f"file{os.path.abspath(scheme)}"
    data = user_folder("XDG_DATA_HOME", ".local/share")
    if data is None:
        raise RefusedError(
            f"this account has no home folder for the {what} of a lake",
            "name a folder of your own with XDG_DATA_HOME",
        )
    return data / "truyvet" / f"{place}.{what}"


def add_depth_and_until(parser: argparse.ArgumentParser) -> None:
    """Add `--depth --until`: how far a trace goes."""
    parser.add_argument("--depth", type=int, metavar="K", help="the last tier, instead of the rule's")
    parser.add_argument(
        "--until",
        metavar="T",
        help="ignore everything after T; a date includes the whole of that local day "
        "(default: the last instant of the lake)",
    )


def add_case(parser: argparse.ArgumentParser) -> None:
    """Add `--case` of commands that answer about one case."""
    parser.add_argument("--case", metavar="ID", required=True, help="the number of the case")


def add_cases(
    parser: argparse.ArgumentParser, which: str = "the numbers of cases", otherwise: str = ""
) -> None:
    """Add `--case` and `--all-cases` of commands that answer about several.

    Args:
        parser: the command's.
        which: the help of `--case`.
        otherwise: what the help of `--all-cases` adds, such as what holds without both.
    """
    parser.add_argument("--case", metavar="ID", nargs="+", action="extend", default=[], help=which)
    parser.add_argument("--all-cases", action="store_true", help=f"or every case that has a date{otherwise}")


def add_rule(parser: argparse.ArgumentParser, what: str = "the rule pack, see truyvet rules") -> None:
    """Add `--rule`; its help says what the pack decides here, and names the default."""
    parser.add_argument(
        "--rule", metavar="ID|PATH", default=DEFAULT_RULE, help=f"{what} (default: {DEFAULT_RULE})"
    )


def add_trace_question(parser: argparse.ArgumentParser) -> None:
    """Add `--case --all-cases --rule --depth --until --capacity --humans`: the question of a trace."""
    add_cases(parser)
    add_rule(parser)
    add_depth_and_until(parser)
    parser.add_argument(
        "--capacity", type=int, metavar="N", help="mark the N calls that are worth most, by score"
    )
    add_humans(parser)


def add_humans(parser: argparse.ArgumentParser) -> None:
    """Add `--humans`: whether linked identifiers are one person."""
    parser.add_argument(
        "--humans",
        action="store_true",
        help="count the identifiers that links show to be of one person as one",
    )


def add_asker(parser: argparse.ArgumentParser) -> None:
    """Add `--purpose`, `--actor` and `--ledger`: who asks, and why, as the ledger keeps it."""
    parser.add_argument("--purpose", metavar="TEXT", default="", help="why you ask, for the ledger")
    parser.add_argument(
        "--actor", metavar="NAME", default="", help="who asks, for the ledger (default: your account)"
    )
    parser.add_argument(
        "--ledger",
        metavar="DIR",
        help="folder of the ledger (default: LAKE.ledger on this machine); TRUYVET_LEDGER stands in for it",
    )


def add_runner(parser: argparse.ArgumentParser, runners: Iterable[str]) -> None:
    """Add `--runner`: one of the shipped `runners`, or a file."""
    names = " ".join(runners)
    parser.add_argument(
        "--runner",
        default="direct",
        metavar="NAME",
        help=f"the engine: one of {names}, or a file like those in runner_config/ (default: direct)",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add `--format` and `--output` of commands that answer rows."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="how rows are written; without it the ending of --output decides "
        "(.csv .json .parquet .xlsx; .txt is a table), else a table",
    )
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.set_defaults(answers_rows=True)


def check_output(args: argparse.Namespace) -> None:
    """Settle the format of an answer, and refuse a file that cannot be written before anything is asked.

    Args:
        args: parsed flags; nothing is done without those of `add_output`.

    Raises:
        UsageError: the format, the file's ending or its folder is wrong.
    """
    if not getattr(args, "answers_rows", False):
        return
    # Settled once, so that no command looks at the ending again.
    args.format = format_of(args.format, args.output)
    if args.output is not None and not os.path.isdir(os.path.dirname(args.output) or "."):
        raise UsageError("--output cannot be written", "its folder does not exist")


def format_of(format: str | None, output: str | None) -> str:  # noqa: A002
    """Return the format of an answer: the one that is named, else what the file's ending says.

    >>> format_of(None, "overlaps.CSV"), format_of(None, None), format_of("json", "rows.txt")
    ('csv', 'table', 'json')

    Raises:
        UsageError: there is no such format, no format has this ending, or a terminal cannot show it.
    """
    chosen = _chosen_format(format, output)
    if chosen in BINARY and output is None and sys.stdout.isatty():
        raise UsageError(f"--format {chosen} is not text", "name a file with --output FILE")
    return chosen


def _chosen_format(format: str | None, output: str | None) -> str:  # noqa: A002
    if format is not None:
        if format not in FORMATS:
            raise UsageError(f"--format must be one of {' '.join(FORMATS)}", "choose one of them")
        return format
    ending = Path(output or "").suffix.lower()
    if output is not None and os.path.exists(output) and not os.path.isfile(output):
        return "table"  # a device or a pipe, such as /dev/stdout
    if ending not in _ENDINGS:
        raise UsageError(
            f"no format has the ending {ending} of --output",
            "end the name in .csv .json .parquet .xlsx or .txt, or choose with --format",
        )
    return _ENDINGS[ending]
