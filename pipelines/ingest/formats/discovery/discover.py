"""The chunks that input files are read in.

The numbers of chunks follow from the paths alone, not from the order of
flags, so the first of two records with one event id is always the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.errors import DataError
from pipelines.ingest.formats.discovery.file_kinds import other_kind
from pipelines.ingest.formats.discovery.find_files import KNOWN_SUFFIXES, UnreadFiles, find_files, suffixes
from pipelines.ingest.formats.discovery.streams import (
    MAGIC,
    MARK,
    open_file,
    open_stream,
    reading,
    unreadable,
)
from pipelines.kernels.sort import grown

CHUNK_BYTES: Final = 32 << 20
_MANY_BYTES: Final = 1 << 31  # from here on chunks grow, and pages are dropped from the cache after reading

_SNIFFED_BYTES: Final = 1 << 10


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of an input file that is read at once.

    >>> Chunk(number=0, path="/in/a.ndjson", format="ndjson", compression="", start=0, stop=120).passing
    False

    Attributes:
        number: its position among all chunks of the batch, by path, then offset.
        path: absolute, or a URL.
        format: ndjson, csv, parquet, avro or tij.
        compression: gzip, zstd, `SEALED` or empty.
        start: offset of its first byte.
        stop: offset after its last byte. A line, or a row group of Parquet,
            belongs to the chunk in which its first byte lies.
        key: of a sealed file, else empty.
        passing: whether to drop its pages from the system's cache after reading (inputs over 2 GiB).
    """

    number: int
    path: str
    format: str
    compression: str
    start: int
    stop: int
    key: bytes = field(default=b"", repr=False)
    passing: bool = False


@dataclass(frozen=True)
class InputFiles:
    """What paths name, ready to be read.

    Attributes:
        chunks: in order of path and offset.
        unread: files of named folders that are not read.
    """

    chunks: tuple[Chunk, ...] = ()
    unread: tuple[UnreadFiles, ...] = ()


def list_chunks(paths: Sequence[str], *, chunk_bytes: int | None = None) -> list[Chunk]:
    """Return the chunks of `list_inputs`."""
    return list(list_inputs(paths, chunk_bytes=chunk_bytes).chunks)


def list_inputs(paths: Sequence[str], *, chunk_bytes: int | None = None) -> InputFiles:
    """List the chunks of all files that `paths` name.

    Plain NDJSON and Parquet are cut into ranges of bytes; any other file is
    one chunk.

    Args:
        paths: files, folders, globs and URLs, as `find_files` takes them.
        chunk_bytes: length of a range; None is `CHUNK_BYTES`, and more of very large inputs.

    Raises:
        DataError: a path names nothing that can be read.
        ServiceError: a store does not answer.
        UsageError: a URL is not of a supported store.
    """
    found = find_files(paths)
    total = sum(found.sizes.values())
    chunk_bytes = chunk_bytes or grown(CHUNK_BYTES, total, _MANY_BYTES)
    chunks: list[Chunk] = []
    for path in sorted(found.sizes):
        kind, compression = _kind_of(path)
        for start, stop in _ranges(found.sizes[path], kind, compression, chunk_bytes):
            chunks.append(
                Chunk(len(chunks), path, kind, compression, start, stop, passing=total > _MANY_BYTES)
            )
    return InputFiles(tuple(chunks), found.unread)


def total_bytes(chunks: Sequence[Chunk]) -> int:
    """Sum up the bytes of chunks on disk, as they are compressed."""
    return sum(chunk.stop - chunk.start for chunk in chunks)


def _ranges(size: int, kind: str, compression: str, chunk_bytes: int) -> Iterator[tuple[int, int]]:
    # An offset in CSV may lie within quotes, and a compressed file can only be read from its begin.
    if compression or kind not in ("ndjson", "parquet") or size <= chunk_bytes:
        yield 0, size
        return
    for start in range(0, size, chunk_bytes):
        yield start, min(start + chunk_bytes, size)


def _kind_of(path: str) -> tuple[str, str]:
    """Tell format and compression of a file by its name, else by its first bytes.

    Raises:
        DataError: neither tells.
    """
    named = suffixes(path.rpartition("/")[2])
    if named is not None:
        return named

    # The name tells nothing: look at the first bytes, unpacked if need be.
    head = _head(path, "")
    compression = next((kind for kind in ("gzip", "zstd") if head.startswith(MAGIC[kind])), "")
    if compression:
        head = _head(path, compression)
    for kind in ("parquet", "avro"):
        if head.startswith(MAGIC[kind]):
            return kind, compression
    if head.removeprefix(MARK).lstrip().startswith(b"{"):
        return "ndjson", compression
    raise _unknown(path, head)


def _head(path: str, compression: str) -> bytes:
    with reading(path, compression or "a file"):
        if not compression:
            with open_file(path) as file:
                return bytes(file.read(_SNIFFED_BYTES))
        with open_stream(path, compression) as stream:
            return bytes(stream.read(_SNIFFED_BYTES))


def _unknown(path: str, head: bytes) -> DataError:
    other = other_kind(head)
    if other is not None:
        return unreadable(path, f"holds {other[0]}", other[1])
    return unreadable(path, "is of an unknown format", f"name it by what it is: {KNOWN_SUFFIXES}")
