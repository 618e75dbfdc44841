"""A lake in an object store is what a local one is: every command, two writers, and what goes wrong."""

import json
import os
import re
import shutil
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import RefusedError
from pipelines.lake import (
    NO_TABLE,
    CommitConflict,
    DataFile,
    Lake,
    commit,
    commits,
    open_lake,
    read_table,
    snapshot,
    snapshots,
    storage,
    write_data_file,
)
from pipelines.lake.checkpoints import CHECKPOINT_EVERY
from pipelines.lake.log import checkpoints
from pipelines.lake.sidecars.sidecar import check, open_sidecar, write_sidecar
from pipelines.lake.sidecars.sidecar_file import UNUSED_SECONDS, _evict_unused, sidecar_path
from pipelines.maintenance.vacuum import sweep_scratch
from pipelines.maintenance.verify import verify
from pipelines.privacy.keys import create_keys
from pipelines.query import connect
from schemas.tables import ALL_TABLES, SCANS, TABLES
from tests.end_to_end.commands import finished, started, truyvet
from tests.lake.object_store import BUCKET
from tests.lake.rows import scan_rows
from tests.lake.two_lakes import World, add_scans, content, in_order, same_rows


@pytest.fixture(scope="module")
def world(bucket, tmp_path_factory):
    return World(tmp_path_factory.mktemp("object-store"), f"{bucket}/province/lake")


@pytest.fixture
def lake(bucket, tmp_path):
    """An empty lake in the store."""
    return open_lake(f"{bucket}/{os.urandom(4).hex()}", tmp_path / "keys", create=True)


def test_both_lakes_hold_the_same_rows_and_of_stays_and_footfall_the_same_files(world):
    same_rows(world)
    assert read_table(Lake(world.remote), "stays").num_rows > 1000


def test_questions_are_answered_alike(world):
    asked = 0
    for case in world.cases:
        asked += len(json.loads(world.alike("overlaps", "--case", case, "--format", "json")))
        asked += len(json.loads(world.alike("trace", "--case", case, "--depth", 2, "--format", "json")))
        world.alike("milestones", "--case", case, "--format", "json")
    assert asked > 20
    assert json.loads(world.alike("venues", "list", "--format", "json"))
    world.alike("verify", "--format", "json")


def test_scans_and_what_lies_beside_them_are_read_from_the_store_as_from_the_disk(world, bucket, tmp_path):
    given = {"--venues": "venues.csv", "--cases": "cases.csv", "--scans": "scans/*.ndjson"}
    here, there = world.folder / "world", f"{bucket}/inputs"
    for path in [*here.glob("*.csv"), *here.glob("scans/*.ndjson")]:
        storage.put(f"{there}/{path.relative_to(here)}", path.read_bytes())
    reports = []
    for folder in (here, there):
        words = [word for flag, name in given.items() for word in (flag, f"{folder}/{name}")]
        lake = tmp_path / f"lake-{len(reports)}"
        reports.append(
            truyvet("run", "--lake", lake, "--keys", world.keys, "--now", world.now, *words).report
        )
    for name in ("received", "accepted", "duplicate", "rejected", "unregistered"):
        assert reports[0][name] == reports[1][name]
    assert reports[0]["accepted"] > 0


@pytest.mark.slow
def test_recomputing_compacting_and_counting_contacts_leave_both_alike(world):
    world.alike("contacts", "--date", "2021-08-02")
    assert read_table(Lake(world.remote), "contacts").num_rows > 10
    world.alike("recompute")
    same_rows(world)
    swept = json.loads(world.alike("compact", "--keep-hours", 0, "--format", "json"))
    assert any(row["files_after"] < row["files_before"] for row in swept)
    assert any(row["files_swept"] for row in swept)
    same_rows(world)
    world.alike("verify", "--format", "json")
    world.alike("overlaps", "--case", world.cases[0], "--format", "json")
    live = {file.path for name in ALL_TABLES for file in snapshot(Lake(world.remote), name).files}
    assert {found.place for found in storage.files(world.remote) if found.place.endswith(".parquet")} == live


def test_nothing_of_the_store_becomes_a_folder_here_but_sidecars_in_the_cache(world, monkeypatch):
    cache = Path(storage.local(world.remote))
    kinds = {path.suffix for path in cache.rglob("*") if path.is_file()}
    assert kinds == {".arrow", ".lock"}
    for path in cache.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert not list(Path.cwd().glob("s3:*"))


def test_sidecars_are_made_again_from_the_store_and_go_without_a_cache(world, monkeypatch, tmp_path):
    live = snapshot(Lake(world.remote), "stays").files[0]
    whole = open_sidecar(live)
    sidecar_path(live.path).unlink()
    again = open_sidecar(live)
    assert sidecar_path(live.path).exists()
    rows = storage.parquet(live.path).read()
    assert check(live, rows) is None
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for columns in (again, open_sidecar(live)):
        assert (columns.enter_us == whole.enter_us).all()
        assert columns.zone_names == whole.zone_names


