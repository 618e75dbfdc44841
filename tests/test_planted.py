"""The search for planted identifiers finds them in lakes and in what is left, packed or not."""

import gzip
import io
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.lake import objects
from tests.planted import PLANTED, caches, named_below, named_in_bucket, named_since

TEXT = "phone:" + PLANTED[0].decode()
HERE = TEXT.encode()


@pytest.mark.parametrize(
    "where", ["world/lake/_scratch/run/core", "world/lake.landing/part", "world/lake.ledger/x"]
)
def test_an_identifier_in_a_file_of_a_lake_is_found(tmp_path, where):
    path = tmp_path / where
    for folder in (path.parent, tmp_path / "world/lake"):
        folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "world/lake/lake.json").write_text("{}")
    (tmp_path / "world/scans.ndjson").write_bytes(PLANTED[0])  # an input beside the lake names persons
    path.write_bytes(b"")
    assert named_below(tmp_path) == []
    path.write_bytes(bytes(10_000) + b"phone:" + PLANTED[0] + bytes(10))
    found = named_below(tmp_path)
    path.unlink()  # or else the search at the end of the suite fails
    assert found == [(where, PLANTED[0].decode())]


def test_an_identifier_in_the_name_of_a_file_is_found(tmp_path):
    (tmp_path / "lake.json").write_text("{}")
    path = tmp_path / PLANTED[2].decode()
    path.write_text("sealed")
    found = named_below(tmp_path)
    path.unlink()
    assert found == [(PLANTED[2].decode(), PLANTED[2].decode())]


def in_gzip(path):
    path.write_bytes(gzip.compress(HERE))


def in_zstandard(path):
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(HERE)


def in_a_workbook(path):
    book = openpyxl.Workbook()
    book.active.append(["person", TEXT])
    book.save(path)


def in_an_archive_in_an_archive(path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scans.csv", HERE * 2)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", inner.getvalue())


def in_a_database(path):
    base = sqlite3.connect(path)
    with base:
        base.execute("create table people as select ? as person", [TEXT])
    base.close()


def in_parquet(path):
    texts = pa.StructArray.from_arrays([pa.array([f"{number} {TEXT}" for number in range(99)])], ["text"])
    pq.write_table(pa.table({"number": pa.array(range(99)), "said": texts}), path, compression="zstd")


@pytest.mark.parametrize(
    "pack",
    [in_gzip, in_zstandard, in_a_workbook, in_an_archive_in_an_archive, in_a_database, in_parquet],
)
def test_a_packed_identifier_is_found_in_a_lake_and_in_what_is_left(tmp_path, pack):
    lake, since = tmp_path / "lake", time.time() - 1
    lake.mkdir()
    (lake / "lake.json").write_text("{}")
    with tempfile.TemporaryDirectory() as folder:
        left = Path(folder) / "left"
        pack(left)
        assert named_since(since, tempfile.gettempdir()) == [(str(left), PLANTED[0].decode())]
        assert named_since(time.time() + 60, tempfile.gettempdir()) == []
    path = lake / "packed"
    pack(path)
    found = named_below(tmp_path)
    path.unlink()
    assert found == [("lake/packed", PLANTED[0].decode())]


def test_damaged_archives_end_no_search(tmp_path):
    for name, begin in (
        ("gz", b"\x1f\x8b"),
        ("zst", b"\x28\xb5\x2f\xfd"),
        ("zip", b"PK\x03\x04"),
        ("pq", b"PAR1"),
    ):
        (tmp_path / name).write_bytes(begin + bytes(40) + begin)
    assert named_since(0, tmp_path) == []


def test_temporary_files_of_commands_lie_where_they_are_searched():
    write = "import tempfile; print(tempfile.mkstemp()[1])"
    made = subprocess.run([sys.executable, "-c", write], capture_output=True, text=True, check=True).stdout
    assert Path(made.strip()).parent == Path(tempfile.gettempdir())
    assert Path(tempfile.gettempdir()).name.startswith("truyvet-tests-")


def test_an_identifier_in_a_cache_of_the_account_is_found(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    since, path = time.time() - 1, tmp_path / "fontconfig" / "fonts.cache"
    path.parent.mkdir()
    path.write_bytes(HERE)
    assert (str(path), PLANTED[0].decode()) in named_since(since, *caches())
    os.utime(path, (0, 0))
    assert str(path) not in [name for name, _ in named_since(since, *caches())]


def test_an_identifier_in_an_object_of_a_lake_in_a_bucket_is_found(bucket):
    lake, client = uuid.uuid4().hex, objects.client(bucket)
    keys = {f"{lake}/lake.json": b"{}", f"{lake}/part.gz": gzip.compress(HERE), f"{lake}-scans.csv": HERE}
    for key, content in keys.items():
        client.put(key, content)
    found = named_in_bucket(bucket)
    client.delete(list(keys))
    assert found == [(f"{lake}/part.gz", PLANTED[0].decode())]
