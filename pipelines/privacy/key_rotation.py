"""New keys beside the old ones: made before a rotation, in force with it, the old ones destroyed after it.

    KEYS/_next/   token.key, event.key: made, and no lake has them yet
    KEYS/_new/    the same folder, renamed once the lake has them: read instead of those beside it
    KEYS/         the files take their places, the old token key is overwritten first, and `_new` goes

Each step is one rename, so a kill leaves keys that fit the lake or that opening the lake makes fit:
`lake.json` has the fingerprint of the keys that its rows were made with.
"""

import contextlib
import os
import shutil
from pathlib import Path

from pipelines.errors import DataError, RefusedError, ServiceError
from pipelines.privacy.key_folders import (
    EVENT_KEY,
    NEW_KEYS,
    NEXT_KEYS,
    TOKEN_KEY,
    new_key,
    read_key_files,
    read_rotating_keys,
    sync_folder,
    write_keys,
)
from pipelines.privacy.keys import Keys, keys_of

_TIDIED = "_tmp-new"


def make_next(folder: Path) -> Keys:
    """Make the keys of the next rotation, in place of those of one that came to nothing.

    Raises:
        DataError: the keys of now are damaged.
        ServiceError: the folder cannot be written.
    """
    files = read_key_files(folder)
    made = folder / NEXT_KEYS
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        write_keys(made / TOKEN_KEY, [new_key()])
        # Earlier generations stay, because the hashes are nested.
        write_keys(made / EVENT_KEY, [files.event_key, *files.generations, new_key()])
        sync_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return next_keys(folder)


def next_keys(folder: Path) -> Keys:
    """Load keys that no lake may have yet.

    Raises:
        DataError: there are none, or they are damaged.
    """
    return keys_of(folder, read_rotating_keys(folder / NEXT_KEYS, folder))


def fits_next(folder: Path, fingerprint: str) -> bool:
    """Return whether there are next keys and they are those of a lake."""
    try:
        return next_keys(folder).fingerprint == fingerprint
    except (DataError, PermissionError):
        return False


def drop_next(folder: Path) -> None:
    """Remove the keys of a rotation that came to nothing."""
    shutil.rmtree(folder / NEXT_KEYS, ignore_errors=True)


def take_next(folder: Path) -> None:
    """Put the next keys in force: the lake has them. Of several processes one does it.

    Raises:
        RefusedError: this account may not.
    """
    try:
        # One rename puts both files into force.
        os.rename(folder / NEXT_KEYS, folder / NEW_KEYS)
        sync_folder(folder)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise RefusedError(
            f"a rotation was interrupted before the keys in {folder} were changed",
            "run truyvet rotate as the owner of the keys",
        ) from error


def is_taken(folder: Path) -> bool:
    """Return whether new keys are in force and old ones not yet destroyed."""
    return (folder / NEW_KEYS).is_dir()


def destroy_old(folder: Path) -> None:
    """Destroy the old token key and let the new files take the places of the old ones.

    Raises:
        ServiceError: the folder cannot be written.
    """
    new = folder / NEW_KEYS
    try:
        # The token key first: without it the old tokens can no longer be computed.
        for name in (TOKEN_KEY, EVENT_KEY):
            with contextlib.suppress(FileNotFoundError):
                _overwrite(folder / name)
            _copy(new / name, folder / name)
        sync_folder(folder)
        # Renamed first: a folder that a kill has half emptied must not count as the keys.
        shutil.rmtree(folder / _TIDIED, ignore_errors=True)
        os.rename(new, folder / _TIDIED)
        shutil.rmtree(folder / _TIDIED)
        sync_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _overwrite(path: Path) -> None:
    """Overwrite a file before its name goes; a file system that copies on write keeps the old bytes."""
    size = path.stat().st_size
    # In place: a new file would lie elsewhere on the disk.
    with path.open("r+b") as file:
        file.write(b"0" * size)
        file.flush()
        os.fsync(file.fileno())


def _copy(source: Path, target: Path) -> None:
    """Copy keys; nobody reads the target before the source is gone."""
    write_keys(target, [bytes.fromhex(line) for line in source.read_text("ascii").split()])


def _unwritable(folder: Path, error: OSError) -> ServiceError:
    return ServiceError(f"keys cannot be changed in {folder}", error.strerror or "check its space and rights")
