"""What `watch` has sent of each case, durable beside the lake: tokens only, no identifiers."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from pipelines.lake import Lake
from pipelines.lake.durable_files import make_private, sync_path, unfinished, writing
from pipelines.terminal.options import beside

Row = dict[str, Any]
"""A row of a trace as JSON has it."""

_FREE = ("score", "stays")
"""Columns that follow from the rest and the time of asking: they alone make no news."""


@dataclass(frozen=True)
class Sent:
    """The last list of a case.

    Attributes:
        case: its number.
        rule: the rule pack.
        lake_version: of the list.
        rows: of the list.
    """

    case: str
    rule: str
    lake_version: str
    rows: list[Row]

    @property
    def message_id(self) -> str:
        """Made of case, rule and lake version, so that a receiver knows a repeat."""
        return hashlib.sha256("\0".join((self.case, self.rule, self.lake_version)).encode()).hexdigest()[:32]


class SentLists:
    """The lists of one topic, a file a case."""

    def __init__(self, lake: Lake, topic: str, rule: str) -> None:
        """Make the folder when it is missing.

        Raises:
            ServiceError: it cannot be made.
        """
        name = hashlib.sha256(f"{topic}\0{rule}".encode()).hexdigest()[:16]
        self._folder = beside(lake.url, "sent") / name
        with writing(self._folder):
            make_private(self._folder)

    def get(self, case: str) -> Sent | None:
        """The last list of a case."""
        with contextlib.suppress(FileNotFoundError):
            return Sent(**orjson.loads(self._path(case).read_bytes()))
        return None

    def put(self, sent: Sent) -> None:
        """Remember a list for good.

        Raises:
            ServiceError: the disk does not take it.
        """
        with writing(self._folder), unfinished(self._folder) as (file, path):
            file.write(orjson.dumps(asdict(sent)))
            os.fsync(file.fileno())
            os.replace(path, self._path(sent.case))
            sync_path(self._folder)

    def cases(self) -> Iterator[str]:
        """The cases that lists were sent of."""
        for path in sorted(self._folder.glob("*.json")):
            yield str(orjson.loads(path.read_bytes())["case"])

    def _path(self, case: str) -> Path:
        return self._folder / f"{hashlib.sha256(case.encode()).hexdigest()[:32]}.json"


def differences(before: list[Row], after: list[Row]) -> tuple[list[Row], list[Row]]:
    """Rows that are new and rows that are taken back; one that changed is both."""
    was, remains = ({_identity(row): row for row in rows} for rows in (before, after))
    added = [row for identity, row in remains.items() if identity not in was]
    return added, [row for identity, row in was.items() if identity not in remains]


def _identity(row: Row) -> bytes:
    known = {name: value for name, value in row.items() if name not in _FREE}
    return orjson.dumps(known, option=orjson.OPT_SORT_KEYS)
