"""Planted identifiers: what tests call persons, and a search for them in lakes and beside them."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

PLANTED = (
    *(b"0905123456", b"84905123456", b"051200000001", b"001093029317"),
    *(b"8490500000", b"0510990000", "Máy-0".encode()),  # of the random worlds
)
"""Parts of identifiers, long enough not to come up by chance."""

BESIDE = ("", ".keys", ".ledger", ".landing")
"""Endings of the folders of a lake."""


def lakes_below(folder: Path) -> Iterator[Path]:
    """Yield the lakes below a folder."""
    for root, folders, files in os.walk(folder):
        if "lake.json" in files:
            folders.clear()
            yield Path(root)


def named_below(folder: Path) -> list[tuple[str, str]]:
    """(file, identifier) wherever one stands in a file of a lake below a folder, or in its name."""
    roots = {f"{lake}{ending}" for lake in lakes_below(folder) for ending in BESIDE}
    files = (Path(path, name) for root in sorted(roots) for path, _, names in os.walk(root) for name in names)
    return [(str(path.relative_to(folder)), one.decode()) for path in files for one in _named_in(path)]


def _named_in(path: Path) -> list[bytes]:
    if not path.is_file():  # a socket, or a link to what is gone
        return []
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return []
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return [one for one in PLANTED if content.find(one) >= 0 or one in os.fsencode(path.name)]
