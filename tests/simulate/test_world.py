import ast
import datetime as dt
import json
import stat
import time
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.simulate import Knobs, simulate, threads, world
from tests.simulate.worlds import content_of, lines_of, made, moment, rows_of, truth_of

SOURCE = Path(world.__file__).parent


def test_the_same_seed_gives_the_same_bytes(usual, tmp_path):
    made(tmp_path / "again")
    assert content_of(tmp_path / "again") == content_of(usual)


def test_another_seed_gives_another_world(usual, tmp_path):
    made(tmp_path / "other", seed=6)
    other, this = content_of(tmp_path / "other"), content_of(usual)
    empty = ("links.csv", "truth/identifiers.parquet")  # nobody has several identifiers by default
    assert all(
        other[name] != this[name] for name in this if not name.startswith("late/") and name not in empty
    )


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Apia"])
def test_the_time_zone_of_the_machine_changes_nothing(zone, usual, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        made(tmp_path / "there")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert content_of(tmp_path / "there") == content_of(usual)


@pytest.mark.parametrize("cores", [1, 3])
def test_the_number_of_threads_and_the_size_of_a_share_of_work_change_nothing(
    cores, usual, tmp_path, monkeypatch
):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(world, "_PEOPLE_AT_ONCE", 100)
    made(tmp_path / "there")
    assert content_of(tmp_path / "there") == content_of(usual)


def test_no_module_looks_at_a_clock_or_knows_the_pairing():
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("now", "today", "utcnow", "time_ns", "monotonic") or (
                    isinstance(node.value, ast.Name) and node.value.id in ("walk", "eye", "self")
                )
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module)
            names = [name for name in names if name != "schemas.districts"]  # the places, not a rule
            assert not any(name.startswith(("schemas", "pipelines.windowing", "random")) for name in names)
            assert not (isinstance(node, ast.Constant) and node.value == "stays.toml")


@pytest.mark.parametrize(("people", "venues", "days"), [(1, 1, 1), (100, 1, 2), (3, 50, 1), (2, 17, 8)])
def test_small_worlds_have_all_their_files(people, venues, days, tmp_path):
    report = made(tmp_path / "w", people=people, venues=venues, days=days)
    assert report["expected"]["scans"]["received"] == len(lines_of(tmp_path / "w"))
    assert len(list((tmp_path / "w" / "scans").iterdir())) == days
    assert list((tmp_path / "w" / "late").iterdir())
    assert len(rows_of(tmp_path / "w", "cases.csv")) >= 1
    assert len(truth_of(tmp_path / "w", "stays")) >= people
    assert truth_of(tmp_path / "w", "infections")


def test_a_world_where_everybody_does_everything_wrong_still_stands(tmp_path):
    ones = dict.fromkeys(vars(Knobs()), 1.0)
    report = made(tmp_path / "w", Knobs(**ones), people=200, days=3)
    expected = report["expected"]
    for part in ("scans", "late"):
        counts = expected[part]
        assert counts["received"] == counts["accepted"] + counts["duplicate"] + counts["rejected"]


def test_the_report_lies_beside_the_files_and_says_what_they_hold(usual):
    report = json.loads((usual / "simulation.json").read_text())
    assert report["begin"] == "2021-08-01T00:00:00+07:00"
    assert report["now"] == report["end"] == "2021-08-05T00:00:00+07:00"
    assert report["knobs"] == vars(Knobs())
    assert report["rows"]["venues"] == len(rows_of(usual, "venues.csv"))
    assert report["rows"]["cases"] == len(rows_of(usual, "cases.csv"))
    assert report["rows"]["true_stays"] == len(truth_of(usual, "stays"))
    assert report["rows"]["true_contacts"] == len(truth_of(usual, "contacts"))
    for name, counts in report["expected"].items():
        assert counts["received"] == len(lines_of(usual, name))
        assert counts["received"] == counts["accepted"] + counts["duplicate"] + counts["rejected"]
        assert counts["rejected"] == sum(counts["reasons"].values())


def test_all_times_of_scans_on_time_lie_in_the_past_of_the_suggested_now(perfect_world):
    folder, report = perfect_world()
    assert max(json.loads(line)["occurred_at"] for line in lines_of(folder)) < report["now"]
    assert moment(report["now"]) == moment("2021-08-05T00:00:00+07:00")


def test_another_start_moves_the_world(tmp_path):
    start = dt.date(2020, 2, 28)
    report = simulate(tmp_path / "w", people=50, venues=20, days=3, seed=1, start=start)
    names = [path.name for path in sorted((tmp_path / "w" / "scans").iterdir())]
    assert names == [f"scans-2020-{day}.ndjson" for day in ("02-28", "02-29", "03-01")]
    assert report["end"] == "2020-03-02T00:00:00+07:00"


def test_files_are_for_their_owner_alone(usual):
    assert stat.S_IMODE(usual.stat().st_mode) & 0o077 == 0
    for path in usual.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="--out is not empty"):
        made(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken(tmp_path):
    assert made(tmp_path, people=1, venues=1, days=1)["people"] == 1


def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--out cannot be written"):
        made(tmp_path / "file" / "w")


def test_a_wrong_parameter_makes_no_folder(tmp_path):
    with pytest.raises(UsageError, match="--people"):
        made(tmp_path / "w", people=0)
    assert not (tmp_path / "w").exists()


def test_a_disk_that_is_full_in_the_middle_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.Truth, "add_stays", full)
    with pytest.raises(UsageError, match="--out cannot be written: No space left on device"):
        made(tmp_path / "w")
