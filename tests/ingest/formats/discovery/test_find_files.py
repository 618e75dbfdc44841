"""A folder is searched alike on a disk and in a store, and what is left out is named."""

import os
import tempfile

import pytest

from pipelines.errors import DataError, ServiceError, UnreadableError, UsageError
from pipelines.ingest.formats.discovery.discover import list_inputs
from pipelines.ingest.formats.discovery.find_files import UnreadFiles, find_files
from pipelines.lake import storage
from tests.ingest.input_files import write
from tests.lake.test_read_only import without_rights

NAMES = (
    *("b.ndjson", "a.csv.gz", "sub/c.parquet", "sub/deep/d.avro", "e.jsonl.zst", "f.JSON"),
    *("_tmp-b.ndjson", ".hidden.csv", "notes.txt", "day.xlsx", "_old/g.csv", "_old/x/h.csv", ".git/h.csv"),
    *("sub/old.zip", "sub/_SUCCESS", "sub/badges.dat", ".DS_Store", "sub/.git/i.csv", "a b/Đà Nẵng.csv"),
)
READ = [
    "a b/Đà Nẵng.csv",
    "a.csv.gz",
    "b.ndjson",
    "e.jsonl.zst",
    "f.JSON",
    "sub/c.parquet",
    "sub/deep/d.avro",
]
UNREAD = ["_old/", "_tmp-b.ndjson", "day.xlsx", "notes.txt", "sub/_SUCCESS", "sub/badges.dat", "sub/old.zip"]


@pytest.fixture(params=["disk", "store"])
def folder(request, tmp_path, store):
    """The same files in a folder and in a store."""
    if request.param == "disk":
        for name in NAMES:
            write(tmp_path, name, b"x")
        return str(tmp_path)
    for name in NAMES:
        storage.put(f"s3://bucket/in/{name}", b"x")
    return "s3://bucket/in"


def found_by(folder, *paths):
    """Return the names of the files that paths name, relative to the folder."""
    files = find_files([f"{folder}/{path}".rstrip("/") for path in paths])
    assert set(files.sizes.values()) <= {1}
    return sorted(path.removeprefix(f"{folder}/") for path in files.sizes)


def test_a_folder_is_searched_below_and_what_is_left_out_is_named(folder):
    assert found_by(folder, "") == READ
    (unread,) = find_files([folder]).unread
    assert unread == UnreadFiles(folder, tuple(UNREAD))


def test_what_a_glob_leaves_out_is_named_by_its_whole_path(folder):
    (unread,) = find_files([f"{folder}/s*"]).unread
    assert unread.names == tuple(f"{folder}/sub/{name}" for name in ("_SUCCESS", "badges.dat", "old.zip"))


def test_a_file_that_is_named_itself_is_not_left_out(folder):
    (unread,) = find_files([f"{folder}/sub", f"{folder}/sub/badges.dat"]).unread
    assert unread.names == ("_SUCCESS", "old.zip")


def test_the_note_names_the_files_and_what_to_do_about_them(folder):
    (unread,) = list_inputs([f"{folder}/sub"]).unread
    assert unread.note() == (
        f"3 files in {folder}/sub were not read: _SUCCESS badges.dat old.zip (unpack the archive)"
    )
    many = UnreadFiles("/in", tuple(f"{number:02}.x" for number in range(20)))
    assert "00.x 01.x 02.x 03.x 04.x 05.x 06.x 07.x and 12 more" in many.note()
    assert ".ndjson" in many.note()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv.gz", ["a.csv.gz"]),
        ("*.[jJ][sS][oO][nN]", ["f.JSON"]),
        ("**/*.avro", ["sub/deep/d.avro"]),
        ("**/*.csv", ["_old/g.csv", "_old/x/h.csv", "a b/Đà Nẵng.csv"]),
        ("?.ndjson", ["b.ndjson"]),
        ("s*", ["sub/c.parquet", "sub/deep/d.avro"]),
        ("s*b/d*", ["sub/deep/d.avro"]),
        ("s*/*", ["sub/badges.dat", "sub/c.parquet", "sub/deep/d.avro", "sub/old.zip"]),
        ("[!_]*/*.csv", ["a b/Đà Nẵng.csv"]),
        ("[!a-e].*", ["f.JSON"]),
    ],
)
def test_a_glob_matches_names_folder_by_folder(folder, pattern, expected):
    assert found_by(folder, pattern) == expected


