"""Objects in the buckets of S3, Google Cloud and Azure, for `storage` and nobody else.

They are read and written by obstore, which is the crate `object_store` that
delta-rs is built on: log and data find their endpoint and credentials in the
same variables of the provider's own convention. No error repeats what a
server said, for it may name an access key.
"""

import contextlib
import datetime as dt
import io
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from pipelines.errors import ServiceError

_RETRIES, _RETRY_SECONDS, _REQUEST_SECONDS, _CONNECT_SECONDS = 4, 30, 120, 5

STORES = {
    "s3": r"[A-Za-z0-9._-]+",
    "gs": r"[A-Za-z0-9._-]+",
    "abfss": r"[a-z0-9-]+@[a-z0-9]+\.dfs\.core\.[a-z.]+",
}
"""The schemes of stores, and what a bucket, or a container and its account, looks like."""

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")


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


def delta_options() -> dict[str, str]:
    """What delta-rs is told beside the provider's own variables; a log entry is put where there is none."""
    return {
        "aws_conditional_put": "etag",
        "max_retries": str(_RETRIES),
        "retry_timeout": f"{_RETRY_SECONDS}s",
        "timeout": f"{_REQUEST_SECONDS}s",
        "connect_timeout": f"{_CONNECT_SECONDS}s",
    }


def arrow_system(url: str, sizes: Mapping[str, int]) -> Any:
    """A bucket as a `pyarrow.fs.FileSystem` that is read from, which is all that the one of delta-rs can.

    Args:
        url: of the bucket.
        sizes: of the objects that will be read, by place.
    """
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import PyFileSystem

    known = {split(place)[1]: size for place, size in sizes.items()}
    return PyFileSystem(DeltaStorageHandler(url, delta_options(), known))


def split(place: str) -> tuple[str, str]:
    """The URL of the bucket or container, and the key in it."""
    scheme, _, rest = place.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


@cache
def client(bucket: str) -> Any:
    """The client of a bucket; loaded late, for most lakes need none."""
    from obstore.store import from_url

    return from_url(bucket, **_client_options())


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL and the path in it; of S3, Google Cloud and Azure by the same client.

    Raises:
        ImportError: a store of another kind needs a package that is not there.
        ValueError: the kind is unknown.
    """
    from fsspec.core import url_to_fs

    scheme = url.partition("://")[0]
    system, path = url_to_fs(url, **(_client_options() if scheme in _registered() else {}))
    return system, path


@cache
def _registered() -> Collection[str]:
    """The schemes for which fsspec has been told to take obstore; its own choice needs a package for each."""
    from obstore.fsspec import register

    register(STORES)
    return STORES


def _client_options() -> dict[str, Any]:
    said = [os.environ.get(f"{name}_ALLOW_HTTP", "") for name in ("AWS", "AZURE", "GOOGLE")]
    return {
        "client_options": {
            "allow_http": "true" in map(str.lower, said),  # options of our own hide the variables
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "timeout": f"{_REQUEST_SECONDS}s",
        },
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": dt.timedelta(seconds=_RETRY_SECONDS)},
    }


@contextlib.contextmanager
def asking(place: str) -> Iterator[tuple[Any, str]]:
    """The client of a place and its key; what goes wrong becomes one line without the server's words.

    Those may name an access key. `AlreadyExistsError` is left to the caller.

    Raises:
        FileNotFoundError: there is no such object.
        ServiceError: no such bucket, not permitted, or not reached.
    """
    from obstore import exceptions as said

    bucket, key = split(place)
    what, remedy = f"{bucket} cannot be reached", "check endpoint, region, network and credentials"
    try:
        yield client(bucket), key
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


def object_status(place: str, meta: Any) -> Status:
    """The status of an object, of what the store says about it."""
    modified_ns = round(meta["last_modified"].timestamp() * 1000) * 1_000_000
    tag = (meta["e_tag"] or "").strip('"')  # Azure quotes it in headers and not in lists
    return Status(place, meta["size"], modified_ns, tag)


def head(place: str) -> Status:
    """The status of an object.

    Raises:
        FileNotFoundError: there is none.
        ServiceError: the store cannot be asked.
    """
    with asking(place) as (store, key):
        return object_status(place, store.head(key))


def get_range(place: str, offset: int, size: int) -> pa.Buffer:
    """The bytes [offset, offset + size) of an object, fewer where it ends before.

    Raises:
        FileNotFoundError: there is none.
        ServiceError: the store cannot be asked.
    """
    with asking(place) as (store, key):
        return pa.py_buffer(store.get_range(key, start=offset, length=size))


class ObjectFile(io.RawIOBase):
    """An object as a file that is read in ranges."""

    def __init__(self, place: str, size: int | None) -> None:
        self._place, self._position = place, 0
        self._size = head(place).size if size is None else size

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
        found = get_range(self._place, self._position, size)
        self._position += size
        return found
