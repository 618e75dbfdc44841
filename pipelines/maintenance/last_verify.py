"""Remember in the lake when `truyvet verify` last checked all of it, and what it found."""

import contextlib
import datetime as dt
from dataclasses import dataclass

import orjson

from pipelines.errors import ServiceError
from pipelines.lake import storage
from pipelines.lake.lake_root import Lake

_NAME = "verified.json"


@dataclass(frozen=True)
class LastVerify:
    """A whole verification.

    >>> LastVerify.parse(b'{"at": "2021-07-08T02:00:00Z", "files": 9, "rows": 265, "problems": 0}').files
    9

    Attributes:
        at: when it ended, UTC.
        files: live data files that were checked.
        rows: their rows.
        problems: how many were found.
    """

    at: dt.datetime
    files: int
    rows: int
    problems: int

    @classmethod
    def parse(cls, content: bytes) -> "LastVerify":
        """Read what `dump` has written.

        Raises:
            ValueError: it is damaged.
        """
        said = orjson.loads(content)
        try:
            return cls(dt.datetime.fromisoformat(said["at"]), said["files"], said["rows"], said["problems"])
        except (KeyError, TypeError) as error:
            raise ValueError("a record of verify must have its fields") from error

    def dump(self) -> bytes:
        """Return the record as JSON."""
        return orjson.dumps(self, option=orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS) + b"\n"


def remember(lake: Lake, verified: LastVerify) -> None:
    """Keep the record in the lake; a lake that cannot be written is verified all the same."""
    with contextlib.suppress(OSError, ServiceError):
        storage.put(f"{lake.url}/{_NAME}", verified.dump())


def last_verify(lake: Lake) -> LastVerify | None:
    """Return when the lake was last verified as a whole; None when it never was, or the record is damaged.

    Raises:
        ServiceError: the store cannot be reached.
    """
    try:
        return LastVerify.parse(storage.read(f"{lake.url}/{_NAME}"))
    except (OSError, ValueError):
        return None
