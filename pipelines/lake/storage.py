"""One way to files, on a local disk or in a bucket of S3, Google Cloud Storage or Azure.

A place is an absolute path or a URL (`s3://bucket/…`, `gs://bucket/…`,
`abfss://container@account.dfs.core.windows.net/…`). Lakes and inputs are
opened, written and listed through these functions only.
"""

import contextlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ServiceError
from pipelines.lake import objects
from pipelines.lake.durable_files import make_private, sync_path, unfinished
from pipelines.lake.objects import STORES as STORES
from pipelines.lake.objects import ObjectFile, asking, object_status
from pipelines.lake.objects import Status as Status
from pipelines.lake.objects import split as split
from pipelines.user_folders import user_folder

_AT_ONCE = 16  # concurrent requests
_BUFFERED_BYTES = 1 << 22
_FETCHED_BYTES = 1 << 20  # by a small read of an object; a larger read is one request of its own
_SMALL_BYTES = 1 << 18  # fetched whole: the latency of a second request costs more


def is_url(place: str) -> bool:
    """Tell whether a place is an object, or a prefix of objects, rather than a local path."""
    return "://" in place


def delta_options(place: str) -> dict[str, str] | None:
    """Return options of delta-rs for a place, None for a local one."""
    return objects.delta_options() if is_url(place) else None


def local(place: str) -> str:
    """Return the local path for files derived from a place: the place itself, or below the user's cache.

    Sidecars lie there, which are memory-mapped, and the scratch of runs on one machine.
    """
    return os.path.join(cache(), place.replace("://", "/", 1)) if is_url(place) else place


def cache() -> str:
    """Return the folder for local copies of what belongs to lakes in object stores.

    Raises:
        ServiceError: this account has none.
    """
    base = user_folder("XDG_CACHE_HOME", ".cache")
    if base is None:
        raise ServiceError(
            "this account has no home folder to keep columns of the lake in",
            "name a folder of your own with XDG_CACHE_HOME",
        )
    return str(base / "truyvet" / "lakes")


def status(place: str) -> Status | None:
    """Return the status of a file, None where there is none.

    Raises:
        ServiceError: the store cannot be reached.
    """
    try:
        return objects.head(place) if is_url(place) else _file_status(place)
    except FileNotFoundError:
        return None


def statuses(places: Iterable[str]) -> list[Status | None]:
    """Return the status of each place; asks for objects concurrently."""
    places = list(places)
    if not places or not is_url(places[0]):
        return [status(place) for place in places]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(status, places))


def exists(place: str) -> bool:
    """Tell whether there is a file.

    Raises:
        ServiceError: the store cannot be reached.
    """
    return status(place) is not None if is_url(place) else os.path.exists(place)


def files(folder: str) -> Iterator[Status]:
    """List all files below a folder, which need not exist.

    Raises:
        PermissionError: this account may not look into one.
        ServiceError: the store cannot be reached.
    """
    if is_url(folder):
        # `list` returns keys relative to the bucket, not to the prefix.
        bucket = folder[: len(folder) - len(split(folder)[1])].rstrip("/")
        with asking(folder) as (store, key):
            for batch in store.list(prefix=key or None):
                yield from (object_status(f"{bucket}/{found['path']}", found) for found in batch)
        return
    for parent, _, names in os.walk(folder, onerror=_raise_denial):
        for name in names:
            found = status(os.path.join(parent, name))
            if found is not None:  # None: removed since the folder was listed
                yield found


def _raise_denial(error: OSError) -> None:
    """Refuse to pass over a folder that this account may not look into; one that is gone has no files."""
    if isinstance(error, PermissionError):
        raise error


def is_folder(folder: str) -> bool:
    """Tell whether there is a folder; in a store, whether any object lies below it.

    Raises:
        ServiceError: the store cannot be reached.
    """
    return next(files(folder), None) is not None if is_url(folder) else os.path.isdir(folder)


