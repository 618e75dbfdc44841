"""Open a lake for writing, and tell people when it is a new one: a mistyped `--lake` would be one."""

from pathlib import Path
from typing import Final

from pipelines.errors import DataError
from pipelines.lake import Lake, is_lake, open_lake, snapshot

_INPUTS: Final = ("scans", "venues", "cases", "encounters", "declarations", "links")


def open_or_create(url: str, keys: Path, *, create: bool) -> Lake:
    """Open a lake, or make one.

    Args:
        url: folder or URL.
        keys: folder of the keys, made with the lake where it does not exist.
        create: whether a lake may be made.

    Raises:
        DataError: there is no lake and none may be made.
        RefusedError: the lake was made with other keys, or the folder holds something else.
        ServiceError: the lake cannot be written or reached.
    """
    if not create and not is_lake(url):
        raise DataError(f"there is no lake at {url}", "name another, or make one there with --create")
    return open_lake(url, keys, create=create)


def new_lake_notes(lake: Lake, keys: Path) -> tuple[str, ...]:
    """Return a line about a lake that holds nothing yet, for after its first commit.

    A run that fails leaves the lake new, so the line is not lost with it.
    """
    if any(snapshot(lake, name).version >= 0 for name in _INPUTS):
        return ()
    return (f"{lake.url} is a new lake; its keys are in {keys}, keep a copy of them",)
