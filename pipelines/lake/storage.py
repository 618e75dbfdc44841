"""Where the files of a lake lie: on this machine's disk, or as objects of S3, Google Cloud or Azure.

A place is an absolute path or a URL (`s3://bucket/…`, `gs://bucket/…`,
`abfss://container@account.dfs.core.windows.net/…`); everybody else opens,
writes and lists places through these functions.
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
from pipelines.lake.objects import ObjectFile, asking, object_status, split
from pipelines.lake.objects import Status as Status
from pipelines.lake.objects import file_system as file_system

_AT_ONCE = 16  # requests, when many objects are asked about
_BUFFERED_BYTES = 1 << 22
_SMALL_BYTES = 1 << 18  # two requests wait longer than this takes


def is_url(place: str) -> bool:
    """Whether a place is an object, or a prefix of objects."""
    return "://" in place


def delta_options(place: str) -> dict[str, str] | None:
    """What delta-rs is told of a place beside the provider's own variables."""
    return objects.delta_options() if is_url(place) else None


def local(place: str) -> str:
    """Where this machine keeps what is derived from a place: a file's own path, or below the user's cache.

    Sidecars, which are mapped, and the scratch of runs that need no other machine lie there.
    """
    return os.path.join(cache(), place.replace("://", "/", 1)) if is_url(place) else place


def cache() -> str:
    """The folder of what this machine keeps of lakes in object stores."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "truyvet", "lakes")


def status(place: str) -> Status | None:
    """The status of a file, None where there is none.

    Raises:
        ServiceError: the store cannot be asked.
    """
    try:
        return objects.head(place) if is_url(place) else _file_status(place)
    except FileNotFoundError:
        return None


def statuses(places: Iterable[str]) -> list[Status | None]:
    """The status of each place; of objects many at once."""
    places = list(places)
    if not places or not is_url(places[0]):
        return [status(place) for place in places]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(status, places))


def exists(place: str) -> bool:
    """Whether there is a file.

    Raises:
        ServiceError: the store cannot be asked.
    """
    return status(place) is not None if is_url(place) else os.path.exists(place)


def files(folder: str) -> Iterator[Status]:
    """All files below a folder, which need not exist.

    Raises:
        ServiceError: the store cannot be asked.
    """
    if is_url(folder):
        bucket = folder[: len(folder) - len(split(folder)[1])].rstrip("/")
        with asking(folder) as (store, key):
            for batch in store.list(prefix=key or None):
                yield from (object_status(f"{bucket}/{found['path']}", found) for found in batch)
        return
    for parent, _, names in os.walk(folder):
        for name in names:
            found = status(os.path.join(parent, name))
            if found is not None:
                yield found


def is_folder(folder: str) -> bool:
    """Whether there is a folder; in a store it is there when something lies in it.

    Raises:
        ServiceError: the store cannot be asked.
    """
    return next(files(folder), None) is not None if is_url(folder) else os.path.isdir(folder)


def names(folder: str) -> list[str]:
    """The names of the files in a folder, none where there is no folder.

    Raises:
        ServiceError: the store cannot be asked.
    """
    if is_url(folder):
        return [found.place.removeprefix(f"{folder}/") for found in files(folder)]
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []


def read(place: str) -> bytes:
    """A whole file.

    Raises:
        FileNotFoundError: there is none.
        ServiceError: the store cannot be asked.
    """
    if not is_url(place):
        return Path(place).read_bytes()
    with asking(place) as (store, key):
        return bytes(store.get(key).bytes())


def read_range(place: str, offset: int, size: int) -> pa.Buffer:
    """The bytes [offset, offset + size) of a file: read, for memory that is used again is faster than a map.

    Raises:
        OSError: they are not there.
        ServiceError: the store cannot be asked.
    """
    if is_url(place):
        buffer = objects.get_range(place, offset, size)
        read = buffer.size
    else:
        buffer = pa.allocate_buffer(size)
        with open(place, "rb", buffering=0) as file:
            read = os.preadv(file.fileno(), [buffer], offset)
    if read != size:
        raise OSError(f"{place} was cut off")
    return buffer


def parquet(place: str, size: int | None = None, **how: Any) -> pq.ParquetFile:
    """A Parquet file, of which only the columns asked for are read: mapped, or in a few ranges.

    Args:
        place: where it is.
        size: bytes, if they are known; of a small object everything is fetched at once.
        how: further arguments of `pyarrow.parquet.ParquetFile`.

    Raises:
        OSError: there is none.
        pa.ArrowInvalid: it is no Parquet.
        ServiceError: the store cannot be asked.
    """
    if is_url(place) and size is not None and size <= _SMALL_BYTES:
        return pq.ParquetFile(pa.BufferReader(read(place)), **how)
    if is_url(place):
        return pq.ParquetFile(pa.PythonFile(ObjectFile(place, size), mode="r"), pre_buffer=True, **how)
    return pq.ParquetFile(place, memory_map=True, **how)


def put(place: str, data: bytes) -> None:
    """Write a file at once; it may replace another. On a disk it is not yet durable.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    if is_url(place):
        with asking(place) as (store, key):
            store.put(key, data)
        return
    with unfinished(Path(place).parent) as (file, path):
        file.write(data)
        os.replace(path, place)