def names(folder: str) -> list[str]:
    """Return the names of the files in a folder, none where there is no folder.

    Raises:
        ServiceError: the store cannot be reached.
    """
    if is_url(folder):
        # A store has no folders: names of deeper objects come along, with slashes.
        return [found.place.removeprefix(f"{folder}/") for found in files(folder)]
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []


def read(place: str) -> bytes:
    """Read a whole file.

    Raises:
        FileNotFoundError: there is none.
        ServiceError: the store cannot be reached.
    """
    if not is_url(place):
        return Path(place).read_bytes()
    with asking(place) as (store, key):
        return bytes(store.get(key).bytes())


def open_file(place: str) -> IO[bytes]:
    """Open a file for reading: unbuffered on a disk, in ranges of a megabyte or more in a store.

    Raises:
        FileNotFoundError: there is none.
        OSError: it may not be read.
        ServiceError: the store cannot be reached, now or while it is read.
    """
    if not is_url(place):
        return open(place, "rb", buffering=0)
    return io.BufferedReader(ObjectFile(place), _FETCHED_BYTES)


def read_range(place: str, offset: int, size: int) -> pa.Buffer:
    """Read the bytes [offset, offset + size) of a file.

    Reads instead of mapping: page faults of a fresh map cost more than a copy into reused memory.

    Raises:
        OSError: the file ends before.
        ServiceError: the store cannot be reached.
    """
    if is_url(place):
        buffer = objects.get_range(place, offset, size)
        read = buffer.size
    else:
        # An Arrow buffer, so that the stream in it is read without another copy.
        buffer = pa.allocate_buffer(size)
        with open(place, "rb", buffering=0) as file:
            read = os.preadv(file.fileno(), [buffer], offset)
    if read != size:
        raise OSError(f"{place} was cut off")
    return buffer


def parquet(place: str, size: int | None = None, **how: Any) -> pq.ParquetFile:
    """Open a Parquet file. Only the columns that are asked for are read: mapped, or in a few ranges.

    Args:
        place: path or URL.
        size: bytes, if known; a small object is fetched whole.
        how: further arguments of `pyarrow.parquet.ParquetFile`.

    Raises:
        OSError: there is none.
        pa.ArrowInvalid: it is not Parquet.
        ServiceError: the store cannot be reached.
    """
    if is_url(place) and size is not None and size <= _SMALL_BYTES:
        return pq.ParquetFile(pa.BufferReader(read(place)), **how)
    if is_url(place):
        # pre_buffer merges neighbouring ranges: a request for each column chunk would take seconds.
        return pq.ParquetFile(pa.PythonFile(ObjectFile(place, size), mode="r"), pre_buffer=True, **how)
    return pq.ParquetFile(place, memory_map=True, **how)


def put(place: str, data: bytes) -> None:
    """Write a file atomically; replaces an existing one. On a disk it is not yet durable.

    Raises:
        OSError: the disk refuses it.
        ServiceError: the store refuses it.
    """
    if is_url(place):
        with asking(place) as (store, key):
            store.put(key, data)
        return
    with unfinished(Path(place).parent) as (file, path):
        file.write(data)
        # Readers see the old file or the new one, never a part.
        os.replace(path, place)


