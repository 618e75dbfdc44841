"""Where the files of a lake lie: on this machine's disk, or as objects of S3, Google Cloud or Azure.

A place is an absolute path or a URL (`s3://bucket/…`, `gs://bucket/…`,
`abfss://container@account.dfs.core.windows.net/…`); everybody else opens,
writes and lists places through these functions. Objects are read and written
by obstore, which is the crate `object_store` that delta-rs is built on: log
and data find their endpoint and credentials in the same variables of the
provider's own convention, and no error here repeats what a server said.
"""

import contextlib
import datetime as dt
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ServiceError
from pipelines.lake.files import make_private, sync_path, unfinished

_RETRIES, _RETRY_SECONDS, _REQUEST_SECONDS, _CONNECT_SECONDS = 4, 30, 120, 5
_AT_ONCE = 16  # requests, when many objects are asked about
_BUFFERED_BYTES = 1 << 22
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")


def is_url(place: str) -> bool:
    """Whether a place is an object, or a prefix of objects."""
    return "://" in place


def local(place: str) -> str:
    """Where this machine keeps what is derived from a place: a file's own path, or below the user's cache.

    Sidecars, which are mapped, and the scratch of runs that need no other machine lie there.
    """
    if not is_url(place):
        return place
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "truyvet", "lakes", place.replace("://", "/", 1))


def delta_options(place: str) -> dict[str, str] | None:
    """What delta-rs is told beside the provider's own variables; a log entry is put where there is none."""
    if not is_url(place):
        return None
    return {
        "aws_conditional_put": "etag",
        "max_retries": str(_RETRIES),
        "retry_timeout": f"{_RETRY_SECONDS}s",
        "timeout": f"{_REQUEST_SECONDS}s",
        "connect_timeout": f"{_CONNECT_SECONDS}s",
    }


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a file without reading it.

    Attributes:
        place: where it is.
        size: bytes.
        modified_ns: when it was written.
        identity: tells it from another file that was at this place before.
    """

    place: str
    size: int
    modified_ns: int
    identity: int | str


def status(place: str) -> Status | None:
    """The status of a file, None where there is none.

    Raises:
        ServiceError: the store cannot be asked.
    """
    try:
        if not is_url(place):
            return _file_status(place)
        with _asking(place) as (store, key):
            return _object_status(place, store.head(key))
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
        bucket = folder[: len(folder) - len(_split(folder)[1])].rstrip("/")
        with _asking(folder) as (store, key):
            for batch in store.list(prefix=key or None):
                yield from (_object_status(f"{bucket}/{found['path']}", found) for found in batch)
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
    with _asking(place) as (store, key):
        return bytes(store.get(key).bytes())


def read_range(place: str, offset: int, size: int) -> pa.Buffer:
    """The bytes [offset, offset + size) of a file: read, for memory that is used again is faster than a map.

    Raises:
        OSError: they are not there.
        ServiceError: the store cannot be asked.
    """
    if is_url(place):
        with _asking(place) as (store, key):
            buffer = pa.py_buffer(store.get_range(key, start=offset, length=size))
        read = buffer.size
    else:
        buffer = pa.allocate_buffer(size)
        with open(place, "rb", buffering=0) as file:
            read = os.preadv(file.fileno(), [buffer], offset)
    if read != size:
        raise OSError(f"{place} was cut off")
    return buffer


def parquet(place: str, **how: Any) -> pq.ParquetFile:
    """A Parquet file, of which only the columns asked for are read: mapped, or in a few ranges.

    Args:
        place: where it is.
        how: further arguments of `pyarrow.parquet.ParquetFile`.

    Raises:
        OSError: there is none.
        pa.ArrowInvalid: it is no Parquet.
        ServiceError: the store cannot be asked.
    """
    if is_url(place):
        return pq.ParquetFile(pa.PythonFile(_Object(place), mode="r"), pre_buffer=True, **how)
    return pq.ParquetFile(place, memory_map=True, **how)


def bucket(place: str) -> str:
    """The URL of the bucket or container of an object."""
    return _split(place)[0]


def arrow_system(url: str, sizes: Mapping[str, int]) -> Any:
    """A bucket as a `pyarrow.fs.FileSystem` that is read from, which is all that the one of delta-rs can.

    Args:
        url: of the bucket.
        sizes: of the objects that will be read, by place.
    """
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import PyFileSystem

    known = {_split(place)[1]: size for place, size in sizes.items()}
    return PyFileSystem(DeltaStorageHandler(url, delta_options(url), known))


def put(place: str, data: bytes) -> None:
    """Write a file at once; it may replace another. On a disk it is not yet durable.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    if is_url(place):
        with _asking(place) as (store, key):
            store.put(key, data)
        return
    with unfinished(Path(place).parent) as (file, path):
        file.write(data)
        os.replace(path, place)


