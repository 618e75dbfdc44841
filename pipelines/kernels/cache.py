"""Where numba keeps compiled kernels, so that they outlive the process.

Without its cache numba compiles for half a minute in every process, and where
it finds no folder that it may write, a module with a kernel cannot even be
imported. This module must not import numba, which reads `NUMBA_CACHE_DIR`
only once.
"""

import atexit
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "NUMBA_CACHE_DIR"

WITHOUT_KERNELS: Final = (
    "cli.py", "commands", "demo.py", "demo_stream.py", "drivers", "maintenance", "query", "web",
)  # fmt: skip
"""What of `pipelines` no kernel is made of: a change there leaves compiled kernels valid. A test holds it."""

_refused: Path | None = None  # the folder that a temporary one stands in for


def keep_compiled_kernels() -> None:
    """Name the cache folder for numba and for the processes started from here.

    That is `NUMBA_CACHE_DIR` if it is set, else a folder in `XDG_CACHE_HOME` or
    `~/.cache`. Never a shared folder such as /tmp: what lies in the cache is
    executed. If the folder cannot be written (a service account without a home),
    it is a private temporary one, removed when the process ends.
    """
    global _refused
    folder = _cache_folder()
    if folder is None:
        return
    # Asked here, since numba fails at the import of the first kernel: no locator available for file.
    if not _may_write(folder):
        with contextlib.suppress(OSError):  # no temporary folder either: numba will say so
            os.environ[VARIABLE] = _temporary_folder()
            _refused = folder
    os.environ.setdefault(VARIABLE, str(folder))


def refused_folder() -> Path | None:
    """Return the cache folder that could not be written, if kernels are kept for this process only."""
    return _refused


def _cache_folder() -> Path | None:
    """Return the lasting folder; None leaves numba its own default, `__pycache__` beside the source."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base, "truyvet", f"numba-{_sources_digest()}")
    # A relative folder would be another one in each working directory.
    return folder if folder.is_absolute() or not _may_write(Path(__file__).parent) else None


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
    while not os.path.exists(existing) and existing != existing.parent:
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

    folder = tempfile.mkdtemp(prefix="truyvet-numba-")
    maker = os.getpid()

    def remove() -> None:
        if os.getpid() == maker:  # a forked child ends earlier
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