def put_new(place: str, data: bytes) -> bool:
    """Write a durable file unless it exists. Of concurrent writers exactly one succeeds.

    Returns:
        Whether this call wrote it.

    Raises:
        OSError: the disk refuses it.
        ServiceError: the store refuses it.
    """
    if is_url(place):
        from obstore.exceptions import AlreadyExistsError

        with asking(place) as (store, key):
            try:
                # Put-if-absent: the store itself decides who is first.
                store.put(key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True
    folder = Path(place).parent
    with unfinished(folder) as (file, path):
        file.write(data)
        os.fsync(file.fileno())
        try:
            os.link(path, place)  # unlike a rename, a link never replaces an existing file
        except FileExistsError:
            return False
    # The name of the file, then that of the folder, which may be new.
    sync_path(folder)
    sync_path(folder.parent)
    return True


class New:
    """A file that is being written under a temporary name.

    Attributes:
        file: takes its bytes.
    """

    def __init__(self, folder: str, file: IO[bytes], path: Path | None) -> None:
        self._folder, self._path = folder, path
        self.file = file

    def keep(self, name: str) -> None:
        """Give it its name, atomically; on a disk its bytes are durable then."""
        place = f"{self._folder}/{name}"
        if isinstance(self.file, io.BytesIO):
            with asking(place) as (store, key):
                self.file.seek(0)
                store.put(key, self.file)
        else:
            os.fsync(self.file.fileno())
            # Replace a file of the same (content-addressed) name: its bytes may have rotted, and an
            # old time of writing would let vacuum delete it.
            # The name is not durable yet: commits sync their folders, other callers use `sync`.
            os.replace(str(self._path), place)


@contextlib.contextmanager
def new_file(folder: str) -> Iterator[New]:
    """Write a private file into a folder, which is made. Without a call of `keep` it is deleted.

    An object is held in memory until then: its name is the hash of its bytes.
    """
    if is_url(folder):
        yield New(folder, io.BytesIO(), None)
        return
    make_private(folder)
    with unfinished(folder) as (file, path):
        yield New(folder, file, path)


@contextlib.contextmanager
def new_stream(place: str) -> Iterator[pa.NativeFile]:
    """Write an Arrow stream into a new private file. An object appears when the block ends.

    Raises:
        OSError: the disk refuses it.
        ServiceError: the store refuses it.
    """
    if is_url(place):
        with pa.BufferOutputStream() as memory:
            yield memory
            whole = memory.getvalue()
        with asking(place) as (store, key):
            store.put(key, pa.BufferReader(whole))
        return
    # Created here with its mode; Arrow would leave it to the umask.
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with pa.BufferedOutputStream(pa.OSFile(place, "wb"), _BUFFERED_BYTES) as file:
        yield file


def remove(place: str) -> None:
    """Remove a file.

    Raises:
        FileNotFoundError: there is none; not every store tells.
        OSError: it cannot be removed.
        ServiceError: the store cannot be reached.
    """
    if not is_url(place):
        os.unlink(place)
        return
    with asking(place) as (store, key):
        store.delete(key)


def remove_each(places: Iterable[str]) -> None:
    """Remove files of one folder; missing ones are skipped. Objects are removed in bulk.

    Raises:
        OSError: one cannot be removed.
        ServiceError: the store cannot be reached.
    """
    places = list(places)
    if places and is_url(places[0]):
        # If a store complains about a missing object, fall back to removing them one by one.
        with contextlib.suppress(FileNotFoundError), asking(places[0]) as (store, _):
            store.delete([split(place)[1] for place in places])
            return
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            remove(place)


def rename(place: str, name: str) -> None:
    """Rename a file within its folder.

    Raises:
        FileNotFoundError: there is none.
        OSError: the disk refuses it.
        ServiceError: the store refuses it.
    """
    other = f"{place.rpartition('/')[0]}/{name}"
    if not is_url(place):
        os.rename(place, other)
        return
    with asking(place) as (store, key):
        store.rename(key, split(other)[1])  # copy and delete: not atomic


def sync(folder: str) -> None:
    """Wait until the entries of a folder are on the disk; in a store they are durable already.

    Raises:
        OSError: the disk refuses it.
    """
    if not is_url(folder):
        sync_path(folder)


def remove_all(folder: str) -> None:
    """Remove a folder and everything below it; what cannot be removed is left."""
    if not is_url(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(ServiceError):
        remove_each(found.place for found in files(folder))


def _file_status(path: str) -> Status:
    found = os.stat(path)
    return Status(path, found.st_size, found.st_mtime_ns, found.st_ino)
