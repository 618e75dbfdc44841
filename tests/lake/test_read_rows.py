"""No row is believed before its file has been compared with the hash in its name."""

import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import DataError
from pipelines.lake import read_live_file, read_rows, read_table, snapshot
from pipelines.lake.read_rows import check_files, checked_files
from schemas.tables import SCANS, VENUES
from tests.lake.rows import DATES, add, make_lake, scan_rows, venue_rows

DATE = {"date": DATES[0]}


@pytest.fixture
def lake(tmp_path):
    lake = make_lake(tmp_path)
    add(lake, VENUES, {}, venue_rows(40))
    return lake


def file_of(lake, name="venues"):
    (file,) = snapshot(lake, name).files
    return file


@pytest.fixture
def hashed(lake, monkeypatch):
    """The sizes of data that has been hashed since the log was read."""
    sizes = []
    file_of(lake)
    sha256 = hashlib.sha256

    def count(content=b""):
        sizes.append(len(content))
        return sha256(content)

    monkeypatch.setattr(read_rows.hashlib, "sha256", count)
    return sizes


def flip(path, at_byte, bit=0):
    content = bytearray(path.read_bytes())
    content[at_byte] ^= 1 << bit
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.replace(path)


def test_any_flipped_bit_of_a_small_file_refuses_its_rows_by_its_name(lake):
    path, chance = Path(file_of(lake).path), random.Random(4)
    for _ in range(200):
        at_byte, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        flip(path, at_byte, bit)
        with pytest.raises(DataError, match=rf"{path.name} is damaged: restore it from a backup"):
            read_table(lake, "venues", ["venue"])
        flip(path, at_byte, bit)
    assert read_table(lake, "venues").num_rows == 40


def test_a_small_file_is_hashed_on_every_read_and_a_large_one_once(lake, hashed, monkeypatch):
    file = file_of(lake)
    for _ in range(3):
        read_live_file(file, VENUES.file_schema)
    assert hashed == [file.size] * 3
    monkeypatch.setattr(read_rows, "SMALL_BYTES", 0)
    checked_files._known.clear()
    for _ in range(3):
        assert read_live_file(file, VENUES.file_schema).equals(venue_rows(40))
    assert hashed == [file.size] * 4


def test_a_large_file_that_was_replaced_since_is_hashed_again(lake, monkeypatch):
    monkeypatch.setattr(read_rows, "SMALL_BYTES", 0)
    read_table(lake, "venues")
    flip(Path(file_of(lake).path), 300)
    with pytest.raises(DataError, match="is damaged"):
        read_table(lake, "venues")


def test_files_are_checked_once_however_often_that_is_asked(lake, hashed):
    files = [file_of(lake)] * 3
    counted = []
    check_files(files, counted.append)
    assert counted == [1, 1, 1]
    check_files(files)
    assert 1 <= len(hashed) <= 3  # several threads may begin at once
    assert checked_files.has(files[0].path)


def test_a_file_that_another_writer_has_named_is_read_as_it_is(lake):
    file = file_of(lake)
    other = Path(file.path).with_name("part-00000-c000.snappy.parquet")
    Path(file.path).rename(other)
    foreign = type(file)(str(other), other.name, file.partition, file.size, file.rows, file.stats)
    assert read_live_file(foreign, VENUES.file_schema).num_rows == 40


def test_pages_have_checksums_for_readers_that_fetch_a_few_columns(lake):
    add(lake, SCANS, DATE, scan_rows(count=3000))
    path = Path(file_of(lake, "scans").path)
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    assert column.path_in_schema == "person"
    flip(path, column.data_page_offset + column.total_compressed_size // 2)
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.ParquetFile(path, page_checksum_verification=True).read(["person"])
    assert pq.ParquetFile(path).read(["person"]).num_rows == 3000  # which is why they must be asked for
    assert isinstance(pq.ParquetFile(path, page_checksum_verification=True).read(["venue"]), pa.Table)


def test_a_column_that_a_file_is_too_old_to_have_is_null(lake):
    rows = venue_rows(3).drop_columns(["capacity"])
    path = Path(file_of(lake).path).with_name("part-older.parquet")
    pq.write_table(rows, path)
    found = read_live_file(
        replace(file_of(lake), path=str(path), size=path.stat().st_size, rows=3), VENUES.file_schema
    )
    assert found.schema == VENUES.file_schema
    assert found["capacity"].to_pylist() == [None] * 3
    assert found["venue"].equals(rows["venue"])
