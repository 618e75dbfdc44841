"""One way to a file, whether it lies on a disk or in an object store."""

import os
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import URLError

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipelines
from pipelines.errors import ServiceError
from pipelines.lake import storage
from tests.lake.object_store import BUCKET


@pytest.fixture(params=["disk", "s3"])
def folder(request, tmp_path):
    """An empty folder, or prefix."""
    if request.param == "disk":
        return str(tmp_path)
    request.getfixturevalue("s3")
    return f"s3://{BUCKET}/{os.urandom(4).hex()}"


def test_what_was_put_is_read_in_whole_and_in_part(folder):
    storage.put(f"{folder}/a", b"0123456789")
    assert storage.read(f"{folder}/a") == b"0123456789"
    assert storage.read_range(f"{folder}/a", 3, 4).to_pybytes() == b"3456"
    storage.put(f"{folder}/a", b"other")
    assert storage.read(f"{folder}/a") == b"other"


def test_a_range_that_is_not_there_is_an_error(folder):
    storage.put(f"{folder}/a", b"0123")
    with pytest.raises((OSError, ServiceError)):
        storage.read_range(f"{folder}/a", 2, 4)


def test_a_file_is_read_as_a_stream_from_any_place_in_it(folder):
    data = os.urandom(3_000_000)
    storage.put(f"{folder}/a", data)
    with storage.open_file(f"{folder}/a") as file:
        assert file.read(10) == data[:10]
        buffer = bytearray(2_000_000)
        filled = file.readinto(buffer)
        assert filled > 0
        assert bytes(buffer[:filled]) == data[10 : 10 + filled]
        file.seek(2_999_990)
        assert file.read(100) == data[-10:]
        assert file.read(1) == b""
        assert file.readinto(bytearray(5)) == 0
        assert file.seek(0, os.SEEK_END) == len(data)
    with pytest.raises(FileNotFoundError):
        storage.open_file(f"{folder}/none")


def test_many_small_reads_of_an_object_are_few_requests(s3):
    place = f"s3://{BUCKET}/streamed"
    storage.put(place, os.urandom(2_500_000))
    before = len(s3.requests())
    with storage.open_file(place) as file:
        while file.read(1_000):
            pass
    assert len(s3.requests()) - before <= 4  # its size, and three megabytes


def test_a_missing_file_is_told_from_one_that_cannot_be_read(folder):
    assert storage.status(f"{folder}/none") is None
    assert not storage.exists(f"{folder}/none")
    for ask in (storage.read, storage.parquet):
        with pytest.raises(FileNotFoundError):
            ask(f"{folder}/none")
    assert storage.statuses([f"{folder}/none"] * 3) == [None] * 3


def test_a_file_put_again_has_another_identity(folder):
    before = time.time()
    storage.put(f"{folder}/a", b"1")
    first = storage.status(f"{folder}/a")
    storage.put(f"{folder}/a", b"22")
    second = storage.status(f"{folder}/a")
    assert (first.size, second.size, first.place) == (1, 2, f"{folder}/a")
    assert first.identity != second.identity
    assert abs(first.modified_ns / 1e9 - before) < 5


def test_files_are_listed_with_those_of_folders_and_names_without(folder):
    if not storage.is_url(folder):
        os.mkdir(f"{folder}/sub")
    for name in ("a", "b", "sub/c"):
        storage.put(f"{folder}/{name}", name.encode())
    found = {file.place: file.size for file in storage.files(folder)}
    assert found == {f"{folder}/a": 1, f"{folder}/b": 1, f"{folder}/sub/c": 5}
    assert {"a", "b"} <= set(storage.names(folder))
    assert storage.names(f"{folder}/sub") == ["c"]
    assert storage.is_folder(f"{folder}/sub")


def test_a_folder_that_is_not_there_holds_nothing(folder):
    assert list(storage.files(f"{folder}/none")) == storage.names(f"{folder}/none") == []
    assert not storage.is_folder(f"{folder}/none")
    storage.remove_all(f"{folder}/none")


def test_removing_takes_a_file_or_all_below_a_folder_and_nothing_beside_it(folder):
    for name in ("run", "run-2"):
        if not storage.is_url(folder):
            os.mkdir(f"{folder}/{name}")
        for file in ("a", "b"):
            storage.put(f"{folder}/{name}/{file}", b"x")
    storage.remove(f"{folder}/run-2/a")
    storage.remove_all(f"{folder}/run")
    assert [file.place for file in storage.files(folder)] == [f"{folder}/run-2/b"]


