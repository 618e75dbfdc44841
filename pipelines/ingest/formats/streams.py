"""Files as bytes, wherever they lie: local or an object store, plain or compressed.

What cannot be read is a `DataError` that names the file and never what is in it.
"""

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.errors import DataError, ServiceError, TruyVetError, UsageError
from pipelines.kernels.types import UInt8
from pipelines.lake.storage import file_system
from pipelines.privacy.sealed_file import SealedReader

MAGIC: Final = {"parquet": b"PAR1", "avro": b"Obj\x01", "gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
"""How the files of a format or a compression begin."""

SEALED: Final = "sealed"
"""Stands in the place of a compression for a file of `pipelines.privacy.sealed_file`."""

MARK: Final = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""

_COPIED_BYTES: Final = 1 << 20
_MOST_HELD_BYTES: Final = 1 << 30

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class DamagedError(Exception):
    """Bytes are not what they should be; whoever knows the name of the file tells it."""


class _StoreFile(io.RawIOBase):
    """A file of an object store, whose client's errors become ours."""

    def __init__(self, url: str, file: Any) -> None:
        self._url = url
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file goes.

        Raises:
            ServiceError: the store does not answer.
        """
        try:
            data = self._file.read(len(buffer))
        except Exception as error:  # every store's client raises its own
            raise ServiceError(f"{self._url} cannot be read", "the store broke off; run it again") from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the store's file too."""
        if not self.closed:
            self._file.close()
        super().close()


def is_url(path: str) -> bool:
    """Whether a path names an object store; `file://` does too."""
    return _URL.match(path) is not None


def unreadable(path: str, what: str, remedy: str) -> DataError:
    """The error of a file: `what` continues a sentence that begins with the path."""
    return DataError(f"{path} {what}", remedy)


def store_of(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL and the path in it.

    Raises:
        UsageError: the kind of store is unknown.
        ServiceError: the store's client is not installed or refuses to start.
    """
    try:
        return file_system(url)
    except ImportError as error:
        raise ServiceError(
            f"{url} needs a client that is not installed", "install fsspec's for such stores beside truyvet"
        ) from error
    except ValueError as error:
        raise UsageError(f"{url} names no known kind of store", "write gs://, s3:// or abfss://") from error
    except Exception as error:
        raise ServiceError(f"the store of {url} does not answer", "check the name and the sign-in") from error


def open_file(path: str) -> Any:
    """A file opened for reading as it lies, at its begin.

    Raises:
        DataError: it is missing or may not be read.
        ServiceError: its store does not answer.
    """
    try:
        if not is_url(path):
            return open(path, "rb", buffering=0)
        store, inner = store_of(path)
        return _StoreFile(path, store.open(inner, "rb"))
    except FileNotFoundError as error:
        raise unreadable(path, "is missing", "name a file that exists") from error
    except TruyVetError:
        raise
    except OSError as error:
        raise unreadable(path, "cannot be opened", error.strerror or "check the file") from error
    except Exception as error:  # every store's client raises its own
        raise ServiceError(f"{path} cannot be opened", "check the name and the sign-in") from error


@contextmanager
def reading(path: str, kind: str) -> Iterator[None]:
    """Turn what a library raises over damaged bytes of `path` into a `DataError`.

    Their texts may quote the bytes, so none of it is told.
    """
    try:
        yield
    except (OSError, pa.ArrowException, DamagedError) as error:
        raise unreadable(
            path, f"cannot be read as {kind}", "it is damaged or cut off; send it again, or leave it out"
        ) from error


@contextmanager
def open_stream(path: str, compression: str, key: bytes = b"") -> Iterator[Any]:
    """The bytes of a file, decompressed or opened: an object with `readinto`.

    A compressed stream that ends early raises OSError when its end is read,
    and one that damage has changed when its checksum is.

    Args:
        path: local or a URL.
        compression: a compression of `MAGIC`, `SEALED`, or empty.
        key: of a sealed file.

    Raises:
        DataError: the file is missing, or does not begin as its compression does.
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
            raise unreadable(path, f"is no {compression} file", "name it by what it is, or send it again")
        file.seek(0)
        with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), compression) as stream:
            yield stream


def let_go(stream: Any, start: int, stop: int) -> None:
    """Tell the system that what was read of a local file will not be read again.

    Else a file larger than memory pushes out what has just been written.
    """
    with suppress(OSError):  # a store's file, or a compressed one
        os.posix_fadvise(stream.fileno(), start, stop - start, os.POSIX_FADV_DONTNEED)


def announce(stream: Any, places: Sequence[int], size: int) -> None:
    """Tell the system that of a local file so many bytes at these places will be read, and no others."""
    with suppress(OSError):
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for place in places:
            os.posix_fadvise(stream.fileno(), place, size, os.POSIX_FADV_WILLNEED)


@contextmanager
def open_seekable(path: str, compression: str) -> Iterator[Any]:
    """The bytes of a file as an object that can seek; a compressed file is held in memory.

    Raises:
        DataError: as `open_stream`, or the file is too large to be held.
    """
    if not compression:
        with open_file(path) as file:
            yield file
        return
    whole = io.BytesIO()
    with open_stream(path, compression) as stream:
        for part in parts_of(stream, _COPIED_BYTES):
            whole.write(part.data)
            if whole.tell() > _MOST_HELD_BYTES:
                raise unreadable(path, "is too large in itself", "compress its columns, not the file")
    whole.seek(0)
    yield whole


def read_upto(stream: Any, length: int) -> UInt8:
    """The next `length` bytes, fewer only where the stream ends."""
    buffer = np.empty(length, np.uint8)
    view = buffer.data
    filled = 0
    while filled < length:
        got = stream.readinto(view[filled:])
        if not got:
            break
        filled += got
    return buffer[:filled]


def parts_of(stream: Any, part_bytes: int, length: int | None = None) -> Iterator[UInt8]:
    """The stream from where it stands, in arrays of `part_bytes`, the last one shorter.

    Args:
        stream: an object with `readinto`.
        part_bytes: what is held at a time.
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
    """The parts of a file without the byte order mark that it may begin with."""
    first = next(parts, None)
    if first is None:
        return
    yield first[len(MARK) :] if first[: len(MARK)].tobytes() == MARK else first
    yield from parts
