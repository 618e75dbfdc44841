"""Which files are read, how often, and in what order."""

import os

import pytest

from pipelines.errors import DataError
from pipelines.ingest.formats.discovery.discover import Chunk, list_chunks, total_bytes
from tests.ingest.input_files import PACK, SCANS, avro_of, ndjson_of, parquet_of, write


def names(chunks):
    return [chunk.path.rpartition("/")[2] for chunk in chunks]


@pytest.fixture
def folder(tmp_path):
    for name in ("b.ndjson", "a.csv.gz", "sub/c.parquet", "sub/deep/d.avro", "e.jsonl.zst", "f.JSON"):
        write(tmp_path, name, b"x")
    for name in ("_tmp-b.ndjson", ".hidden.csv", "notes.txt", "_old/g.csv", ".git/h.csv"):
        write(tmp_path, name, b"x")
    return tmp_path


def test_a_folder_is_searched_below_and_what_is_hidden_or_unknown_left_out(folder):
    chunks = list_chunks([str(folder)])
    assert names(chunks) == ["a.csv.gz", "b.ndjson", "e.jsonl.zst", "f.JSON", "c.parquet", "d.avro"]
    assert [(chunk.format, chunk.compression) for chunk in chunks] == [
        ("csv", "gzip"),
        ("ndjson", ""),
        ("ndjson", "zstd"),
        ("ndjson", ""),
        ("parquet", ""),
        ("avro", ""),
    ]


def test_the_numbers_of_chunks_do_not_depend_on_the_order_of_flags(folder):
    paths = [str(folder / "sub"), str(folder / "b.ndjson"), str(folder / "*.gz")]
    assert list_chunks(paths) == list_chunks(paths[::-1])
    assert [chunk.number for chunk in list_chunks(paths)] == [0, 1, 2, 3]


def test_a_file_named_twice_counts_once(folder, monkeypatch):
    os.symlink(folder / "b.ndjson", folder / "same.ndjson")
    monkeypatch.chdir(folder)
    chunks = list_chunks(["b.ndjson", str(folder / "b.ndjson"), "./sub/../b.ndjson", "same.ndjson", "b.*"])
    assert chunks == [Chunk(0, str(folder / "b.ndjson"), "ndjson", "", 0, 1)]


def test_a_glob_may_cross_folders(folder):
    assert names(list_chunks([f"{folder}/**/*.avro"])) == ["d.avro"]


def test_a_file_whose_name_holds_the_signs_of_a_glob_is_that_file(tmp_path):
    path = write(tmp_path, "a[1].ndjson", b"{}")
    assert names(list_chunks([path])) == ["a[1].ndjson"]


@pytest.mark.parametrize("content", [b"", b"{}\n" * 10])
def test_plain_ndjson_is_cut_into_ranges_and_an_empty_file_is_one(tmp_path, content):
    path = write(tmp_path, "a.ndjson", content)
    ranges = [(chunk.start, chunk.stop) for chunk in list_chunks([path], chunk_bytes=7)]
    assert ranges == ([(0, 7), (7, 14), (14, 21), (21, 28), (28, 30)] if content else [(0, 0)])


def test_a_compressed_file_is_one_chunk(tmp_path):
    path = write(tmp_path, "a.ndjson.gz", b"x" * 100)
    assert [(chunk.start, chunk.stop) for chunk in list_chunks([path], chunk_bytes=7)] == [(0, 100)]


def test_the_bytes_of_an_input_are_those_on_disk(folder):
    assert total_bytes(list_chunks([str(folder)])) == 6


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (ndjson_of(SCANS), "ndjson"),
        (b"\xef\xbb\xbf \n" + ndjson_of(SCANS), "ndjson"),
        (parquet_of(SCANS), "parquet"),
        (avro_of(SCANS), "avro"),
    ],
)
@pytest.mark.parametrize(("suffix", "compression"), [("", ""), (".gz", "gzip"), (".zst", "zstd")])
def test_a_named_file_of_unknown_suffix_is_known_by_its_first_bytes(
    tmp_path, content, kind, suffix, compression
):
    path = write(tmp_path, "scans.data", PACK[suffix](content))
    (chunk,) = list_chunks([path])
    assert (chunk.format, chunk.compression) == (kind, compression)


@pytest.mark.parametrize("content", [b"", b"person,venue\nsecret,V1", b"\x89PNG\r\n", b"\x1f\x8bnot gzip"])
def test_a_named_file_of_no_known_kind_is_refused_by_name(tmp_path, content):
    path = write(tmp_path, "scans.data", content)
    with pytest.raises(DataError, match=r"scans\.data") as refusal:
        list_chunks([path])
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["missing.ndjson", "missing/", "*.ndjson", "empty"])
def test_a_path_that_names_nothing_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"missing|holds no input"):
        list_chunks([f"{tmp_path}/{name}"])


def test_a_pipe_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.ndjson")
    with pytest.raises(DataError, match="not a regular file"):
        list_chunks([str(tmp_path / "pipe.ndjson")])


def test_a_file_url_is_the_local_file(folder):
    assert list_chunks([f"file://{folder}/b.ndjson"]) == list_chunks([str(folder / "b.ndjson")])
