"""Where a lake lies, and the one file that says it is one: `lake.json`.

It names the format and the fingerprint of the keys, so that rows made with
two keys never meet in one lake.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import DataError, RefusedError, ServiceError, UsageError
from pipelines.keys import Keys, create_keys, load_keys
from pipelines.lake.files import TEMPORARY, make_private, sync_path, unfinished, writing

FORMAT = 1
SCRATCH = "_scratch"

_LAKE_JSON = "lake.json"
_DECODED = re.compile("%[0-9A-Fa-f]{2}")  # delta-rs 1.6 writes below such a folder and cannot read there


@dataclass(frozen=True)
class Lake:
    """A lake that has been opened.

    Attributes:
        url: an absolute folder.
    """

    url: str

    def table_url(self, name: str) -> str:
        """The folder of a table."""
        return f"{self.url}/{name}"

    def scratch(self, name: str) -> str:
        """A folder for what lies between two steps of a pipeline, made when it is missing.

        Raises:
            ServiceError: it cannot be made.
        """
        folder = f"{self.url}/{SCRATCH}/{name}"
        with writing(folder):
            make_private(folder)
        return folder


LakeLike = Lake | str | Path
"""A lake, or where it lies."""


def open_lake(url: str, keys: Keys | Path | None = None, *, create: bool = False) -> Lake:
    """Open a lake, or make one.

    Args:
        url: a folder, with or without `file://`.
        keys: the keys or their folder, to be compared with those the lake was
            made with. None when nothing is tokenised.
        create: make the lake when there is none, and keys when the folder
            named holds none.

    Raises:
        DataError: there is no lake, or `lake.json` is damaged.
        RefusedError: the lake was made with other keys, or its keys are gone,
            or the folder belongs to something else, or the keys would lie in the lake.
        ServiceError: the lake cannot be written, or lies where none can.
        UsageError: the library cannot reach a folder of this name.
    """
    root = _root(url)
    if isinstance(keys, Path) and Path(os.path.abspath(keys)).is_relative_to(root):
        raise RefusedError(f"the keys {keys} lie inside the lake", "name a folder outside of it with --keys")
    if not (root / _LAKE_JSON).exists():
        if not create:
            raise DataError(f"there is no lake at {url}", "make one with truyvet run, or name another")
        _create(root, keys)
    described = _describe(root)
    if keys is not None and described["keys"] != _existing(keys).fingerprint:
        raise RefusedError(
            f"the lake at {url} was made with other keys", "name its own with --keys, they are never mixed"
        )
    return Lake(str(root))


def opened(lake: LakeLike, keys: str | Path | None = None) -> Lake:
    """The lake, opened for reading.

    Args:
        lake: an open lake is handed back as it is.
        keys: the folder of keys that must be the lake's own; None asks for none.

    Raises:
        DataError: there is no lake.
        RefusedError: it was made with other keys.
    """
    if isinstance(lake, Lake):
        return lake
    return open_lake(str(lake), None if keys is None else Path(keys))


def _root(url: str) -> Path:
    """The absolute folder of a lake.

    Raises:
        ServiceError: the lake lies in a store that this version cannot write.
        UsageError: delta-rs would take the path for another one.
        DataError: the path is a file.
    """
    path = url.removeprefix("file://")
    if _DECODED.search(os.path.abspath(path)):
        raise UsageError(
            f"{url} holds a % before two digits", "name a folder without, the library decodes it"
        )
    if "://" in path:
        raise ServiceError(f"no storage for lakes at {path.partition('://')[0]}://", "name a local folder")
    root = Path(os.path.abspath(path))
    if root.exists() and not root.is_dir():
        raise DataError(f"{url} is a file", "name the folder of a lake")
    return root


def _describe(root: Path) -> dict[str, object]:
    """What `lake.json` says.

    Raises:
        DataError: it is damaged.
        RefusedError: it was written by a later version.
    """
    path = root / _LAKE_JSON
    try:
        described = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read", "restore it from a backup") from error
    if not isinstance(described, dict) or not isinstance(described.get("keys"), str):
        raise DataError(f"{path} is damaged", "restore it from a backup")
    if described.get("format") != FORMAT:
        raise RefusedError(f"{path} is of another format", "use the truyvet that made the lake")
    return described


def _existing(keys: Keys | Path) -> Keys:
    """The keys of a lake that exists.

    Raises:
        RefusedError: their folder is not there.
    """
    if isinstance(keys, Keys):
        return keys
    if not _holds_something(keys):
        raise RefusedError(
            f"the lake's keys are not in {keys}",
            "name them with --keys; new ones are never made beside a lake",
        )
    return load_keys(keys)


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _create(root: Path, keys: Keys | Path | None) -> None:
    """Make an empty lake; of two processes at once one makes it.

    Raises:
        RefusedError: the folder holds something else.
        ServiceError: it cannot be written.
    """
    if keys is None:
        raise ValueError("a lake is never made without keys")
    with writing(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        make_private(root)
        left = [name for name in os.listdir(root) if not name.startswith(TEMPORARY)]
        if left and _LAKE_JSON not in left:
            raise RefusedError(f"{root} is no lake and not empty", "name an empty or a new folder")
        os.chmod(root, 0o700)
        if isinstance(keys, Path):
            keys = load_keys(keys) if _holds_something(keys) else create_keys(keys)
        _write_description(root, keys.fingerprint)


def _write_description(root: Path, fingerprint: str) -> None:
    content = json.dumps({"format": FORMAT, "keys": fingerprint}) + "\n"
    with unfinished(root) as (file, path):
        file.write(content.encode())
        os.fsync(file.fileno())
        try:
            os.link(path, root / _LAKE_JSON)  # unlike a rename this never replaces another's
        except FileExistsError:
            return
    sync_path(root)
    sync_path(root.parent)
