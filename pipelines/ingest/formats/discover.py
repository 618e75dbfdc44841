"""Which files an input names, and the chunks that they are read in.

A file counts once however often and by whatever name it is given, and the
numbers of chunks follow from the paths alone, not from the order of flags.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipelines.errors import DataError, ServiceError, TruyVetError
from pipelines.ingest.formats.streams import (
    MAGIC,
    MARK,
    is_url,
    open_file,
    open_stream,
    reading,
    store_of,
    unreadable,
)
from pipelines.kernels.sort import grown

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
"""Formats that are no wire contract: only a file that is named itself is read as one."""

COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd"}
"""The compression that a last suffix names."""

CHUNK_BYTES: Final = 32 << 20
_MANY_BYTES: Final = 1 << 31  # beyond them chunks grow, and pass through the system's cache

_KNOWN = " ".join((*FORMATS, *COMPRESSIONS))
_SNIFFED_BYTES = 1 << 10


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of an input file that is read at once.

    Attributes:
        number: its place among all chunks of the batch, by path, then offset.
        path: absolute, or a URL.
        format: ndjson, csv, parquet, avro or tij.
        compression: gzip, zstd, `SEALED` or empty.
        start: offset of its first byte.
        stop: offset after its last byte. A line, or a row group of Parquet,
            belongs to the chunk in which its first byte lies.
        key: what a sealed file is opened with, else empty.
        passing: whether there is so much input that none of it should stay in the system's cache.
    """

    number: int
    path: str
    format: str
    compression: str
    start: int
    stop: int
    key: bytes = field(default=b"", repr=False)
    passing: bool = False


def list_chunks(paths: Sequence[str], *, chunk_bytes: int | None = None) -> list[Chunk]:
    """The chunks of all files that `paths` name.

    Plain NDJSON and Parquet are cut into ranges of bytes; of all else a file
    is a chunk.

    Args:
        paths: files, folders (recursive; files of known suffixes, neither hidden
            nor beginning with `_`), globs and URLs of object stores.
        chunk_bytes: how long a range is; None is `CHUNK_BYTES`, and more of very much input.

    Raises:
        DataError: a path names nothing that can be read.
        ServiceError: a store does not answer.
        UsageError: a URL names no known kind of store.
    """
    sizes: dict[str, int] = {}
    for path in paths:
        found = dict(_in_store(path) if is_url(path) and not path.startswith("file://") else _local(path))
        if not found:
            raise unreadable(path, "holds no input file", f"name files of the kinds {_KNOWN}")
        sizes |= found
    total = sum(sizes.values())
    chunk_bytes = chunk_bytes or grown(CHUNK_BYTES, total, _MANY_BYTES)
    chunks: list[Chunk] = []
    for path in sorted(sizes):
        kind, compression = _kind_of(path)
        for start, stop in _ranges(sizes[path], kind, compression, chunk_bytes):
            chunks.append(
                Chunk(len(chunks), path, kind, compression, start, stop, passing=total > _MANY_BYTES)
            )
    return chunks


def total_bytes(chunks: Sequence[Chunk]) -> int:
    """How many bytes the chunks have on disk, as they are compressed."""
    return sum(chunk.stop - chunk.start for chunk in chunks)


def _ranges(size: int, kind: str, compression: str, chunk_bytes: int) -> Iterator[tuple[int, int]]:
    if compression or kind not in ("ndjson", "parquet") or size <= chunk_bytes:
        yield 0, size
        return
    for start in range(0, size, chunk_bytes):
        yield start, min(start + chunk_bytes, size)


def _local(path: str) -> Iterator[tuple[str, int]]:
    """The files that a local path names, resolved, with their sizes."""
    path = path.removeprefix("file://")
    if os.path.exists(path):
        yield from _file_or_folder(path)
    elif glob.has_magic(path):
        for match in glob.glob(path, recursive=True):
            if not _skipped(os.path.basename(match)):
                yield from _file_or_folder(match)
    else:
        raise unreadable(path, "is missing", "name a file, a folder or a glob that matches")