def test_of_many_at_once_one_puts_a_new_file(folder):
    def put(number):
        return storage.put_new(f"{folder}/lake.json", str(number).encode()), storage.read(
            f"{folder}/lake.json"
        )

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(put, range(24)))
    assert sum(is_mine for is_mine, _ in done) == 1
    assert len({content for _, content in done}) == 1


def test_a_new_file_is_seen_when_it_is_kept_and_goes_when_it_is_not(folder):
    with storage.new_file(folder) as new:
        new.file.write(b"half")
        new.file.write(b" and half")
        assert not storage.exists(f"{folder}/whole")
        new.keep("whole")
    assert storage.read(f"{folder}/whole") == b"half and half"
    with storage.new_file(folder) as new:
        new.file.write(b"lost")
    assert [file.place for file in storage.files(folder)] == [f"{folder}/whole"]


def test_an_arrow_stream_becomes_a_file(folder):
    with storage.new_stream(f"{folder}/a.arrow") as stream:
        stream.write(b"12")
        assert stream.tell() == 2
        stream.write(b"34")
    assert storage.read(f"{folder}/a.arrow") == b"1234"


def test_parquet_is_read_by_columns_and_row_groups(folder):
    rows = pa.table({"a": list(range(1000)), "b": ["x"] * 1000})
    with storage.new_stream(f"{folder}/a.parquet") as stream:
        pq.write_table(rows, stream, row_group_size=100)
    file = storage.parquet(f"{folder}/a.parquet", read_dictionary=["b"])
    assert file.metadata.num_row_groups == 10
    assert file.read(columns=["a"], use_threads=False) == rows.select(["a"])
    assert file.read_row_groups([3], columns=["b"])["b"].type == pa.dictionary(pa.int32(), pa.string())
    storage.put(f"{folder}/none.parquet", b"PAR1 and nothing more PAR1")
    with pytest.raises((pa.ArrowInvalid, OSError)):
        storage.parquet(f"{folder}/none.parquet")


def test_only_the_columns_that_are_asked_for_are_fetched(s3):
    place = f"s3://{BUCKET}/narrow.parquet"
    rows = pa.table({"a": [1] * 100_000, "wide": [os.urandom(16) for _ in range(100_000)]})
    with storage.new_stream(place) as stream:
        pq.write_table(rows, stream)
    read = []
    fetch = storage.read_range
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(storage, "read_range", lambda *range: read.append(range[2]) or fetch(*range))
        storage.parquet(place).read(columns=["a"])
    assert sum(read) < 0.1 * storage.status(place).size


def test_what_is_derived_from_an_object_lies_below_the_cache_of_the_user(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/an/cache")
    assert storage.local("s3://bucket/lake/stays/x") == "/home/an/cache/truyvet/lakes/s3/bucket/lake/stays/x"
    assert storage.local("/data/lake/stays/x") == "/data/lake/stays/x"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/an")
    assert storage.local("gs://b/l") == "/home/an/.cache/truyvet/lakes/gs/b/l"


def test_files_on_a_disk_are_private(tmp_path):
    storage.put(str(tmp_path / "a"), b"x")
    storage.put_new(str(tmp_path / "b"), b"x")
    with storage.new_stream(str(tmp_path / "c")) as stream:
        stream.write(b"x")
    with storage.new_file(str(tmp_path / "sub")) as new:
        new.keep("d")
    modes = {file.place: stat.S_IMODE(os.stat(file.place).st_mode) for file in storage.files(str(tmp_path))}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(os.stat(tmp_path / "sub").st_mode) == 0o700


def test_no_other_module_opens_parquet_by_its_path():
    """Arrow would open a URL with credentials of its own finding, and DuckDB load an extension."""
    root = Path(pipelines.__file__).parent
    own = {"lake/storage.py", "ingest/formats/parquet.py"}
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"pq\.ParquetFile\((?!pa\.BufferReader)|pq\.read_table\(|memory_map=", path.read_text())
    }
    assert found == own


def test_the_server_of_these_tests_is_a_real_one(s3):
    storage.put(f"s3://{BUCKET}/real", b"x")
    assert f"PUT /{BUCKET}/real" in s3.requests()
    with pytest.raises(URLError):
        s3.call("GET", "/none/such")
