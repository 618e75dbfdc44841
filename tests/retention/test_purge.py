"""A purge: the lake is as if it had never received what lies before the horizon, and nothing comes back."""

import datetime as dt
import json
import shutil
import threading
import time

import pytest

from pipelines.errors import RefusedError, UsageError
from pipelines.lake import open_lake, snapshot
from pipelines.lake.log import versions
from pipelines.lake.writer_lock import writing_alone, writing_with_others
from pipelines.privacy.keys import load_keys, token
from pipelines.retention.purge import purge
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import truyvet
from tests.end_to_end.worlds import NOW
from tests.retention.forgetting import BEGINS, Home, day_of, differences, places_of, tables_of
from tests.retention.killing import killed_at

DAYS = 17
HORIZON = dt.date(2021, 7, 25) - dt.timedelta(days=DAYS)
NOW_US = int(dt.datetime(2021, 7, 25, tzinfo=dt.UTC).timestamp()) * 1_000_000
PURGE = ("purge", "--now", NOW, "--days", DAYS, "--case-days", 30, "--format", "json")
WORLDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))]  # 300 in test_laws


def remains(name, one):
    if name == "cases":
        return day_of(one["withdrawn_at"]) >= HORIZON - dt.timedelta(days=30)
    return day_of(one[BEGINS[name]]) >= HORIZON


def purged(lake):
    return purge(str(lake), days=DAYS, case_days=30, now_us=NOW_US)


@pytest.mark.parametrize("seed", WORLDS)
def test_a_purged_lake_is_one_that_never_received_the_records(folder, seed):
    home = Home(folder, seed)
    lake, other = folder / "lake", folder / "other"
    home.run(lake, home.inputs, batches=2)
    home.contacts(lake)
    assert "contacts" in tables_of(lake) or seed  # in some worlds nobody meets
    home.run(other, home.inputs.only(remains))
    home.contacts(other)
    done = truyvet(*PURGE, "--lake", lake)
    assert done.code == 0, done.err
    assert {row["table"]: row["rows_removed"] for row in json.loads(done.out)}["scans"] > 0
    expected = tables_of(other)
    assert {"scans", "stays", "footfall", "vault", "encounters"} <= expected.keys()
    assert differences(tables_of(lake), expected) == []
    assert truyvet("verify", "--lake", lake).code == 0
    report = home.run(lake, home.inputs)[0]
    assert report["accepted"] == 0
    assert report["reasons"]["past_retention"] > 0
    assert report["others"]["cases"]["reasons"]["past_retention"] > 0
    assert differences(tables_of(lake), expected) == []


@pytest.mark.slow
def test_no_file_holds_the_token_of_a_person_who_is_nowhere_any_more(folder):
    home, lake = Home(folder, 7), folder / "lake"
    home.inputs = home.inputs.only(lambda name, _: name != "links")  # they name everybody
    home.run(lake, home.inputs, batches=3)
    home.contacts(lake)
    rest = home.inputs.only(remains)
    there = {value for rows in vars(rest).values() for one in rows for value in one.values()}
    gone = [person for person in home.people if person not in there]
    tokens = [token(load_keys(home.keys), person) for person in gone]
    assert gone
    assert all(places_of(lake, one) for one in tokens)
    purged(lake)
    assert [places_of(lake, one, [person.encode()]) for one, person in zip(tokens, gone, strict=True)] == [
        [] for _ in gone
    ]


def test_the_log_begins_at_the_newest_versions_and_old_files_are_gone(folder):
    home, lake = Home(folder, 8), folder / "lake"
    home.run(lake, home.inputs, batches=3)
    purged(lake)
    opened = open_lake(str(lake))
    for name in ALL_TABLES:
        newest = snapshot(opened, name)
        on_disk = {str(path) for path in (lake / name).rglob("part-*.parquet")}
        assert on_disk == {file.path for file in newest.files}
        assert len(versions(opened.table_url(name))) <= 6
    assert [path.name for path in lake.glob("_scratch/**/*") if path.is_file()] == ["writers.lock"]


