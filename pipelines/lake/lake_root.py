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
from pipelines.lake import storage
from pipelines.lake.durable_files import TEMPORARY, make_private, writing
from pipelines.privacy.keys import Keys, create_keys, load_keys

FORMAT = 1
SCRATCH = "_scratch"

_LAKE_JSON = "lake.json"
_PREFIX = r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)*/*"
_DECODED = re.compile("%[0-9A-Fa-f]{2}")  # delta-rs 1.6 writes below such a folder and cannot read there


@dataclass(frozen=True)
class Lake:
    """A lake that has been opened.

    Attributes:
        url: an absolute folder, or the URL of a prefix in an object store.
    """

    url: str

    def table_url(self, name: str) -> str:
        """The folder of a table, or its prefix."""
        return f"{self.url}/{name}"

    def scratch(self, name: str, *, shared: bool = False) -> str:
        """A folder for what lies between two steps of a pipeline, made when it is missing.

        Args:
            name: of the folder.
            shared: whether other machines have to reach it: then it lies in the lake, wherever that is.

        Raises:
            ServiceError: it cannot be made.
        """
        folder = f"{self.url if shared else storage.local(self.url)}/{SCRATCH}/{name}"
        if not storage.is_url(folder):
            with writing(folder):
                make_private(folder)
        return folder


LakeLike = Lake | str | Path
"""A lake, or where it lies."""


def open_lake(url: str, keys: Keys | Path | None = None, *, create: bool = False) -> Lake:
    """Open a lake, or make one.

    Args:
        url: a folder, with or without `file://`, or `s3://`, `gs://` or `abfss://` and a prefix.
        keys: the keys or their folder, to be compared with those the lake was
            made with. None when nothing is tokenised.
        create: make the lake when there is none, and keys when the folder
            named holds none.

    Raises:
        DataError: there is no lake, or `lake.json` is damaged.
        RefusedError: the lake was made with other keys, or its keys are gone,
            or the folder belongs to something else, or the keys would lie in the lake.
        ServiceError: the lake cannot be written or reached, or lies where none can.
        UsageError: the library cannot reach a folder of this name, or the URL is none of a lake.
    """
    root = _root(url)
    if isinstance(keys, Path) and Path(os.path.abspath(keys)).is_relative_to(root):
        raise RefusedError(f"the keys {keys} lie inside the lake", "name a folder outside of it with --keys")
    described = _describe(root)
    if described is None:
        if not create:
            raise DataError(f"there is no lake at {url}", "make one with truyvet run, or name another")
        _create(root, keys)
        described = _describe(root)
    assert described is not None
    if keys is not None and described["keys"] != _existing(keys).fingerprint:
        raise RefusedError(
            f"the lake at {url} was made with other keys", "name its own with --keys, they are never mixed"
        )
    return Lake(root)


def is_lake(url: str) -> bool:
    """Whether there is a lake.

    Raises:
        ServiceError: its store cannot be asked, or is none that is known.
        UsageError: the URL is none of a lake.
    """
    path = url.removeprefix("file://")
    try:
        storage.read(f"{_checked_url(path) if storage.is_url(path) else path}/{_LAKE_JSON}")
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


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


def _root(url: str) -> str:
    """The absolute folder of a lake, or its URL without a slash at the end.

    Raises:
        ServiceError: the lake lies in a store that this version cannot write.
        UsageError: delta-rs would take the path for another one, or the URL is none of a lake.
        DataError: the path is a file.
    """
    path = url.removeprefix("file://")
    if storage.is_url(path):
        return _checked_url(path)
    if _DECODED.search(os.path.abspath(path)):
        raise UsageError(
            f"{url} holds a % before two digits", "name a folder without, the library decodes it"
        )
    root = os.path.abspath(path)
    if os.path.exists(root) and not os.path.isdir(root):
        raise DataError(f"{url} is a file", "name the folder of a lake")
    return root


def _checked_url(url: str) -> str:
    """The URL of a lake; what is wrong with one is said without it, for it may hold a credential.

    Raises:
        ServiceError: no store of this kind is known.
        UsageError: it holds more than bucket and prefix, or less.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in storage.STORES:
        known = " ".join(f"{store}://" for store in storage.STORES)
        raise ServiceError(f"no storage for lakes at {scheme}://", f"name a local folder, or one of {known}")
    if not re.fullmatch(storage.STORES[scheme] + _PREFIX, rest):
        raise UsageError(
            f"--lake {scheme}://… is no bucket and prefix of letters, digits and . _ -",
            "credentials belong into the provider's own variables",
        )
    return url.rstrip("/")


def _describe(root: str) -> dict[str, object] | None:
    """What `lake.json` says, None where there is none.

    Raises:
        DataError: it is damaged.
        RefusedError: it was written by a later version.
    """
    path = f"{root}/{_LAKE_JSON}"
    try:
        described = json.loads(storage.read(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
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


def _create(root: str, keys: Keys | Path | None) -> None:
    """Make an empty lake; of two processes at once one makes it.

    Raises:
        RefusedError: the folder holds something else.
        ServiceError: it cannot be written.
    """
    if keys is None:
        raise ValueError("a lake is never made without keys")
    with writing(root):
        if not _is_free(root):
            raise RefusedError(f"{root} is no lake and not empty", "name an empty or a new folder")
        if isinstance(keys, Path):
            keys = load_keys(keys) if _holds_something(keys) else create_keys(keys)
        path, content = (
            f"{root}/{_LAKE_JSON}",
            json.dumps({"format": FORMAT, "keys": keys.fingerprint}) + "\n",
        )
        storage.put_new(path, content.encode())
        if storage.put_new(path, content.encode()):
            raise RefusedError(
                f"the store of {root} lets one writer replace what another has put",
                "name one that knows conditional puts, else commits would be lost",
            )


def _is_free(root: str) -> bool:
    """Whether a lake may be made here; a folder is made on the way, and private."""
    if storage.is_url(root):
        return not storage.is_folder(root) or storage.exists(f"{root}/{_LAKE_JSON}")
    os.makedirs(os.path.dirname(root), exist_ok=True)
    make_private(root)
    left = [name for name in os.listdir(root) if not name.startswith(TEMPORARY)]
    if left and _LAKE_JSON not in left:
        return False
    os.chmod(root, 0o700)
    return True