def put_new(place: str, data: bytes) -> bool:
    """Write a durable file unless there is one: of two processes at once one does.

    Returns:
        Whether it was this one.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    if is_url(place):
        from obstore.exceptions import AlreadyExistsError

        with asking(place) as (store, key):
            try:
                store.put(key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True
    folder = Path(place).parent
    with unfinished(folder) as (file, path):
        file.write(data)
        os.fsync(file.fileno())
        try:
            os.link(path, place)  # unlike a rename this never replaces another's
        except FileExistsError:
            return False
    sync_path(folder)
    sync_path(folder.parent)
    return True


class New:
    """A file that is being written and has no name yet."""

    def __init__(self, folder: str, file: IO[bytes], path: Path | None) -> None:
        self._folder, self._path = folder, path
        self.file = file

    def keep(self, name: str) -> None:
        """Make it the file `name` of its folder, all of it at once; on a disk its bytes are durable."""
        place = f"{self._folder}/{name}"
        if isinstance(self.file, io.BytesIO):
            with asking(place) as (store, key):
                self.file.seek(0)
                store.put(key, self.file)
        else:
            os.fsync(self.file.fileno())
            # Replaces a file of the same name: its bytes may have rotted, and its age keeps it from a sweep.
            os.replace(str(self._path), place)


@contextlib.contextmanager
def new_file(folder: str) -> Iterator[New]:
    """A private file in a folder, which is made; nobody sees it before `keep`, and without that it goes.

    An object is held in memory until then: its name is known when all of it has been hashed.
    """
    if is_url(folder):
        yield New(folder, io.BytesIO(), None)
        return
    make_private(folder)
    with unfinished(folder) as (file, path):
        yield New(folder, file, path)


@contextlib.contextmanager
def new_stream(place: str) -> Iterator[pa.NativeFile]:
    """An Arrow stream into a private file that is not there yet; of an object nothing is seen before the end.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    if is_url(place):
        with pa.BufferOutputStream() as memory:
            yield memory
            whole = memory.getvalue()
        with asking(place) as (store, key):
            store.put(key, pa.BufferReader(whole))
        return
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with pa.BufferedOutputStream(pa.OSFile(place, "wb"), _BUFFERED_BYTES) as file:
        yield file


def remove(place: str) -> None:
    """Remove a file.

    Raises:
        FileNotFoundError: there is none; a store may not say so.
        OSError: it cannot be removed.
        ServiceError: the store cannot be asked.
    """
    if not is_url(place):
        os.unlink(place)
        return
    with asking(place) as (store, key):
        store.delete(key)


def remove_each(places: Iterable[str]) -> None:
    """Remove files of one folder, as far as they are there; of objects many at once.

    Raises:
        OSError: one cannot be removed.
        ServiceError: the store cannot be asked.
    """
    places = list(places)
    if places and is_url(places[0]):
        with contextlib.suppress(FileNotFoundError), asking(places[0]) as (store, _):
            store.delete([split(place)[1] for place in places])
            return
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            remove(place)


def rename(place: str, name: str) -> None:
    """Give a file another name in its folder.

    Raises:
        FileNotFoundError: there is none.
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    other = f"{place.rpartition('/')[0]}/{name}"
    if not is_url(place):
        os.rename(place, other)
        return
    with asking(place) as (store, key):
        store.rename(key, split(other)[1])


def sync(folder: str) -> None:
    """Wait until the names in a folder lie on the disk; those in a store are durable at once.

    Raises:
        OSError: the disk does not take it.
    """
    if not is_url(folder):
        sync_path(folder)


def remove_all(folder: str) -> None:
    """Remove what is below a folder, and the folder, as far as that is possible."""
    if not is_url(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(ServiceError):
        remove_each(found.place for found in files(folder))


def _file_status(path: str) -> Status:
    found = os.stat(path)
    return Status(path, found.st_size, found.st_mtime_ns, found.st_ino)
