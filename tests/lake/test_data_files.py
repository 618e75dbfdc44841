import hashlib
import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import ServiceError
from pipelines.lake import data_files, write_data_file
from pipelines.lake.data_files import ROW_GROUP_ROWS
from schemas.tables import SCANS, STAYS, TABLES, VENUES
from tests.lake.rows import make_lake, scan_rows, stay_rows, venue_rows

PARTITION = {"by": "venue", "date": "2021-07-01"}


@pytest.fixture
def lake(tmp_path):
    return make_lake(tmp_path)


def path_of(lake, file):
    return f"{lake.table_url(file.table)}/{file.path}"


def write(lake, rows=None, partition=PARTITION):
    return write_data_file(lake, STAYS, partition, stay_rows("venue") if rows is None else rows)


def test_a_file_is_named_by_the_hash_of_its_bytes(lake):
    file = write(lake)
    content = Path(path_of(lake, file)).read_bytes()
    assert file.path == f"by=venue/date=2021-07-01/part-{hashlib.sha256(content).hexdigest()}.parquet"
    assert (file.size, file.rows, file.partition) == (len(content), 40, tuple(PARTITION.items()))
    assert pickle.loads(pickle.dumps(file)) == file


def test_rows_come_back_as_they_were(lake):
    for table, partition, rows in (
        (STAYS, PARTITION, stay_rows("venue")),
        (SCANS, {"date": "2021-07-01"}, scan_rows()),
        (VENUES, {}, venue_rows()),
    ):
        file = write_data_file(lake, table, partition, rows)
        read = pq.ParquetFile(path_of(lake, file)).read()
        assert read.cast(table.file_schema).equals(rows)
        assert [(field.name, field.type) for field in read.schema] == [
            (field.name, field.type) for field in rows.schema
        ]


def test_duckdb_reads_the_same_rows(lake):
    path = path_of(lake, write(lake))
    found = duckdb.sql(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)").to_arrow_table()
    assert found.cast(STAYS.file_schema).equals(stay_rows("venue"))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_written(lake, name):
    table = TABLES[name]
    rows = pa.table(
        [pa.array([_some(field.type)], field.type) for field in table.file_schema], schema=table.file_schema
    )
    file = write_data_file(lake, table, dict.fromkeys(table.partition, "2021-07-01"), rows)
    assert pq.ParquetFile(path_of(lake, file)).read().cast(table.file_schema).equals(rows)


def _some(kind):
    if pa.types.is_string(kind):
        return "x"
    if pa.types.is_boolean(kind):
        return True
    return b"x" * 16 if pa.types.is_binary(kind) else 1


def test_the_same_rows_are_the_same_file_however_they_were_chunked(lake):
    rows = stay_rows("venue")
    pieces = pa.concat_tables([rows.slice(0, 7), rows.slice(7, 11), rows.slice(18)])
    assert write(lake, pieces) == write(lake, rows)
    assert len(os.listdir(f"{lake.url}/stays/by=venue/date=2021-07-01")) == 1


def test_writing_again_heals_a_file_whose_bytes_have_changed(lake):
    file = write(lake)
    with open(path_of(lake, file), "r+b") as damaged:
        damaged.write(b"????")
    assert write(lake) == file
    assert Path(path_of(lake, file)).read_bytes()[:4] == b"PAR1"


def test_only_its_owner_may_read_what_is_written(lake):
    file = write(lake)
    folder = lake.url
    for part in ("stays", "by=venue", "date=2021-07-01"):
        folder = f"{folder}/{part}"
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(path_of(lake, file)).st_mode) == 0o600


def test_bytes_are_on_the_disk_before_they_have_a_name(lake, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("fsync"), fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("rename"), replace(*names)))
    write(lake)
    assert steps == ["fsync", "rename"]


def test_a_full_disk_is_one_line_and_leaves_nothing(lake, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServiceError, match="date=2021-07-01 cannot be written: the disk is full"):
        write(lake)
    assert os.listdir(f"{lake.url}/stays/by=venue/date=2021-07-01") == []


def test_a_short_write_is_continued(lake, monkeypatch):
    whole = write(lake)
    sink = data_files._Hashing.__init__

    class Slow:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(data[: max(1, len(data) // 2)])

    monkeypatch.setattr(data_files._Hashing, "__init__", lambda self, file: sink(self, Slow(file)))
    assert write(lake) == whole
    assert os.path.getsize(path_of(lake, whole)) == whole.size


@pytest.mark.parametrize(
    ("partition", "change"),
    [
        ({"date": "2021-07-01", "by": "venue"}, lambda rows: rows),
        ({"date": "2021-07-01"}, lambda rows: rows),
        (PARTITION, lambda rows: rows.slice(0, 0)),
        (PARTITION, lambda rows: rows.drop_columns("zone")),
        (PARTITION, lambda rows: rows.set_column(8, "scans", rows["scans"].cast(pa.int64()))),
    ],
    ids=["order of columns", "no by", "no rows", "no zone", "another type"],
)
def test_a_file_of_another_shape_is_a_broken_invariant(lake, partition, change):
    with pytest.raises(ValueError, match="stays: "):
        write(lake, change(stay_rows("venue")), partition)


def test_statistics_are_exact_in_microseconds_and_hold_no_text(lake):
    rows = stay_rows("venue")
    stats = orjson.loads(write(lake, rows).stats)
    assert stats["numRecords"] == 40
    assert stats["minValues"]["venue"] == min(rows["venue"].to_pylist())
    greatest = max(rows["exit"].to_pylist())
    assert stats["maxValues"]["exit"] == f"{greatest:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert not {"zone", "enter_kind"} & (stats["minValues"].keys() | stats["nullCount"].keys())


def test_long_files_have_row_groups_that_a_reader_can_skip(lake):
    rows = pa.concat_tables([stay_rows("venue", count=1)] * (ROW_GROUP_ROWS + 1)).combine_chunks()
    metadata = pq.ParquetFile(path_of(lake, write(lake, rows))).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [ROW_GROUP_ROWS, 1]
    assert metadata.row_group(0).column(1).statistics.min == rows["venue"][0].as_py()


def test_files_are_written_by_many_threads_at_once(lake):
    def one(seed):
        return write(lake, stay_rows("venue", seed=seed, count=int(np.sqrt(seed * 1000)) + 1))

    with ThreadPoolExecutor(4) as pool:
        first, second = list(pool.map(one, range(12))), list(pool.map(one, range(12)))
    assert first == second
    assert len({file.path for file in first}) == 12