def test_a_file_counts_once_however_often_it_is_named(folder):
    assert found_by(folder, "b.ndjson", "b.ndjson", "b.*", "") == READ


def test_a_name_with_the_signs_of_a_glob_is_that_file(folder):
    name = f"{folder}/a[1].ndjson"
    storage.put(name, b"x")
    assert found_by(folder, "a[1].ndjson") == ["a[1].ndjson"]


@pytest.mark.parametrize("name", ["missing.ndjson", "missing", "*.nothing", "missing/*.csv", "sub/deep/c*"])
def test_a_path_that_names_nothing_is_refused(folder, name):
    with pytest.raises(DataError, match=r"missing|holds no input file"):
        find_files([f"{folder}/{name}"])


def test_a_folder_of_nothing_but_other_files_says_so(folder):
    for name in ("x/a.txt", "x/b.xlsx"):
        if not storage.is_url(folder):
            os.makedirs(f"{folder}/x", exist_ok=True)
        storage.put(f"{folder}/{name}", b"x")
    with pytest.raises(DataError, match=r"x holds no input file, only a\.txt b\.xlsx: name files that end"):
        find_files([f"{folder}/x"])


def test_a_bucket_is_searched_as_a_folder_is(store):
    storage.put("gs://bucket/a.csv", b"x")
    storage.put("gs://bucket/in/b.csv", b"x")
    for url in ("gs://bucket", "gs://bucket/", "gs://bucket/**/*.csv"):
        assert list(find_files([url]).sizes) == ["gs://bucket/a.csv", "gs://bucket/in/b.csv"]


def test_links_and_pipes_in_a_folder_are_named_and_not_followed(tmp_path):
    write(tmp_path, "in/a.ndjson", b"x")
    write(tmp_path, "other/b.ndjson", b"x")
    os.symlink(tmp_path / "other", tmp_path / "in/link")
    os.mkfifo(tmp_path / "in/pipe.ndjson")
    (unread,) = find_files([str(tmp_path / "in")]).unread
    assert unread.names == ("link/", "pipe.ndjson")
    os.symlink(tmp_path / "gone", tmp_path / "in/c.ndjson")
    with pytest.raises(DataError, match=r"c\.ndjson is a link to a missing file"):
        find_files([str(tmp_path / "in")])


def test_a_folder_that_may_not_be_read_is_told_as_that():
    with tempfile.TemporaryDirectory() as shared:  # which any user can reach, unlike pytest's own folders
        os.chmod(shared, 0o755)
        os.mkdir(f"{shared}/in", 0o000)
        with without_rights(), pytest.raises(DataError, match="permission denied"):
            find_files([f"{shared}/in"])


@pytest.mark.parametrize(
    "url", ["nonsense://bucket/x", "sftp://host/x", "https://host/a.csv", "memory://b/x"]
)
def test_another_kind_of_store_is_wrong_usage(url):
    with pytest.raises(UsageError, match="unsupported URL scheme: write a path, or one of s3://"):
        find_files([url])


@pytest.mark.parametrize("url", ["s3://KEY:SECRET@bucket/x", "s3:///x", "abfss://bucket/x"])
def test_an_invalid_bucket_is_refused_without_its_credential(url):
    with pytest.raises(UsageError, match="does not name a bucket") as refusal:
        find_files([url])
    assert "SECRET" not in str(refusal.value)


def test_a_store_that_does_not_answer_is_a_missing_service(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setattr("pipelines.lake.objects._RETRIES", 0)
    from pipelines.lake import objects

    objects.client.cache_clear()
    with pytest.raises(ServiceError, match=r"s3://quiet cannot be reached"):
        find_files(["s3://quiet/x"])
    objects.client.cache_clear()


CLOSED = ("closed/a.ndjson", "closed", "closed/*.ndjson", "closed/sub/*.ndjson", "b", ".")


@pytest.mark.parametrize("name", CLOSED)
def test_what_may_not_be_looked_into_is_never_told_as_missing(name):
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        os.makedirs(f"{made}/closed/sub")
        for file in (f"{made}/closed/a.ndjson", f"{made}/b"):
            with open(file, "x"):
                os.chmod(file, 0)
        os.chmod(f"{made}/closed", 0)
        said = r"permission denied: .*belongs to .*, mode \d{3}"
        with without_rights(), pytest.raises(UnreadableError, match=said) as raised:
            list_inputs([os.path.join(made, name)])
        os.chmod(f"{made}/closed", 0o700)
    assert raised.value.exit_code == 3
