"""Where a lake is, and the one file that makes a folder a lake: `lake.json`.

It names the format and the fingerprint of the keys, so that rows made with
different keys never meet in one lake.
"""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.errors import DataError, RefusedError, ServiceError, UsageError
from pipelines.lake import storage
from pipelines.lake.durable_files import TEMPORARY, make_private, writing
from pipelines.lake.read_errors import denied, is_denied, unreadable
from pipelines.privacy.key_rotation import fits_next, take_next
from pipelines.privacy.keys import Keys, create_keys, load_keys

FORMAT = 1
SCRATCH = "_scratch"

_LAKE_JSON = "lake.json"
_PREFIX = r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)*/*"
_DECODED = re.compile("%[0-9A-Fa-f]{2}")
"""In a path: delta-rs 1.6 decodes it when it reads, though not when it writes."""


@dataclass(frozen=True)
class Lake:
    """A lake that has been opened.

    >>> Lake("/data/lake").table_url("stays")
    '/data/lake/stays'

    Attributes:
        url: an absolute folder, or the URL of a prefix in an object store.
        fingerprint: of the keys that it had then, empty when that is not known.
    """

    url: str
    fingerprint: str = field(default="", compare=False, repr=False)

    def table_url(self, name: str) -> str:
        """Return the folder of a table, or its prefix."""
        return f"{self.url}/{name}"

    def scratch(self, name: str, *, shared: bool = False) -> str:
        """Return a folder for what passes between steps of a pipeline; make it when it is missing.

        Args:
            name: of the folder.
            shared: whether other machines must reach it: then it is in the lake, wherever that is.

        Raises:
            ServiceError: it cannot be made.
        """
        folder = f"{self.url if shared else storage.local(self.url)}/{SCRATCH}/{name}"
        if not storage.is_url(folder):  # a prefix needs no making
            with writing(folder):
                make_private(folder)
        return folder


LakeLike = Lake | str | Path
"""A lake, or its folder or URL."""


def open_lake(url: str, keys: Keys | Path | None = None, *, create: bool = False) -> Lake:
    """Open a lake, or make one.

    Args:
        url: a folder, with or without `file://`, or `s3://`, `gs://` or `abfss://` and a prefix.
        keys: the keys or their folder, to be compared with those the lake was made with. None
            where nothing is tokenised: who may not read the keys can read the lake.
        create: make the lake when there is none, and keys when the folder
            named holds none.

    Raises:
        DataError: there is no lake, or `lake.json` is damaged or may not be read.
        RefusedError: the lake was made with other keys, or its keys are gone or may not be read,
            or the folder belongs to something else, or the keys would be inside the lake.
        ServiceError: the lake cannot be written or reached, or its kind of store is unknown.
        UsageError: delta-rs cannot reach a folder of this name, or the URL is malformed.
    """
    root = _root(url)
    # Keys inside the lake would be copied, shared and backed up with it.
    if isinstance(keys, Path) and Path(os.path.abspath(keys)).is_relative_to(root):
        raise RefusedError(f"the keys {keys} must not be inside the lake", "name another folder with --keys")
    described = _describe(root)
    if described is None:
        if not create:
            raise DataError(f"there is no lake at {url}", "make one with truyvet run, or name another")
        _create(root, keys)
        # Read again: another process may have made it at the same time, with other keys.
        described = _describe(root)
    assert described is not None
    if keys is not None and described["keys"] != _existing(keys, str(described["keys"])).fingerprint:
        raise RefusedError(f"the lake at {url} was made with other keys", "name its own keys with --keys")
    return Lake(root, str(described["keys"]))


def is_same(lake: Lake) -> bool:
    """Return whether a lake has the keys that it was opened with; a rotation gives it others.

    A lake in an object store is not looked at: it cannot be rotated.
    """
    if not lake.fingerprint or storage.is_url(lake.url):
        return True
    try:
        described = _describe(lake.url)
    except DataError:
        return True  # what is wrong with it, others say
    return described is None or described["keys"] == lake.fingerprint


def describe(lake: Lake, keys: Keys) -> None:
    """Write the file that makes a folder a lake of these keys.

    Raises:
        ServiceError: it cannot be written.
    """
    with writing(lake.url):
        # Not durable yet: `take_place` syncs the copy before it becomes the lake.
        storage.put(f"{lake.url}/{_LAKE_JSON}", _description(keys))


def _description(keys: Keys) -> bytes:
    return (json.dumps({"format": FORMAT, "keys": keys.fingerprint}) + "\n").encode()


def is_lake(url: str) -> bool:
    """Return whether there is a lake.

    Raises:
        DataError: this user may not look.
        ServiceError: its store cannot be reached, or its kind is unknown.
        UsageError: the URL is malformed.
    """
    path = url.removeprefix("file://")
    described = f"{_checked_url(path) if storage.is_url(path) else path}/{_LAKE_JSON}"
    try:
        storage.read(described)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError as error:
        raise denied(described) from error
    return True


def opened(lake: LakeLike, keys: str | Path | None = None) -> Lake:
    """Open a lake for reading.

    Args:
        lake: an open lake is returned as it is.
        keys: the folder of keys that must be the lake's own; None needs none.

    Raises:
        DataError: there is no lake, or it may not be read.
        RefusedError: it was made with other keys, or they may not be read.
    """
    if isinstance(lake, Lake):
        return lake
    return open_lake(str(lake), None if keys is None else Path(keys))


def _root(url: str) -> str:
    """Return the absolute folder of a lake, or its URL without a slash at the end.

    Raises:
        ServiceError: the kind of store is unknown.
        UsageError: delta-rs would take the path for another one, or the URL is malformed.
        DataError: the path is a file.
    """
    path = url.removeprefix("file://")
    if storage.is_url(path):
        return _checked_url(path)
    if _DECODED.search(os.path.abspath(path)):
        raise UsageError(f"{url} must not contain a % before two hexadecimal digits", "name another folder")
    root = os.path.abspath(path)
    if os.path.exists(root) and not os.path.isdir(root):
        raise DataError(f"{url} is a file", "name the folder of a lake")
    return root


def _checked_url(url: str) -> str:
    """Return the URL of a lake; an error does not repeat it, for it may contain a credential.

    Raises:
        ServiceError: the kind of store is unknown.
        UsageError: it is not just a bucket and a prefix.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in storage.STORES:
        known = " ".join(f"{store}://" for store in storage.STORES)
        raise ServiceError(f"unsupported URL scheme {scheme}://", f"name a local folder, or one of {known}")
    if not re.fullmatch(storage.STORES[scheme] + _PREFIX, rest):
        raise UsageError(
            f"--lake {scheme}://… must be a bucket and a prefix of letters, digits and . _ -",
            "credentials belong in the provider's own variables",
        )
    return url.rstrip("/")


def _describe(root: str) -> dict[str, object] | None:
    """Read `lake.json`, None where there is none.

    Raises:
        DataError: it is damaged or may not be read.
        RefusedError: it was written by a later version.
    """
    path = f"{root}/{_LAKE_JSON}"
    try:
        described = json.loads(storage.read(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise unreadable(path, error, "restore it from a backup") from error
    types = {"format": int, "keys": str}
    if not isinstance(described, dict) or any(
        not isinstance(described.get(key), types[key]) for key in types
    ):
        raise DataError(f"{path} is damaged", "restore it from a backup")
    if described["format"] != FORMAT:
        raise RefusedError(f"{path} is of another format", "use the truyvet that made the lake")
    return described


def _existing(keys: Keys | Path, fingerprint: str) -> Keys:
    """Return the keys of a lake that exists; a rotation that was killed after the lake had new ones goes on.

    Raises:
        RefusedError: their folder is not there, or may not be read.
    """
    if isinstance(keys, Keys):
        return keys
    if not _has_files(keys):
        raise RefusedError(
            f"the lake's keys are not in {keys}",
            "name their folder with --keys; new ones are never made beside a lake",
        )
    held = readable_keys(keys)
    # A rotation was killed after it exchanged the lakes and before it changed the keys.
    if held.fingerprint != fingerprint and fits_next(keys, fingerprint):
        take_next(keys)
        held = readable_keys(keys)
    return held


def readable_keys(folder: Path) -> Keys:
    """Load the keys of a folder, and tell a missing permission from damage.

    Raises:
        DataError: a file is missing or damaged.
        RefusedError: this user may not read them.
    """
    try:
        return load_keys(folder)  # the authority's private key may well be nobody else's to read
    except (DataError, PermissionError) as error:
        cause = error.__cause__ if isinstance(error, DataError) else error
        if not isinstance(cause, PermissionError):
            raise
        raise RefusedError(
            f"permission denied: {folder if is_denied(folder) else cause.filename}",
            "run as a user who may read the keys, or ask by --case or by token, which needs no keys",
        ) from error


def _has_files(folder: Path) -> bool:
    """Return whether a folder of keys has something in it; one that this user may not see has."""
    # A folder that cannot be read may hold keys: never make new ones there.
    return is_denied(folder) or (folder.is_dir() and any(folder.iterdir()))


def _create(root: str, keys: Keys | Path | None) -> None:
    """Make an empty lake; of several processes at once one makes it.

    Raises:
        RefusedError: the folder holds something else, or the keys may not be read.
        ServiceError: it cannot be written.
    """
    if keys is None:
        raise ValueError("a lake needs keys")
    with writing(root):
        if not _is_free(root):
            raise RefusedError(f"{root} is neither a lake nor empty", "name an empty or a new folder")
        # Keys before `lake.json`: a lake must never exist without its keys.
        if isinstance(keys, Path):
            keys = readable_keys(keys) if _has_files(keys) else create_keys(keys)
        path, content = f"{root}/{_LAKE_JSON}", _description(keys)
        storage.put_new(path, content)
        # The second put must fail: a store that ignores the condition would let a commit replace another.
        if storage.put_new(path, content):
            raise RefusedError(
                f"the store of {root} does not support conditional puts, so commits could be lost",
                "name a store that does",
            )


def _is_free(root: str) -> bool:
    """Return whether a lake may be made here; make the folder, private, on the way."""
    if storage.is_url(root):
        return not storage.is_folder(root) or storage.exists(f"{root}/{_LAKE_JSON}")
    os.makedirs(os.path.dirname(root), exist_ok=True)
    make_private(root)
    left = [name for name in os.listdir(root) if not name.startswith(TEMPORARY)]
    # If `lake.json` is there, another process is making this very lake.
    if left and _LAKE_JSON not in left:
        return False
    os.chmod(root, 0o700)  # an existing empty folder may be open to others
    return True
