"""Where numba keeps compiled kernels, so that they outlive the process.

Without its cache numba compiles for half a minute in every process, and where
it finds no folder that it may write, a module with a kernel cannot even be
imported. This module must not import numba, which reads `NUMBA_CACHE_DIR`
only once.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import time
from pathlib import Path
from typing import Final

from pipelines.user_folders import user_folder

VARIABLE: Final = "NUMBA_CACHE_DIR"

WITHOUT_KERNELS: Final = (
    "cli.py", "commands", "demo.py", "demo_stream.py", "drivers", "maintenance", "query", "web",
)  # fmt: skip
"""What of `pipelines` no kernel is made of: a change there leaves compiled kernels valid. A test holds it."""

_PREFIX: Final = "truyvet-numba-"
_LOCK: Final = ".lock"
_MEMORY: Final = "/dev/shm"  # noqa: S108  a private folder is made in it
_YOUNG_SECONDS: Final = 60

_REMEDY: Final = "name a folder of your own with XDG_CACHE_HOME"

_refusal = ""  # why a temporary folder stands in for the lasting one
_lock = -1  # descriptor of the lock that tells other processes that our temporary folder is in use


def keep_compiled_kernels() -> None:
    """Name the cache folder for numba and for the processes started from here.

    That is `NUMBA_CACHE_DIR` if it is set, else a folder in `XDG_CACHE_HOME` or
    `~/.cache`. Never a folder of another account: what lies in the cache is
    executed. If the folder cannot be used (a service account without a home),
    it is a private temporary one, removed when the process ends.
    """
    global _refusal
    given = os.environ.get(VARIABLE)
    folder = Path(given) if given else _lasting_folder()
    if folder is None and _may_write(Path(__file__).parent):
        return  # numba's own default, `__pycache__` beside the source
    if folder is None:
        refusal = "this account has no home folder"
    elif not _may_write(folder):
        refusal = f"{folder} cannot be written"
    else:
        refusal = "" if given else _foreign(folder)
    if refusal:
        with contextlib.suppress(OSError):  # no temporary folder either: the first kernel will say so
            os.environ[VARIABLE] = _temporary_folder()
            _refusal = f"{refusal}; {f'unset {VARIABLE} and ' if given else ''}{_REMEDY}"
    else:
        os.environ[VARIABLE] = str(folder)


def refusal_of_cache() -> str:
    """Return why kernels are kept for this process only, and the remedy; nothing where they are kept."""
    return _refusal


def _lasting_folder() -> Path | None:
    base = user_folder("XDG_CACHE_HOME", ".cache")
    return None if base is None else base / "truyvet" / f"numba-{_sources_digest()}"


def _foreign(folder: Path) -> str:
    """Tell whether another account but root owns the folder or one of the two that it lies in.

    With a home in /tmp, or that of the caller of `sudo`, another account could put its own kernels there.
    """
    for place in (folder, *folder.parents[:2]):
        for owner_of in (place.lstat, place.stat):  # of a link, and of what it leads to
            with contextlib.suppress(FileNotFoundError):
                if owner_of().st_uid not in (0, os.geteuid()):
                    return f"{place} belongs to another account"
    return ""


def _sources_digest() -> str:
    """Return 16 hexadecimal digits that change with the place, size or time of any source of a kernel.

    Numba compares a kernel with its own file only (numba#1833) and would keep using constants and
    helpers that it once took from another file.
    """
    pipelines = Path(__file__).parents[1]
    schemas = pipelines.with_name("schemas")
    roots = [path for path in pipelines.iterdir() if path.name not in WITHOUT_KERNELS]
    paths = [*schemas.rglob("*.py"), *schemas.rglob("*.avsc")]
    paths += [path for root in roots for path in ([root] if root.suffix == ".py" else root.rglob("*.py"))]
    seen = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(paths)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _may_write(folder: Path) -> bool:
    """Tell whether the folder can be written or made, by a file that has no name and leaves nothing."""
    # The folder itself may not exist yet: ask the nearest parent that does.
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    # As root `os.access` would allow /proc and a read-only mount.
    with contextlib.suppress(OSError):
        os.close(os.open(existing, os.O_WRONLY | os.O_TMPFILE, 0o600))
        return True
    import tempfile  # a file system without O_TMPFILE, or a refusal; every start would wait for this import

    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError:
        return False
    return True


def _temporary_folder() -> str:
    """Make a folder that only this account may enter, removed when this process ends."""
    import shutil
    import tempfile

    global _lock
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:  # a container whose disk is read-only
        place = _MEMORY
    _remove_left(Path(place))
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
    _lock = os.open(Path(folder, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(_lock, fcntl.LOCK_EX)
    maker = os.getpid()

    def remove() -> None:
        if os.getpid() == maker:  # a forked child ends earlier
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _remove_left(place: Path) -> None:
    """Remove the folders of processes of this account that were killed."""
    import shutil

    for left in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = left.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _YOUNG_SECONDS:
                continue  # a young one may not have been locked yet
            with (left / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
