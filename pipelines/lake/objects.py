"""Objects in buckets of S3, Google Cloud Storage and Azure. Only `storage` uses this module.

obstore reads and writes them. It is the Rust crate `object_store`, which
delta-rs is built on too, so log and data find their endpoint and credentials
in the same environment variables. No error repeats what a server said: its
text may contain an access key.
"""

import contextlib
import datetime as dt
import io
import os
from collections.abc import Iterator, Mapping
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
"""URL schemes of the supported stores, and a pattern of the bucket (Azure: container and account)."""

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")


@dataclass(frozen=True, slots=True)
class Status:
    """What a store or a disk knows of a file without reading it.

    >>> Status("s3://bucket/lake/lake.json", 83, 1_625_101_200_000_000_000, "9b2cf5").size
    83

    Attributes:
        place: path or URL.
        size: bytes.
        modified_ns: time of the last write, nanoseconds since 1970.
        identity: differs from that of any earlier file at this place (inode or ETag).
    """

    place: str
    size: int
    modified_ns: int
    identity: int | str


def delta_options() -> dict[str, str]:
    """Return options of delta-rs that the provider's environment variables do not cover."""
    return {
        # Two writers of one version: the second put must fail, never replace the first.
        "aws_conditional_put": "etag",
        "max_retries": str(_RETRIES),
        "retry_timeout": f"{_RETRY_SECONDS}s",
        "timeout": f"{_REQUEST_SECONDS}s",
        "connect_timeout": f"{_CONNECT_SECONDS}s",
    }


def arrow_system(url: str, sizes: Mapping[str, int]) -> Any:
    """Return a read-only `pyarrow.fs.FileSystem` of a bucket.

    Args:
        url: of the bucket.
        sizes: bytes of the objects that will be read, by place.
    """
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import PyFileSystem

    known = {split(place)[1]: size for place, size in sizes.items()}
    return PyFileSystem(DeltaStorageHandler(url, delta_options(), known))


def split(place: str) -> tuple[str, str]:
    """Split a URL into that of its bucket or container and the key of the object.

    >>> split("s3://bucket/lake/lake.json")
    ('s3://bucket', 'lake/lake.json')
    """
    scheme, _, rest = place.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


@cache
def client(bucket: str) -> Any:
    """Return the obstore client of a bucket."""
    from obstore.store import from_url  # imported here: most lakes are local folders

    return from_url(bucket, **_client_options())  # cached with its connections


def _client_options() -> dict[str, Any]:
    said = [os.environ.get(f"{name}_ALLOW_HTTP", "") for name in ("AWS", "AZURE", "GOOGLE")]
    return {
        "client_options": {
            # obstore ignores the *_ALLOW_HTTP variables as soon as client_options are passed.
            "allow_http": "true" in map(str.lower, said),
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "timeout": f"{_REQUEST_SECONDS}s",
        },
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": dt.timedelta(seconds=_RETRY_SECONDS)},
    }


@contextlib.contextmanager
def asking(place: str) -> Iterator[tuple[Any, str]]:
    """Yield the client and the key of an object, and translate the client's errors into ours.

    The server's own text is dropped, for it may contain an access key. The
    caller handles `AlreadyExistsError`.

    Raises:
        FileNotFoundError: there is no such object.
        ServiceError: the bucket does not exist, access is denied, or the store cannot be reached.
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
        what, remedy = f"{bucket} refuses these credentials", "set others in the provider's own variables"
    except (FileNotFoundError, said.BaseError) as error:
        # obstore has no error class for a missing bucket, only a text.
        if any(sign in str(error) for sign in _NO_BUCKET):
            what, remedy = f"there is no {bucket}", "make the bucket, or name another"
        elif isinstance(error, FileNotFoundError):
            what = ""
    # Raised outside of the handlers, so that no traceback chains the client's own error.
    if not what:
        raise FileNotFoundError(f"there is no {place}")
    raise ServiceError(what, remedy)


def object_status(place: str, meta: Any) -> Status:
    """Build the status of an object from the store's metadata."""
    modified_ns = round(meta["last_modified"].timestamp() * 1000) * 1_000_000
    tag = (meta["e_tag"] or "").strip('"')  # Azure quotes it in headers but not in listings
    return Status(place, meta["size"], modified_ns, tag)


def head(place: str) -> Status:
    """Ask for the status of an object.

    Raises:
        FileNotFoundError: there is none.
        ServiceError: the store cannot be reached.
    """
    with asking(place) as (store, key):
        return object_status(place, store.head(key))


def get_range(place: str, offset: int, size: int) -> pa.Buffer:
    """Fetch the bytes [offset, offset + size) of an object, fewer at its end.

    Raises:
        FileNotFoundError: there is none.
        ServiceError: the store cannot be reached.
    """
    with asking(place) as (store, key):
        return pa.py_buffer(store.get_range(key, start=offset, length=size))


class ObjectFile(io.RawIOBase):
    """An object as a seekable file. Every read is one request of its range."""

    def __init__(self, place: str, size: int | None = None) -> None:
        """Open an object.

        Args:
            place: its URL.
            size: bytes; None asks the store.

        Raises:
            FileNotFoundError: there is no such object.
            ServiceError: the store cannot be reached.
        """
        self._place, self._position = place, 0
        self._size = head(place).size if size is None else size

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]  # SEEK_SET, SEEK_CUR, SEEK_END
        return self._position

    def read(self, size: int = -1) -> Any:
        """Return the next bytes as a buffer: Arrow takes it without a copy."""
        left = self._size - self._position
        size = left if size < 0 else min(size, left)
        if size <= 0:  # at the end: no request
            return b""
        found = get_range(self._place, self._position, size)
        self._position += size
        return found

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the object goes."""
        found = memoryview(self.read(len(buffer))).cast("B")  # Arrow's buffers are of signed bytes
        memoryview(buffer).cast("B")[: len(found)] = found
        return len(found)
