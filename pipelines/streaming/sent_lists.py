"""The lists that `truyvet watch` has sent, durable beside the lake: tokens only, no identifiers."""

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
"""A row of a list, as decoded from JSON."""

_NEWS = ("person", "tier", "via", "exposed_at", "last_contact", "venues")
"""Columns of which a change is news; the others follow from them or from the time of the trace."""


@dataclass(frozen=True)
class Sent:
    """The last list sent for a case.

    Attributes:
        case: id of the case.
        rule: id or path of the rule pack.
        lake_version: versions of the tables that the list was traced from.
        rows: rows of the list.

    >>> Sent("BN-1", "who-2020-12", "4.1.-1.0", []).message_id
    '26c7191befbed0eec2ac16c53ee651da'
    """

    case: str
    rule: str
    lake_version: str
    rows: list[Row]

    @property
    def message_id(self) -> str:
        """Derived from case, rule and lake version, so that a receiver recognises a repeat."""
        return hashlib.sha256("\0".join((self.case, self.rule, self.lake_version)).encode()).hexdigest()[:32]


class SentLists:
    """The lists of one topic and rule pack, one file per case."""

    def __init__(self, lake: Lake, topic: str, rule: str) -> None:
        """Open the folder, which is made if there is none.

        Raises:
            ServiceError: it cannot be made.
        """
        # Hashes, since neither a path as a rule nor a case id need be a valid file name.
        name = hashlib.sha256(f"{topic}\0{rule}".encode()).hexdigest()[:16]
        self._folder = beside(lake.url, "sent") / name
        with writing(self._folder):
            make_private(self._folder)

    def get(self, case: str) -> Sent | None:
        """Return the last list of a case, if one was sent."""
        with contextlib.suppress(FileNotFoundError):
            return Sent(**orjson.loads(self._path(case).read_bytes()))
        return None

    def put(self, sent: Sent) -> None:
        """Store a list durably.

        Raises:
            ServiceError: the disk does not take it.
        """
        # Durable when this returns: the message of the case is acknowledged afterwards.
        with writing(self._folder), unfinished(self._folder) as (file, path):
            file.write(orjson.dumps(asdict(sent)))
            os.fsync(file.fileno())
            os.replace(path, self._path(sent.case))
            sync_path(self._folder)

    def cases(self) -> Iterator[str]:
        """Yield the cases that lists were sent for."""
        for path in sorted(self._folder.glob("*.json")):
            yield str(orjson.loads(path.read_bytes())["case"])

    def _path(self, case: str) -> Path:
        return self._folder / f"{hashlib.sha256(case.encode()).hexdigest()[:32]}.json"


def differences(before: list[Row], after: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows that were added and those that were withdrawn; a changed row is both.

    >>> differences([{"person": "a", "tier": 2}], [{"person": "a", "tier": 1}])
    ([{'person': 'a', 'tier': 1}], [{'person': 'a', 'tier': 2}])
    """
    was, remains = ({_identity(row): row for row in rows} for rows in (before, after))
    added = [row for identity, row in remains.items() if identity not in was]
    return added, [row for identity, row in was.items() if identity not in remains]


def _identity(row: Row) -> bytes:
    return orjson.dumps([row.get(name) for name in _NEWS])  # bytes can be a key; a list cannot
