"""The flags that commands share, and the reading of their values."""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from pipelines.errors import UsageError

FORMATS = ("table", "csv", "json", "parquet")


def add_lake(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--lake`; `TRUYVET_LAKE` stands in for it."""
    default = os.environ.get("TRUYVET_LAKE") or None
    parser.add_argument(
        "--lake",
        metavar="URL",
        default=default,
        required=required and default is None,
        help="folder or URL of the lake; TRUYVET_LAKE stands in for the flag",
    )


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add `--keys`; `TRUYVET_KEYS` stands in for it. `keys_folder` fills in the default."""
    parser.add_argument(
        "--keys",
        metavar="DIR",
        default=os.environ.get("TRUYVET_KEYS") or None,
        help="folder of the keys, always on this machine: by default LAKE.keys, of a lake s3://B/L "
        "~/.local/share/truyvet/s3/B/L.keys; TRUYVET_KEYS stands in for the flag",
    )


def keys_folder(keys: str | None, lake: str | None) -> Path:
    """The folder of the keys: the one named, else that beside the lake.

    Raises:
        UsageError: neither keys nor lake are named.
    """
    if keys:
        return Path(keys)
    if not lake:
        raise UsageError("--keys is missing", "name the folder with --keys, or a lake with --lake")
    return beside(lake, "keys")


def beside(lake: str, what: str) -> Path:
    """The folder `LAKE.<what>` of what belongs to a lake and lies outside of it, always on this machine.

    Of a lake in an object store `s3://bucket/lake` it is `truyvet/s3/bucket/lake.<what>` among the
    user's own data, which are in `XDG_DATA_HOME`, by default `~/.local/share`.
    """
    folder = lake.removeprefix("file://").rstrip("/")
    if "://" in folder:
        data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        folder = os.path.join(data, "truyvet", folder.replace("://", "/", 1))
    return Path(f"{folder}.{what}")


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
    """Add `--runner`, one of the shipped `runners` or a file."""
    names = " ".join(runners)
    parser.add_argument(
        "--runner",
        default="direct",
        metavar="NAME",
        help=f"one of {names}, or a file like those of runner_config/ (default: direct)",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add `--format` and `--output` of commands that answer rows."""
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="how rows are written (default: table)"
    )
    parser.add_argument("--output", metavar="FILE", help="write there instead of standard output")
