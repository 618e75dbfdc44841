"""Which files a path names: a file, a folder, a glob, or the same in an object store.

Folders are searched recursively for names that tell a format. Files that are
left out are reported, so that a day of scans in `day.xlsx` is not missed in
silence.
"""

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from re import fullmatch
from typing import Final

from pipelines.errors import UsageError
from pipelines.ingest.formats.discovery.streams import denied, path_text, unreadable
from pipelines.lake import storage

FORMATS: Final = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".csv": "csv",
    ".parquet": "parquet",
    ".avro": "avro",
    ".dat": "tij",
}
"""The format that a suffix names."""

FOREIGN: Final = ("tij",)
"""Formats outside of the wire contract: read only where the file itself is named."""

COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd"}
"""The compression that a last suffix names."""

KNOWN_SUFFIXES: Final = " ".join((*FORMATS, *COMPRESSIONS))

_CONVERSIONS: Final = {
    (".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".numbers"): "save the workbook as CSV UTF-8",
    (".zip", ".rar", ".7z", ".tar", ".tgz", ".bz2", ".xz"): "unpack the archive",
    (".txt", ".tsv", ".log"): "rename text files to .csv or .ndjson by what they hold",
}
_NAMED_AT_MOST: Final = 8


@dataclass(frozen=True)
class UnreadFiles:
    """Files of a named folder that are not read.

    >>> UnreadFiles("/in", ("a.txt", "b.zip")).note()
    '2 files in /in were not read: a.txt b.zip (unpack the archive; rename text files to .csv or \
.ndjson by what they hold)'

    Attributes:
        folder: as it was named.
        names: relative to the folder, in order.
    """

    folder: str
    names: tuple[str, ...]

    def note(self) -> str:
        """Name them in one line, with what to do about them."""
        count = len(self.names)
        shown = " ".join(map(path_text, self.names[:_NAMED_AT_MOST]))
        more = f" and {count - _NAMED_AT_MOST} more" if count > _NAMED_AT_MOST else ""
        files = "1 file" if count == 1 else f"{count} files"
        was = "was" if count == 1 else "were"
        return f"{files} in {path_text(self.folder)} {was} not read: {shown}{more} ({self._remedy()})"

    def _remedy(self) -> str:
        ends = {os.path.splitext(name.lower())[1] for name in self.names}
        remedies = [remedy for suffixes, remedy in _CONVERSIONS.items() if ends.intersection(suffixes)]
        return "; ".join(remedies) or f"names that are read end in {KNOWN_SUFFIXES}"


@dataclass(frozen=True)
class FoundFiles:
    """What paths name.

    Attributes:
        sizes: bytes by absolute path or URL; a file counts once however often it is named.
        unread: files that were left out, by named folder.
    """

    sizes: dict[str, int]
    unread: tuple[UnreadFiles, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A file below a path; `left_out` is its name in the folder when it is not read."""

    path: str
    size: int
    left_out: str = ""


def find_files(paths: Sequence[str]) -> FoundFiles:
    """Find the files that `paths` name.

    Args:
        paths: files, folders, globs and URLs. In a folder, names that begin with `.` are passed
            over, and those that begin with `_` or tell no format are left out and reported.

    Raises:
        DataError: a path names nothing that can be read.
        ServiceError: a store does not answer.
        UsageError: the URL is not of a supported store.
    """
    sizes: dict[str, int] = {}
    left_out: dict[str, dict[str, str]] = defaultdict(dict)
    for path in paths:
        found = list(_in_store(path) if _is_in_store(path) else _local(path.removeprefix("file://")))
        unread = {file.left_out: file.path for file in found if file.left_out}
        # Also where nothing was found at all.
        if all(file.left_out for file in found):
            raise unreadable(path, _holds_nothing(unread), f"name files that end in {KNOWN_SUFFIXES}")
        sizes |= {file.path: file.size for file in found if not file.left_out}
        left_out[path] |= unread
    unread_files = []
    for path, places in left_out.items():
        # What a folder leaves out may be named by another path, and is read then.
        names = sorted(name for name, place in places.items() if place not in sizes)
        if names:
            unread_files.append(UnreadFiles(path, tuple(names)))
    return FoundFiles(sizes, tuple(unread_files))


def suffixes(name: str) -> tuple[str, str] | None:
    """Return the format and compression that a name tells, None where it tells none.

    >>> suffixes("scans-2021-08-01.NDJSON.gz")
    ('ndjson', 'gzip')
    >>> suffixes("notes.txt")
    """
    stem, suffix = os.path.splitext(name.lower())
    compression = COMPRESSIONS.get(suffix, "")
    if compression:
        suffix = os.path.splitext(stem)[1]
    kind = FORMATS.get(suffix)
    return None if kind is None else (kind, compression)


def _holds_nothing(unread: Iterable[str]) -> str:
    if not unread:
        return "holds no input file"
    some = " ".join(map(path_text, sorted(unread)[:_NAMED_AT_MOST]))
    return f"holds no input file, only {some}"


def _is_in_store(path: str) -> bool:
    return storage.is_url(path) and not path.startswith("file://")


def _local(path: str) -> Iterator[_Found]:
    # First, so that a file whose own name holds `[` or `*` can be named.
    if _is_there(path):
        yield from _file_or_folder(path)
    elif glob.has_magic(path):
        for match in _matches(path):
            if not _is_skipped(os.path.basename(match)):
                for found in _file_or_folder(match):
                    yield replace(found, left_out=found.left_out and f"{match}/{found.left_out}")
    else:
        raise unreadable(path, "is missing", "name a file, a folder or a glob that matches")


def _is_there(path: str) -> bool:
    """Tell whether a path leads to something; `os.path.exists` also denies what may not be seen.

    Raises:
        UnreadableError: this account may not enter a folder on the way.
    """
    try:
        os.stat(path)
    except PermissionError as error:
        raise denied(path, error) from error
    except (OSError, ValueError):  # ValueError: a zero byte
        return False
    return True


def _matches(pattern: str) -> list[str]:
    """Return what a glob names, which passes over folders that may not be looked into.

    Raises:
        UnreadableError: it names nothing, and the last folder before its signs may not be looked into.
    """
    found = glob.glob(pattern, recursive=True)
    folder = pattern
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    try:
        if not found:
            os.listdir(folder or ".")
    except PermissionError as error:
        raise denied(folder, error) from error
    except OSError:  # said as of a glob that matches nothing
        return []
    return found


def _file_or_folder(path: str) -> Iterator[_Found]:
    try:
        if not os.path.isdir(path):
            if not os.path.isfile(path):
                raise unreadable(path, "is not a regular file", "write its content to a file first")
            # Links are resolved, so that a file named in two ways counts once.
            yield _Found(str(Path(path).resolve()), os.path.getsize(path))
            return
        for folder, folders, names in os.walk(path, onerror=_raise):
            # os.walk does not descend into links to folders
            closed = [name for name in folders if _is_skipped(name) or os.path.islink(f"{folder}/{name}")]
            # In place: os.walk descends into what is left.
            folders[:] = [name for name in folders if not _is_skipped(name)]
            for name in [*(f"{name}/" for name in closed), *names]:
                if not name.startswith("."):
                    yield _in_local_folder(Path(folder, name), name, os.path.relpath(folder, path))
    except PermissionError as error:
        raise denied(str(error.filename or path), error) from error
    except OSError as error:
        raise unreadable(path, "cannot be opened", error.strerror or "check the folder") from error


def _in_local_folder(path: Path, name: str, parent: str) -> _Found:
    """Describe a file of a folder, or a folder in it that is left out: its name ends in `/`."""
    left_out = _below(name, name if parent == "." else f"{parent}/{name}")
    if not left_out and not path.exists():
        raise unreadable(str(path), "is a link to a missing file", "mend the link, or remove it")
    # Reading a pipe might block for ever.
    if not left_out and not path.is_file():
        left_out = name
    return _Found(str(path.resolve()), 0 if left_out else path.stat().st_size, left_out)


def _raise(error: OSError) -> None:
    raise error


def _below(name: str, left_out: str) -> str:
    """Return `left_out` where a name in a folder is not read, else nothing."""
    named = suffixes(name)
    is_read = named is not None and named[0] not in FOREIGN and not _is_skipped(name)
    return "" if is_read else left_out


def _is_skipped(name: str) -> bool:
    """Tell whether a name is hidden or temporary: `_SUCCESS`, `_delta_log`, `.git`."""
    return name.startswith((".", "_"))


def _in_store(url: str) -> Iterator[_Found]:
    """Find the objects that a URL names: itself, those below it, or those that a glob matches."""
    url = url.rstrip("/")
    _check_store(url)
    # A URL that names an object exactly wins over objects below it.
    bucket, key = storage.split(url)
    itself = storage.status(url) if key else None
    if itself is not None:
        yield _Found(url, itself.size)
        return
    names = key.split("/") if key else []
    # List only below the part of the key that holds no wildcard.
    fixed = next((at for at, name in enumerate(names) if glob.has_magic(name)), len(names))
    folder, pattern = "/".join([bucket, *names[:fixed]]), names[fixed:]
    objects = list(storage.files(folder))
    if not objects and not pattern:
        raise unreadable(url, "is missing", "name a file, a folder or a glob that matches")
    for found in objects:
        below = found.place.removeprefix(f"{folder}/").split("/")
        # How many leading names of the object the pattern covers; nothing where it does not match.
        depths = set(_matched(below, pattern))
        if len(below) in depths and not _is_skipped(below[-1]):
            yield _Found(found.place, found.size)
        elif depths:
            # The shortest match is the folder that was named.
            yield from _in_folder(found, below, min(depths))


def _in_folder(found: storage.Status, below: list[str], depth: int) -> Iterator[_Found]:
    """Yield an object below a folder that was named: the first `depth` of its names."""
    inside = below[depth:]
    if any(name.startswith(".") for name in inside) or any(map(_is_skipped, below[:depth][-1:])):
        return
    skipped = next((at for at, name in enumerate(inside) if _is_skipped(name)), None)
    named = found.place[: len(found.place) - len("/".join(inside))] if depth else ""
    # A folder that is left out is reported once, by its own name.
    if skipped is not None and skipped < len(inside) - 1:
        yield _Found(found.place, 0, named + "/".join(inside[: skipped + 1]) + "/")
    else:
        left_out = _below(inside[-1], named + "/".join(inside)) if inside else ""
        yield _Found(found.place, found.size, left_out)


def _matched(names: Sequence[str], pattern: Sequence[str]) -> Iterator[int]:
    """Yield how many leading names a glob matches, its `**` any number of folders.

    >>> list(_matched(["scans", "08", "a.csv"], ["**", "*.csv"]))
    [3]
    """
    if not pattern:
        yield 0
    elif pattern[0] == "**":
        for skipped in range(len(names) + 1):
            # Like a shell, `**` does not enter hidden folders.
            if any(name.startswith(".") for name in names[:skipped]):
                return
            yield from (skipped + more for more in _matched(names[skipped:], pattern[1:]))
    elif names and fnmatchcase(names[0], pattern[0]) and not names[0].startswith("."):
        yield from (1 + more for more in _matched(names[1:], pattern[1:]))


def _check_store(url: str) -> None:
    """Refuse other stores, and a bucket that may hold a credential, which is not repeated.

    Raises:
        UsageError: the scheme or the bucket.
    """
    scheme, _, rest = url.partition("://")
    known = " ".join(f"{store}://" for store in storage.STORES)
    if scheme not in storage.STORES:
        raise UsageError(f"{scheme}:// is an unsupported URL scheme", f"write a path, or one of {known}")
    if not fullmatch(storage.STORES[scheme], rest.partition("/")[0]):
        raise UsageError(
            f"{scheme}://… does not name a bucket", "credentials belong in the provider's own variables"
        )
