"""Planted identifiers: what tests call persons, and a search for them wherever bytes are left.

Searched are lakes with their keys, ledgers and landings, in folders and in buckets, and whatever tests have
left in the folder of temporary files, in the account's caches and in cores. What is packed is unpacked:
gzip, zstd, zip (workbooks too) and the texts of Parquet.
"""

import io
import mmap
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.lake import objects

PLANTED = (
    *(b"0905123456", b"84905123456", b"051200000001", b"001093029317"),
    *(b"8490500000", b"0510990000", "Máy-0".encode()),  # of the random worlds
)
"""Parts of identifiers, long enough not to come up by chance."""

BESIDE = ("", ".keys", ".ledger", ".landing")
"""Endings of the folders of a lake."""

_GZIP, _ZSTD, _ZIP, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1"
_NESTED = 3
"""How many packed things within each other are unpacked."""


def lakes_below(folder: Path) -> Iterator[Path]:
    """Yield the lakes below a folder."""
    for root, folders, files in os.walk(folder):
        if "lake.json" in files:
            folders.clear()
            yield Path(root)


def named_below(folder: Path) -> list[tuple[str, str]]:
    """(file, identifier) wherever one stands in a file of a lake below a folder, or in its name."""
    roots = {f"{lake}{ending}" for lake in lakes_below(folder) for ending in BESIDE}
    files = (path for root in sorted(roots) for path in _files_below(root))
    return [(str(path.relative_to(folder)), one) for path in files for one in _named_in_file(path)]


def named_since(since: float, *places: str | Path) -> list[tuple[str, str]]:
    """(file, identifier) in files, named or below folders, changed after an instant, seconds since 1970."""
    files = (path for place in places for path in _files_below(place) if _changed(path) >= since)
    return [(str(path), one) for path in files for one in _named_in_file(path)]


def named_in_bucket(url: str) -> list[tuple[str, str]]:
    """(object, identifier) wherever one stands in an object of a lake of a bucket, or in its name."""
    client = objects.client(url)
    keys = [one["path"] for batch in client.list() for one in batch]
    lakes = [key.removesuffix("/lake.json") for key in keys if key.endswith("/lake.json")]
    roots = tuple(f"{lake}{ending}/" for lake in lakes for ending in BESIDE)
    return [
        (key, one)
        for key in keys
        if key.startswith(roots)
        for one in _named_in(bytes(client.get(key).bytes()), key.encode())
    ]


@contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """Keep the temporary files of this process and its children in a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="truyvet-tests-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o1777)  # some tests are other accounts
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("TMPDIR", folder)
            patched.setattr(tempfile, "tempdir", None)
            yield Path(folder)


def caches() -> list[Path]:
    """Folders of the account in which libraries, browsers and fonts keep what they like."""
    named = [os.environ.get(name) for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")]
    home = Path.home()
    return [*(Path(folder) for folder in named if folder), home / ".cache", home / ".local/share/truyvet"]


def _files_below(place: str | Path) -> Iterator[Path]:
    if Path(place).is_file():
        return iter([Path(place)])
    return (Path(root, name) for root, _, names in os.walk(place) for name in names)


def _changed(path: Path) -> float:
    with suppress(OSError):  # a link to what is gone, or gone meanwhile
        return path.stat().st_mtime
    return 0


def _named_in_file(path: Path) -> list[str]:
    if not path.is_file():  # a socket, or a link to what is gone
        return []
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return _named_in(b"", os.fsencode(path.name))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _named_in(content, os.fsencode(path.name))


def _named_in(content: bytes | mmap.mmap, name: bytes) -> list[str]:
    parts = [name, content, *_unpacked(content)]
    return [one.decode() for one in PLANTED if any(part.find(one) >= 0 for part in parts)]


def _unpacked(content: bytes | mmap.mmap, depth: int = _NESTED) -> Iterator[bytes]:
    """Yield what is packed in some bytes; of what is damaged, as much as can be read."""
    with suppress(
        OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, pa.ArrowException
    ):
        for part in _parts_of(content) if depth else ():
            yield part
            yield from _unpacked(part, depth - 1)


def _parts_of(content: bytes | mmap.mmap) -> Iterable[bytes]:
    begin = content[:4]
    if begin.startswith((_GZIP, _ZSTD)):
        codec = "gzip" if begin.startswith(_GZIP) else "zstd"
        with pa.CompressedInputStream(pa.BufferReader(content[:]), codec) as stream:
            while part := stream.read(1 << 24):
                yield part
    elif begin == _ZIP:
        with zipfile.ZipFile(io.BytesIO(content[:])) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield packed.read(name)
    elif begin == _PARQUET:
        file = pq.ParquetFile(pa.BufferReader(content[:]))
        texts = [at for at in range(len(file.schema)) if file.schema.column(at).physical_type == "BYTE_ARRAY"]
        if texts:
            names = [file.schema.column(at).path for at in texts]
            yield repr(file.read(names).to_pydict()).encode()