def _file_or_folder(path: str) -> Iterator[tuple[str, int]]:
    try:
        if not os.path.isdir(path):
            if not os.path.isfile(path):
                raise unreadable(path, "is no regular file", "write its content to a file first")
            yield str(Path(path).resolve()), os.path.getsize(path)
            return
        for folder, folders, names in os.walk(path, onerror=_raise):
            folders[:] = [name for name in folders if not _skipped(name)]
            for name in names:
                if not _skipped(name) and _is_record_file(name):
                    inside = Path(folder, name).resolve()
                    yield str(inside), inside.stat().st_size
    except OSError as error:
        raise unreadable(path, "cannot be opened", error.strerror or "check the folder") from error


def _raise(error: OSError) -> None:
    raise error


def _skipped(name: str) -> bool:
    return name.startswith((".", "_"))


def _in_store(url: str) -> Iterator[tuple[str, int]]:
    """The files that a URL names, with their sizes."""
    store, inner = store_of(url)
    try:
        if glob.has_magic(inner) and not store.exists(inner):
            roots = [
                match for match in store.glob(inner) if not _skipped(match.rstrip("/").rpartition("/")[2])
            ]
        else:
            roots = [inner]
        for root in roots:
            for path, size in _below(store, root):
                yield store.unstrip_protocol(path), size
    except FileNotFoundError as error:
        raise unreadable(url, "is missing", "name a file, a folder or a glob that matches") from error
    except TruyVetError:
        raise
    except Exception as error:  # every store's client raises its own
        raise ServiceError(f"{url} cannot be listed", "check the name and the sign-in") from error


def _below(store: Any, root: str) -> Iterator[tuple[str, int]]:
    """A file of a store, or the files of known suffixes below a folder of it."""
    if "/" in root.rstrip("/") and store.isfile(root):  # a bucket is none, whatever its store says
        yield root, int(store.info(root)["size"])
        return
    found = store.find(root, detail=True)
    if not found and not store.exists(root):
        raise FileNotFoundError
    for path, info in found.items():
        below = path.removeprefix(root.rstrip("/")).strip("/").split("/")
        if _is_record_file(below[-1]) and not any(_skipped(name) for name in below):
            yield path, int(info["size"])


def _is_record_file(name: str) -> bool:
    """Whether a file of a folder is read: its name tells a format of the wire contract."""
    named = _suffixes(name)
    return named is not None and named[0] not in FOREIGN


def _suffixes(name: str) -> tuple[str, str] | None:
    """Format and compression that a name tells, None where it does not."""
    stem, suffix = os.path.splitext(name.lower())
    compression = COMPRESSIONS.get(suffix, "")
    if compression:
        suffix = os.path.splitext(stem)[1]
    kind = FORMATS.get(suffix)
    return None if kind is None else (kind, compression)


def _kind_of(path: str) -> tuple[str, str]:
    """Format and compression of a file, from its name or else from its first bytes.

    Raises:
        DataError: neither tells.
    """
    named = _suffixes(path.rpartition("/")[2])
    if named is not None:
        return named
    head = _head(path, "")
    compression = next((kind for kind in ("gzip", "zstd") if head.startswith(MAGIC[kind])), "")
    if compression:
        head = _head(path, compression)
    for kind in ("parquet", "avro"):
        if head.startswith(MAGIC[kind]):
            return kind, compression
    if head.removeprefix(MARK).lstrip().startswith(b"{"):
        return "ndjson", compression
    raise _unknown(path)


def _head(path: str, compression: str) -> bytes:
    with reading(path, compression or "a file"):
        if not compression:
            with open_file(path) as file:
                return bytes(file.read(_SNIFFED_BYTES))
        with open_stream(path, compression) as stream:
            return bytes(stream.read(_SNIFFED_BYTES))


def _unknown(path: str) -> DataError:
    return unreadable(path, "is of no known kind", f"name it by what it is: {_KNOWN}")