def test_what_nobody_uses_in_the_cache_goes(world, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one, other, third = snapshot(Lake(world.remote), "stays").files[:3]
    for file in (one, other):
        open_sidecar(file)
    for file in (one, other, third):
        path = sidecar_path(file.path)
        if path.exists():
            os.utime(path, (0, time.time() - UNUSED_SECONDS - 60))
    open_sidecar(one)
    _evict_unused.cache_clear()  # as in another process
    open_sidecar(third)
    assert [sidecar_path(file.path).exists() for file in (one, other, third)] == [True, False, True]


def test_analysts_see_the_same_views(world):
    with connect(world.remote) as remote, connect(world.local) as local:
        for name, table in TABLES.items():
            shown = [column for column in table.schema.names if column not in ("received_at", "sealed")]
            columns = ", ".join(f'"{column}"' for column in shown)
            question = f"SELECT {columns} FROM {name} ORDER BY ALL"
            assert remote.sql(question).to_arrow_table() == local.sql(question).to_arrow_table()
            assert remote.sql(f"SELECT * FROM {name}").columns == table.schema.names
        for where in (
            "date = '2021-08-02'",
            "enter >= '2021-08-02T05:00Z' AND exit < '2021-08-02T09:00Z'",
            "zone IS NULL",
            "venue < 0 AND person > 0",
        ):
            question = f"SELECT count(*), sum(scans) FROM stays WHERE {where}"
            assert remote.sql(question).fetchall() == local.sql(question).fetchall() != [(0, None)]


def test_analysts_fetch_only_the_files_that_partition_and_statistics_leave(world, s3):
    with connect(world.remote) as connection:
        for where in ("date = '2021-08-02'", "enter >= '2021-08-02T00:00Z' AND enter < '2021-08-03T00:00Z'"):
            before = len(s3.requests())
            assert connection.sql(f"SELECT max(exit) FROM stays WHERE {where}").fetchall() != [(None,)]
            fetched = [asked for asked in s3.requests()[before:] if asked.endswith(".parquet")]
            assert fetched
            assert all("by=venue/date=2021-08-02" in asked.replace("%3D", "=") for asked in fetched)


def test_analysts_reach_nothing_but_the_views(world, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with connect(world.remote) as connection:
        for question in (
            f"SELECT * FROM read_csv('{secret}')",
            f"COPY stays TO '{tmp_path / 'out'}'",
            "INSTALL httpfs",
        ):
            with pytest.raises(Exception, match=r"(?i)disabled|permission"):
                connection.sql(question)
    assert sorted(os.listdir(tmp_path)) == ["secret.csv"]


@pytest.mark.slow
def test_pieces_that_lie_in_the_store_make_the_same_lake(world, bucket, monkeypatch):
    lake = f"{bucket}/shared/lake"
    scratch, made = Lake.scratch, []
    monkeypatch.setattr(
        Lake, "scratch", lambda self, name, **_: made.append(scratch(self, name, shared=True)) or made[-1]
    )
    world.run(
        lake,
        "scans",
        "--venues",
        world.folder / "world/venues.csv",
        "--cases",
        world.folder / "world/cases.csv",
    )
    world.run(lake, "late")
    assert len(made) == 4
    for name in ("scans", "stays", "footfall"):
        rows = [content(Lake(url), name) for url in (lake, world.local)]
        assert in_order(rows[0]) == in_order(rows[1]), name
    assert storage.names(f"{lake}/_scratch") == []


def test_scratch_that_a_killed_run_left_in_the_store_goes_when_it_is_old(lake):
    folder = lake.scratch("run-1", shared=True)
    storage.put(f"{folder}/a.arrow", b"x")
    sweep_scratch(lake)
    assert storage.names(folder) == ["a.arrow"]
    sweep_scratch(lake, keep_seconds=-5)
    assert storage.names(folder) == []


@pytest.mark.slow
def test_two_runs_at_once_lose_nothing(world, bucket, tmp_path):
    lake = f"{bucket}/racing/lake"
    files = sorted((world.folder / "world/scans").iterdir())
    venues = ("--venues", world.folder / "world/venues.csv")
    given = ("--lake", lake, "--keys", world.keys, "--now", world.now)
    runs = [started("run", *given, "--scans", *files[start::2], *venues) for start in (0, 1)]
    reports = [finished(process).report for process in runs]
    alone = truyvet("run", "--lake", tmp_path / "lake", *given[2:], "--scans", *files, *venues).report
    accepted = [in_order(content(Lake(url), "scans")) for url in (lake, str(tmp_path / "lake"))]
    assert accepted[0] == accepted[1]
    assert sum(report["accepted"] for report in reports) == alone["accepted"] == accepted[0].num_rows
    assert truyvet("recompute", "--lake", lake, "--keys", world.keys).code == 0
    stays = [content(Lake(url), "stays") for url in (lake, str(tmp_path / "lake"))]
    assert in_order(stays[0]) == in_order(stays[1])
    assert truyvet("verify", "--lake", lake).code == 0


@pytest.mark.slow
def test_of_many_writers_of_a_table_each_commits_all_its_files_once(lake):
    conflicts = []

    def write(writer):
        for number in range(3):
            file = write_data_file(lake, SCANS, {"date": "2021-07-01"}, scan_rows(seed=10 * writer + number))
            while True:
                try:
                    commit(lake, "scans", [file], after=snapshot(lake, "scans").version)
                    break
                except CommitConflict:
                    conflicts.append(writer)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert conflicts
    assert snapshot(lake, "scans").version == 11
    assert read_table(lake, "scans").num_rows == 12 * 50
    assert verify(lake).problems == ()


def test_a_commit_after_another_than_the_newest_version_is_a_conflict(lake):
    assert add_scans(lake, 1, NO_TABLE) == 0
    for after in (NO_TABLE, 5):
        with pytest.raises(CommitConflict):
            add_scans(lake, 2, after)
    assert add_scans(lake, 2, 0) == 1
    assert snapshot(lake, "scans", 0).files[0] in snapshot(lake, "scans").files


def test_of_two_writers_of_one_version_one_is_refused(lake, monkeypatch):
    add_scans(lake, 0, NO_TABLE)
    write_entry, ready = commits._write_entry, threading.Barrier(2)

    def write_together(*words):
        ready.wait()  # both have seen that the version is free
        write_entry(*words)

    def write(seed):
        try:
            return add_scans(lake, seed, 0)
        except CommitConflict:
            return None

    monkeypatch.setattr(commits, "_write_entry", write_together)
    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(write, (1, 2)))
    assert set(written) == {1, None}
    assert read_table(lake, "scans").num_rows == 2 * 50


def test_of_two_that_make_one_lake_with_other_keys_one_is_refused(bucket, tmp_path):
    url = f"{bucket}/made-twice"
    ready = threading.Barrier(2)

    def make(name):
        create_keys(tmp_path / name)
        ready.wait()
        try:
            return open_lake(url, tmp_path / name, create=True)
        except RefusedError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(make, "ab"))
    assert sum(isinstance(one, Lake) for one in made) == 1
    assert any("was made with other keys" in str(one) for one in made)


