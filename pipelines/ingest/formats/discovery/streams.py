"""Input files as bytes: on a disk or in an object store, plain, compressed or sealed.

A file that cannot be read raises a `DataError` that names the file and never
its content.
"""

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.errors import DataError, UnreadableError, permission_denied
from pipelines.kernels.types import UInt8
from pipelines.lake import storage
from pipelines.privacy.sealed_file import SealedReader

MAGIC: Final = {"parquet": b"PAR1", "avro": b"Obj\x01", "gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
"""First bytes of a format or a compression."""

SEALED: Final = "sealed"
"""The compression of a file written by `pipelines.privacy.sealed_file`."""

MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

# Controls and bidi marks in a file name could forge a line on the terminal.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_COPIED_BYTES: Final = 1 << 20
_MOST_HELD_BYTES: Final = 1 << 30


class DamagedError(Exception):
    """Bytes break the rules of their format. `reading` turns it into an error that names the file."""


def unreadable(path: str, what: str, remedy: str) -> DataError:
    """Build the error of a file.

    >>> str(unreadable("a.csv", "is empty", "send it again"))
    'a.csv is empty: send it again'
    """
    return DataError(f"{path} {what}", remedy)


def denied(path: str, error: PermissionError) -> UnreadableError:
    """Build the error of a file or folder that this account may not read."""
    told = permission_denied(error, path_text(path))
    return UnreadableError(told.what, told.remedy)


def path_text(path: str) -> str:
    r"""Return a path as text for people: names need not be UTF-8, and may hold line breaks.

    >>> path_text("/in/a\nb.csv")
    '/in/a\ufffdb.csv'
    """
    return _HIDDEN.sub("\ufffd", os.fsencode(path).decode("utf-8", "replace"))


def open_file(path: str) -> Any:
    """Open a file for reading, as it lies, at its first byte.

    Raises:
        DataError: it is missing or may not be read.
        ServiceError: its store does not answer.
    """
    try:
        return storage.open_file(path)
    except FileNotFoundError as error:
        raise unreadable(path, "is missing", "name a file that exists") from error
    except PermissionError as error:
        raise denied(path, error) from error
    except OSError as error:
        raise unreadable(path, "cannot be opened", error.strerror or "check the file") from error


@contextmanager
def reading(path: str, kind: str) -> Iterator[None]:
    """Turn errors of a library over damaged bytes of `path` into a `DataError`.

    The library's text is dropped, for it may quote the bytes.
    """
    try:
        yield
    except (OSError, pa.ArrowException, DamagedError) as error:
        raise unreadable(
            path, f"cannot be read as {kind}", "it is damaged or cut off; send it again, or leave it out"
        ) from error


@contextmanager
def open_stream(path: str, compression: str, key: bytes = b"") -> Iterator[Any]:
    """Open a file and decompress or unseal it: an object with `readinto`.

    A compressed stream that ends early raises OSError when its end is read,
    one whose bytes have changed when its checksum is read.

    Args:
        path: absolute, or a URL.
        compression: a compression of `MAGIC`, `SEALED`, or empty.
        key: of a sealed file.

    Raises:
        DataError: the file is missing, or does not begin like its compression.
    """
    with open_file(path) as file:
        if not compression:
            yield file
            return
        if compression == SEALED:
            yield SealedReader(file, key)
            return
        begin = read_upto(file, len(MAGIC[compression])).tobytes()
        if not begin:
            raise unreadable(path, "is empty", f"a {compression} file has a header; send it again")
        if begin != MAGIC[compression]:
            raise unreadable(path, f"is not a {compression} file", "name it by what it is, or send it again")
        file.seek(0)
        with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), compression) as stream:
            yield stream


def let_go(stream: Any, start: int, stop: int) -> None:
    """Drop the pages of a range of a local file from the system's cache.

    Input that is larger than memory would else push out the pages just written.
    """
    with suppress(OSError):  # an object or a compressed file has no descriptor
        os.posix_fadvise(stream.fileno(), start, stop - start, os.POSIX_FADV_DONTNEED)


def announce(stream: Any, places: Sequence[int], size: int) -> None:
    """Ask the system to read `size` bytes at each of some offsets of a local file ahead."""
    with suppress(OSError):
        # No readahead between the places, but each of them at once.
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for place in places:
            os.posix_fadvise(stream.fileno(), place, size, os.POSIX_FADV_WILLNEED)


@contextmanager
def open_seekable(path: str, compression: str) -> Iterator[Any]:
    """Open a file so that it can seek; a compressed one is decompressed into memory.

    Raises:
        DataError: as `open_stream`, or the file does not fit into memory.
    """
    if not compression:
        with open_file(path) as file:
            yield file
        return
    whole = io.BytesIO()
    with open_stream(path, compression) as stream:
        for part in parts_of(stream, _COPIED_BYTES):
            whole.write(part.data)
            # A small archive may unpack to any size.
            if whole.tell() > _MOST_HELD_BYTES:
                raise unreadable(
                    path, "is too large once decompressed", "compress its columns instead of the file"
                )
    whole.seek(0)
    yield whole


def read_upto(stream: Any, length: int) -> UInt8:
    """Read `length` bytes, fewer only at the end of the stream."""
    buffer = np.empty(length, np.uint8)
    view = buffer.data
    filled = 0
    while filled < length:
        # A raw or decompressing stream may return less than was asked for before its end.
        got = stream.readinto(view[filled:])
        if not got:
            break
        filled += got
    return buffer[:filled]


def parts_of(stream: Any, part_bytes: int, length: int | None = None) -> Iterator[UInt8]:
    """Read the stream from its position on in arrays of `part_bytes`; the last one is shorter.

    Args:
        stream: an object with `readinto`.
        part_bytes: bytes held at a time.
        length: where to stop; None is the end of the stream.
    """
    left = length
    while left is None or left > 0:
        wanted = part_bytes if left is None else min(part_bytes, left)
        part = read_upto(stream, wanted)
        if part.size:
            yield part
        if part.size < wanted:
            return
        left = None if left is None else left - wanted


def without_mark(parts: Iterator[UInt8]) -> Iterator[UInt8]:
    """Leave out the byte order mark that a file may begin with."""
    first = next(parts, None)
    if first is None:
        return
    yield first[len(MARK) :] if first[: len(MARK)].tobytes() == MARK else first
    yield from parts