@pytest.mark.slow  # the quick suite kills an erasure, which goes the same way
def test_a_purge_that_is_killed_anywhere_is_finished_by_the_next(folder):
    home, whole = Home(folder, 9, size=3), folder / "whole"
    home.run(whole, home.inputs)
    home.contacts(whole)
    lake = folder / "lake"
    expected, steps, number = None, 0, 10_000
    while number > 0:
        shutil.copytree(whole, lake)
        steps = max(steps, killed_at(number, lambda: purged(lake)))
        purged(lake)
        found = tables_of(lake)
        expected = expected or found
        assert differences(found, expected) == []
        assert truyvet("verify", "--lake", lake).code == 0
        shutil.rmtree(lake)
        number = (steps if number == 10_000 else number) - 1
    assert steps > 50


def test_a_second_purge_changes_nothing(folder):
    home, lake = Home(folder, 10, size=3), folder / "lake"
    home.run(lake, home.inputs)
    purged(lake)
    opened = open_lake(str(lake))
    before = {name: snapshot(opened, name).version for name in ALL_TABLES}
    again = purged(lake)
    assert set(again.removed.values()) == {0}
    assert {name: snapshot(opened, name).version for name in ALL_TABLES} == before


def test_a_dry_run_counts_what_the_purge_removes_and_changes_nothing(folder):
    home, lake = Home(folder, 11, size=3), folder / "lake"
    home.run(lake, home.inputs)
    before = tables_of(lake)
    counted = json.loads(truyvet(*PURGE, "--lake", lake, "--dry-run").out)
    assert tables_of(lake) == before
    assert not (lake / "forgotten.json").exists()
    removed = json.loads(truyvet(*PURGE, "--lake", lake).out)
    assert {row["table"]: row["rows_removed"] for row in removed if row["table"] != "vault"} == {
        row["table"]: row["rows_removed"] for row in counted
    }


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"days": 0}, "--days must be an integer from 1 to 36500: write --days 21"),
        ({"case_days": -1}, "--case-days must be an integer from 0 to 36500: write --case-days 60"),
    ],
)
def test_a_number_of_days_out_of_range_is_wrong_usage(flags, said):
    with pytest.raises(UsageError) as refused:
        purge("no lake", **flags)
    assert str(refused.value) == said


def test_an_earlier_horizon_does_not_open_the_lake_again(folder):
    home, lake = Home(folder, 12, size=3), folder / "lake"
    home.run(lake, home.inputs)
    horizon_us = purged(lake).horizon_us
    assert purge(str(lake), days=100, now_us=NOW_US).horizon_us == horizon_us


def test_a_purge_waits_for_batches_and_is_refused_when_they_do_not_end(folder):
    home, lake = Home(folder, 13, size=3), folder / "lake"
    home.run(lake, home.inputs)
    opened = open_lake(str(lake))
    with (
        writing_with_others(opened),
        writing_with_others(opened),
        pytest.raises(RefusedError, match="is being written"),
        writing_alone(opened, wait_seconds=0.1),
    ):
        pass
    begun = threading.Event()

    def batch():
        with writing_with_others(opened):
            begun.set()
            time.sleep(0.3)

    thread = threading.Thread(target=batch)
    thread.start()
    begun.wait()
    with writing_alone(opened):
        assert not thread.is_alive() or thread.join(0.1) is None
    thread.join()


def test_a_purge_of_a_lake_that_holds_nothing_sets_the_horizon(folder):
    home, lake = Home(folder, 14, size=3), folder / "lake"
    nothing = home.inputs.only(lambda _name, _one: False)
    home.run(lake, nothing)
    purged(lake)
    assert home.run(lake, home.inputs)[0]["reasons"]["past_retention"] > 0


def test_a_purge_stands_in_the_ledger_before_it_begins(folder):
    home, lake = Home(folder, 15, size=3), folder / "lake"
    home.run(lake, home.inputs)
    assert truyvet(*PURGE, "--lake", lake, "--purpose", "decree", "--actor", "lan").code == 0
    (line,) = (folder / "lake.ledger" / "ledger.jsonl").read_text().splitlines()
    said = json.loads(line)
    assert (said["command"], said["purpose"], said["actor"]) == ("purge", "decree", "lan")
    assert said["arguments"]["days"] == DAYS