def put_new(place: str, data: bytes) -> None:
    """Write a durable file unless there is one: of two processes at once one does.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    if is_url(place):
        from obstore.exceptions import AlreadyExistsError

        with _asking(place) as (store, key), contextlib.suppress(AlreadyExistsError):
            store.put(key, data, mode="create")
        return
    folder = Path(place).parent
    with unfinished(folder) as (file, path):
        file.write(data)
        os.fsync(file.fileno())
        try:
            os.link(path, place)  # unlike a rename this never replaces another's
        except FileExistsError:
            return
    sync_path(folder)
    sync_path(folder.parent)


class New:
    """A file that is being written and has no name yet."""

    def __init__(self, folder: str, file: IO[bytes], path: Path | None) -> None:
        self._folder, self._path = folder, path
        self.file = file

    def keep(self, name: str) -> None:
        """Make it the file `name` of its folder, all of it at once; on a disk its bytes are durable."""
        place = f"{self._folder}/{name}"
        if isinstance(self.file, io.BytesIO):
            with _asking(place) as (store, key):
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
        with _asking(place) as (store, key):
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
    with _asking(place) as (store, key):
        store.delete(key)


def remove_all(folder: str) -> None:
    """Remove what is below a folder, and the folder, as far as that is possible."""
    if not is_url(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(ServiceError), _asking(folder) as (store, _):
        store.delete([_split(found.place)[1] for found in files(folder)])


class _Object(io.RawIOBase):
    """An object as a file that is read in ranges."""

    def __init__(self, place: str) -> None:
        found = status(place)
        if found is None:
            raise FileNotFoundError(f"there is no {place}")
        self._place, self._size, self._position = place, found.size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def read(self, size: int = -1) -> Any:
        """The next bytes, as a buffer: nothing is copied on the way to Arrow."""
        left = self._size - self._position
        size = left if size < 0 else min(size, left)
        if size <= 0:
            return b""
        found = read_range(self._place, self._position, size)
        self._position += size
        return found


def _file_status(path: str) -> Status:
    found = os.stat(path)
    return Status(path, found.st_size, found.st_mtime_ns, found.st_ino)


def _object_status(place: str, meta: Any) -> Status:
    modified_ns = round(meta["last_modified"].timestamp() * 1000) * 1_000_000
    return Status(place, meta["size"], modified_ns, meta["e_tag"] or "")


def _split(place: str) -> tuple[str, str]:
    """The URL of the bucket or container, and the key in it."""
    scheme, _, rest = place.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


@cache
def _store(bucket: str) -> Any:
    """The client of a bucket; loaded late, for most lakes need none."""
    from obstore.store import from_url

    plain_http = any(os.environ.get(f"{name}_ALLOW_HTTP") for name in ("AWS", "AZURE", "GOOGLE"))
    return from_url(
        bucket,
        client_options={
            "allow_http": plain_http,  # said here, for options of our own hide the variable
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "timeout": f"{_REQUEST_SECONDS}s",
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": dt.timedelta(seconds=_RETRY_SECONDS)},
    )


@contextlib.contextmanager
def _asking(place: str) -> Iterator[tuple[Any, str]]:
    """The client of a place and its key; what goes wrong becomes one line without the server's words.

    Those may name an access key. `AlreadyExistsError` is left to the caller.

    Raises:
        FileNotFoundError: there is no such object.
        ServiceError: no such bucket, not permitted, or not reached.
    """
    from obstore import exceptions as said

    bucket, key = _split(place)
    what, remedy = f"{bucket} cannot be reached", "check the endpoint, the network and the credentials"
    try:
        yield _store(bucket), key
        return
    except said.AlreadyExistsError:
        raise
    except (said.PermissionDeniedError, said.UnauthenticatedError):
        what, remedy = f"{bucket} refuses these credentials", "name others, by the provider's own variables"
    except (FileNotFoundError, said.BaseError) as error:
        if any(sign in str(error) for sign in _NO_BUCKET):
            what, remedy = f"there is no {bucket}", "make the bucket, or name another"
        elif isinstance(error, FileNotFoundError):
            what = ""
    if not what:
        raise FileNotFoundError(f"there is no {place}")
    raise ServiceError(what, remedy)
