import pickle
import shutil
import subprocess
import sys
import threading

import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.lake import NO_TABLE, CommitConflict, read_live_file, read_table, snapshot, snapshots
from schemas.tables import SCANS, STAYS, VENUES
from tests.lake.rows import (
    DATES,
    add,
    add_stays,
    data_paths,
    make_lake,
    midnight_us,
    scan_rows,
    stay_rows,
    venue_rows,
)

PARTITION = {"date": "2021-07-01"}


@pytest.fixture
def lake(tmp_path):
    return make_lake(tmp_path)


def test_a_table_without_commits_has_no_version_and_no_rows(lake):
    assert snapshot(lake, "stays") == snapshots.Snapshot(NO_TABLE)
    assert snapshot(lake, "stays", NO_TABLE).files == ()
    assert read_table(lake, "stays").equals(STAYS.schema.empty_table())
    assert read_table(lake, "stays", ["date", "by"]).column_names == ["date", "by"]


def test_a_live_file_says_where_it_lies_and_what_it_holds(lake):
    rows = stay_rows("person")
    add(lake, STAYS, {"by": "person", "date": DATES[0]}, rows)
    (file,) = snapshot(lake, "stays").files
    assert file.path == f"{lake.url}/stays/{file.relative}"
    assert (file.partition, file.rows) == ({"by": "person", "date": DATES[0]}, 40)
    assert file.stats.least["enter"] >= midnight_us(DATES[0])
    assert file.stats.greatest["exit"] == max(rows["exit"].cast(pa.int64()).to_pylist())
    assert pickle.loads(pickle.dumps(snapshot(lake, "stays"))) == snapshot(lake, "stays")


def test_files_come_in_the_order_of_their_paths(lake):
    for date in reversed(DATES):
        add_stays(lake, date)
    paths = [file.relative for file in snapshot(lake, "stays").files]
    assert paths == sorted(paths)
    assert len(paths) == 4


def test_an_unchanged_table_is_not_opened_again(lake, monkeypatch):
    add(lake, SCANS, PARTITION, scan_rows())
    first = snapshot(lake, "scans")
    monkeypatch.setattr(snapshots, "_open", None)
    monkeypatch.setattr(snapshots, "_snapshot_of", None)
    assert snapshot(lake, "scans") is first
    assert snapshot(lake, "scans", 0) is first


def test_a_commit_of_another_process_is_seen_at_once(lake):
    add(lake, SCANS, PARTITION, scan_rows())
    assert len(snapshot(lake, "scans").files) == 1
    code = (
        "import sys; from pipelines.lake import *; from tests.lake.rows import *\n"
        "add(open_lake(sys.argv[1]), SCANS, {'date': '2021-07-01'}, scan_rows(seed=1))"
    )
    subprocess.run([sys.executable, "-c", code, lake.url], check=True)
    assert len(snapshot(lake, "scans").files) == 2


def test_a_lake_that_was_made_again_under_the_same_name_is_not_taken_for_the_old_one(lake, tmp_path):
    add(lake, SCANS, PARTITION, scan_rows(count=9))
    assert snapshot(lake, "scans").files[0].rows == 9
    shutil.rmtree(lake.url)
    assert snapshot(lake, "scans").version == NO_TABLE
    make_lake(tmp_path)
    add(lake, SCANS, PARTITION, scan_rows(count=5))
    assert snapshot(lake, "scans").files[0].rows == 5


def test_a_version_that_never_was_is_an_error(lake):
    add(lake, SCANS, PARTITION, scan_rows())
    for name in ("scans", "venues"):
        with pytest.raises(DataError, match=r"version 7"):
            snapshot(lake, name, 7)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"add":{"pa', r"0001\.json is damaged: restore it from a backup"),
        (b"\xff\xfe", r"0001\.json is damaged: restore it from a backup"),
        # It might be another writer's, who keeps no hash.
        (b'{"add":5}', r"the log of .*scans cannot be read: run truyvet verify"),
    ],
    ids=["cut short", "no text", "no action"],
)
def test_a_damaged_log_is_one_line(lake, content, said):
    add(lake, SCANS, PARTITION, scan_rows())
    snapshot(lake, "scans")
    with open(f"{lake.url}/scans/_delta_log/{1:020d}.json", "wb") as file:
        file.write(content)
    with pytest.raises(DataError, match=said) as raised:
        snapshot(lake, "scans")
    assert "\n" not in str(raised.value)


def test_columns_come_in_the_order_asked_for_with_the_partition_among_them(lake):
    add_stays(lake)
    rows = read_table(lake, "stays", ["date", "person", "by"])
    assert rows.schema.equals(pa.schema([STAYS.schema.field(name) for name in ("date", "person", "by")]))
    assert set(rows["by"].to_pylist()) == {"venue", "person"}
    assert {str(date) for date in rows["date"].to_pylist()} == {DATES[0]}
    assert read_table(lake, "stays", ["by"]).num_rows == 80


def test_a_table_comes_back_as_it_was_written(lake):
    add(lake, VENUES, {}, venue_rows())
    assert read_table(lake, "venues").equals(venue_rows())


def test_one_file_is_read_with_its_own_columns(lake):
    add_stays(lake)
    files = {file.partition["by"]: file for file in snapshot(lake, "stays").files}
    assert read_live_file(files["venue"], STAYS.file_schema).equals(stay_rows("venue"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "cannot be read: run truyvet verify"),
        (lambda path: path.write_bytes(b"PAR1"), "is damaged: restore it from a backup"),
        (lambda path: path.write_bytes(b""), "is damaged: restore it from a backup"),
    ],
    ids=["missing", "cut short", "empty"],
)
def test_a_missing_or_damaged_file_is_one_line(lake, damage, said):
    add(lake, VENUES, {}, venue_rows())
    damage(data_paths(lake, "venues")[0])
    with pytest.raises(DataError, match=rf"part-.* {said}"):
        read_table(lake, "venues")


def test_threads_that_read_while_others_commit_see_whole_versions(lake):
    add_stays(lake)
    wrong = []
    stop = threading.Event()

    def read():
        while not stop.is_set():
            now = snapshot(lake, "stays")
            if len(now.files) != 2 * (now.version + 1) or now.marks.get("scans_version", 0) != now.version:
                wrong.append(now.version)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for seed in range(1, 12):
        try:
            add_stays(lake, seed=seed, marks={"scans_version": seed})
        except CommitConflict:
            wrong.append("conflict")
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
