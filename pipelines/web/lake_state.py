"""How recent a lake is: the versions of its tables, what lags, and what waits to be committed."""

import time
from typing import Any, Final

from pipelines.checkup.place_checks import waiting_segments
from pipelines.lake import Lake, mark, snapshot

_TABLES: Final = ("scans", "stays", "cases", "venues", "encounters", "declarations")
"""Tables whose change changes a page."""


def versions_of(lake: Lake) -> tuple[int, ...]:
    """The version of each table that pages show."""
    return tuple(snapshot(lake, name).version for name in _TABLES)


def versions_text(lake: Lake) -> str:
    """The same as text, which tells two states of a lake apart."""
    return ".".join(map(str, versions_of(lake)))


def lake_state(lake: Lake) -> dict[str, Any]:
    """What a page asks for while it is open.

    Returns:
        `versions` as `versions_text`; `scans_version`; `stays_version`, of the scans that `stays` reflects;
        `waiting`, segments that `land` received and has not committed; `waiting_bytes`; `oldest_seconds`,
        how long the oldest of them waits.
    """
    waiting = waiting_segments(lake)
    now = time.time()
    return {
        "versions": versions_text(lake),
        "scans_version": snapshot(lake, "scans").version,
        "stays_version": stays_version(lake),
        "waiting": len(waiting),
        "waiting_bytes": sum(segment.size for segment in waiting),
        "oldest_seconds": max((round(now - segment.since) for segment in waiting), default=0),
    }


def stays_version(lake: Lake) -> int:
    """The version of scans that `stays` reflects; -1 before the first."""
    # A mark of the newest commit of `stays`, read without opening its files.
    found = mark(lake, "stays", "scans_version")
    return -1 if found is None else found