def test_what_says_that_it_is_a_lake_is_not_replaced(lake):
    place = f"{lake.url}/lake.json"
    said = storage.read(place)
    assert not storage.put_new(place, b"{}")
    assert storage.read(place) == said


def test_tokens_are_made_with_the_keys_of_the_lake(world, tmp_path):
    alike = world.alike("token", "phone:0905123456").splitlines()
    assert re.fullmatch(r"[0-9a-f]{16}", alike[-1])
    other = truyvet("token", "--lake", world.remote, "--keys", tmp_path / "none", "phone:0905123456")
    assert (other.code, os.listdir(tmp_path)) == (5, [])


def test_a_prefix_of_other_things_does_not_become_a_lake(s3, tmp_path):
    storage.put(f"s3://{BUCKET}/letters/a.txt", b"mine")
    with pytest.raises(RefusedError, match="is neither a lake nor empty"):
        open_lake(f"s3://{BUCKET}/letters", tmp_path / "keys", create=True)
    assert not (tmp_path / "keys").exists()


def test_a_run_needs_no_cache_that_can_be_written(world, monkeypatch, tmp_path):
    live = snapshot(Lake(world.remote), "stays").files[0]
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    rows = storage.parquet(live.path).read()
    write_sidecar(Lake(world.remote), DataFile("stays", live.relative, live.size, (), live.rows, ""), rows)
    assert not sidecar_path(live.path).exists()


def test_keys_lie_among_the_own_data_of_the_user_and_are_never_made_beside_a_lake(
    world, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    venues = ("--venues", world.folder / "world/venues.csv")
    assert truyvet("run", "--lake", f"s3://{BUCKET}/own/keys-lake", *venues).code == 0
    keys = tmp_path / f"truyvet/s3/{BUCKET}/own/keys-lake.keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    shutil.rmtree(keys)
    gone = truyvet("run", "--lake", f"s3://{BUCKET}/own/keys-lake", *venues)
    assert (gone.code, keys.exists()) == (5, False)
    assert "the lake's keys are not in" in gone.err


def test_a_checkpoint_is_written_and_read(lake):
    for number in range(CHECKPOINT_EVERY + 2):
        add_scans(lake, number, number - 1)
    assert checkpoints(lake.table_url("scans")) == [CHECKPOINT_EVERY - 1]
    for number in range(5):
        storage.remove(f"{lake.table_url('scans')}/_delta_log/{number:020}.json")
    snapshots._newest.clear()
    assert len(snapshot(lake, "scans").files) == CHECKPOINT_EVERY + 2


def test_what_rots_or_goes_in_the_store_is_found(lake):
    for number in range(3):
        add_scans(lake, number, number - 1)
    rotten, gone, _ = snapshot(lake, "scans").files
    flipped = bytearray(storage.read(rotten.path))
    flipped[len(flipped) // 2] ^= 1
    storage.put(rotten.path, bytes(flipped))
    storage.remove(gone.path)
    said = {(problem.file, problem.problem) for problem in verify(lake).problems}
    assert (rotten.relative, "bytes have changed: its SHA-256 is not the one in its name") in said
    assert (gone.relative, "the file is missing") in said
