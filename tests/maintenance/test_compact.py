import json
import os
from pathlib import Path

import pytest

from pipelines.checkup.check import OK
from pipelines.checkup.table_checks import lag
from pipelines.cli import main
from pipelines.errors import DataError, RefusedError
from pipelines.lake import NO_TABLE, commit, mark, read_table, snapshot, write_data_file
from pipelines.lake.snapshots import LiveFile
from pipelines.lake.statistics import Statistics
from pipelines.maintenance import compact as compact_module
from pipelines.maintenance.compact import compact, small_files
from pipelines.maintenance.vacuum import sweep, sweep_scratch
from pipelines.maintenance.verify import verify
from schemas.tables import FOOTFALL, SCANS, STAYS, VENUES
from tests.lake.rows import (
    DATES,
    add,
    add_stays,
    data_paths,
    footfall_rows,
    make_lake,
    scan_rows,
    stay_rows,
    venue_rows,
    whole_lake,
)

DATE = {"date": DATES[0]}
DAY_SECONDS = 86_400


@pytest.fixture
def lake(tmp_path):
    return make_lake(tmp_path)


def fragmented(lake, count=4):
    """Scans and stays in `count` small files a partition, stays up to date."""
    for seed in range(count):
        add(lake, SCANS, DATE, scan_rows(seed=seed))
    for seed in range(count):
        add_stays(lake, seed=seed, marks={"scans_version": count - 1})
    return lake


def in_any_order(table):
    return table.sort_by([(name, "ascending") for name in table.column_names])


def make_old(paths, seconds=2 * DAY_SECONDS):
    for path in paths:
        status = os.stat(path)
        os.utime(path, (status.st_atime, status.st_mtime - seconds))


def everything(lake, name):
    return [path for path in Path(lake.url, name).rglob("*") if path.is_file()]


def test_small_files_become_one_and_no_row_changes(lake):
    fragmented(lake)
    before = {name: in_any_order(read_table(lake, name)) for name in ("scans", "stays")}
    answers = {answer.table: (answer.before, answer.after) for answer in compact(lake)}
    assert answers == {"scans": (4, 1), "stays": (8, 2)}
    assert all(in_any_order(read_table(lake, name)).equals(before[name]) for name in before)
    assert verify(lake).problems == ()


def test_a_joined_file_is_what_one_writer_would_have_written(lake):
    whole = stay_rows("person", count=40)
    for start in (0, 13, 26):
        add(lake, STAYS, {"by": "person", **DATE}, whole.slice(start, 13 if start < 26 else 14))
    compact(lake)
    (file,) = snapshot(lake, "stays").files
    assert file.relative == write_data_file(lake, STAYS, {"by": "person", **DATE}, whole).path


def test_a_second_compaction_finds_nothing_to_do(lake):
    fragmented(lake)
    compact(lake)
    versions = [snapshot(lake, name).version for name in ("scans", "stays")]
    compact(lake)
    assert [snapshot(lake, name).version for name in ("scans", "stays")] == versions


def test_joined_stays_have_a_sidecar(lake):
    fragmented(lake)
    compact(lake)
    for path in data_paths(lake, "stays"):
        assert path.with_name(f"_{path.stem}.arrow").exists()


def test_the_stays_reflect_the_joined_scans_too(lake):
    fragmented(lake)
    compact(lake)
    assert mark(lake, "stays", "scans_version") == snapshot(lake, "scans").version == 4


def test_contacts_reflect_the_stays_that_reflect_the_joined_scans(lake):
    fragmented(lake)
    marks = {"scans_version": 3, "stays_version": snapshot(lake, "stays").version}
    commit(lake, "contacts", [], after=NO_TABLE, marks=marks)
    compact(lake)
    assert mark(lake, "contacts", "scans_version") == snapshot(lake, "scans").version
    assert mark(lake, "contacts", "stays_version") == snapshot(lake, "stays").version
    assert lag(lake).state == OK


def test_marks_on_the_registry_move_along_too(tmp_path):
    lake = whole_lake(tmp_path)
    more = venue_rows(5).slice(3)
    version = add(lake, VENUES, {}, more)
    add_stays(lake, seed=9, marks={"venues_version": version})
    compact(lake)
    assert snapshot(lake, "venues").version == version + 1
    assert mark(lake, "stays", "venues_version") == version + 1
    assert mark(lake, "footfall", "venues_version") == 0


@pytest.mark.parametrize("marks", [{}, {"scans_version": 2}])
def test_scans_are_not_joined_while_the_stays_are_behind(lake, marks):
    for seed in range(4):
        add(lake, SCANS, DATE, scan_rows(seed=seed))
    add_stays(lake, marks=marks)
    with pytest.raises(RefusedError, match="stays are behind scans: run truyvet recompute first"):
        compact(lake)
    assert snapshot(lake, "scans").version == 3


def test_a_kill_between_the_two_commits_leaves_stays_that_lag(lake, monkeypatch):
    fragmented(lake)

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(compact_module, "move_mark", killed)
    with pytest.raises(KeyboardInterrupt):
        compact(lake)
    assert mark(lake, "stays", "scans_version") < snapshot(lake, "scans").version
    assert verify(lake).problems == ()


def test_a_commit_that_comes_between_is_not_lost(lake, monkeypatch):
    fragmented(lake)
    join = compact_module._join
    more = iter([9])

    def join_late(lake, table, group):
        file = join(lake, table, group)
        for seed in more:
            version = add(lake, SCANS, DATE, scan_rows(seed=seed))
            add_stays(lake, seed=seed, marks={"scans_version": version})
        return file

    monkeypatch.setattr(compact_module, "_join", join_late)
    compact(lake)
    assert read_table(lake, "scans").num_rows == 250
    assert len(snapshot(lake, "scans").files) == 1
    assert mark(lake, "stays", "scans_version") == snapshot(lake, "scans").version


def test_a_table_that_never_rests_is_left_alone(lake, monkeypatch):
    fragmented(lake)

    def conflict(*_args, **_how):
        raise compact_module.CommitConflict

    monkeypatch.setattr(compact_module, "commit", conflict)
    with pytest.raises(RefusedError, match="scans keeps changing"):
        compact(lake)


def test_a_damaged_file_is_not_written_again_under_a_new_hash(lake):
    fragmented(lake)
    path = data_paths(lake, "scans")[0]
    content = bytearray(path.read_bytes())
    content[200] ^= 4
    path.write_bytes(content)
    version = snapshot(lake, "scans").version
    with pytest.raises(DataError, match=rf"{path.name} is damaged: restore it from a backup"):
        compact(lake)
    assert snapshot(lake, "scans").version == version


def live(rows, date=DATES[0], name="f"):
    return LiveFile(f"/{name}{rows}", f"{name}{rows}", {"date": date}, 1, rows, Statistics(rows, {}, {}, {}))


@pytest.mark.parametrize(
    ("sizes", "joined"),
    [
        ([5, 5], [[5, 5]]),
        ([5], []),
        ([], []),
        ([60, 60], []),
        ([60, 40], [[40, 60]]),
        ([60, 41], []),
        ([100, 3, 2], [[2, 3]]),
        ([50, 30, 30], [[30, 30]]),
    ],
)
def test_files_are_joined_up_to_a_number_of_rows_smallest_first(sizes, joined):
    files = [live(rows, name=f"f{n}-") for n, rows in enumerate(sizes)]
    assert [[file.rows for file in group] for group in small_files(files, 100)] == joined


def test_files_of_two_partitions_are_never_joined():
    assert list(small_files([live(1, DATES[0]), live(1, DATES[1])], 100)) == []


def test_a_replaced_file_stays_for_a_day_and_then_goes_with_its_sidecar(lake):
    fragmented(lake)
    old = data_paths(lake, "stays")
    make_old(everything(lake, "stays"))
    compact(lake)
    assert all(path.exists() for path in old)
    make_old(everything(lake, "stays"))
    assert {answer.table: answer.swept for answer in compact(lake)}["stays"] == 16
    assert not any(path.exists() or path.with_name(f"_{path.stem}.arrow").exists() for path in old)
    assert verify(lake).problems == ()


def test_what_killed_runs_left_goes_after_a_day_and_not_before(lake):
    fragmented(lake, 1)
    folder = Path(lake.url, "stays", "by=venue", f"date={DATES[0]}")
    orphan = Path(
        lake.url,
        "stays",
        write_data_file(lake, STAYS, {"by": "venue", **DATE}, stay_rows("venue", seed=7)).path,
    )
    (folder / "_tmp-1-2-ab").write_bytes(b"half")
    (folder / "_part-0.arrow").write_bytes(b"sidecar of nothing")
    staged = Path(lake.url, "stays", "_delta_log", f"{7:020d}.json#1")
    staged.write_bytes(b"half")
    left = [orphan, folder / "_tmp-1-2-ab", folder / "_part-0.arrow", staged]
    assert sweep(lake, "stays") == 0
    make_old(left)
    assert sweep(lake, "stays") == 4
    assert not any(path.exists() for path in left)
    assert verify(lake).problems == ()


def test_a_file_written_again_is_young_again(lake):
    fragmented(lake, 1)
    rows = stay_rows("venue", seed=7)
    orphan = Path(lake.url, "stays", write_data_file(lake, STAYS, {"by": "venue", **DATE}, rows).path)
    make_old([orphan])
    write_data_file(lake, STAYS, {"by": "venue", **DATE}, rows)
    assert sweep(lake, "stays") == 0


def test_the_registry_that_the_stays_were_made_with_is_kept(tmp_path):
    lake = whole_lake(tmp_path)
    old = snapshot(lake, "venues")
    file = write_data_file(lake, VENUES, {}, venue_rows(5))
    compact_module.commit(lake, "venues", [file], remove=old.files, after=old.version)
    make_old(everything(lake, "venues"))
    assert sweep(lake, "venues") == 0
    assert read_table(lake, "venues", version=old.version).num_rows == 3
    add_stays(lake, seed=9, marks={"venues_version": 1})
    add(lake, FOOTFALL, DATE, footfall_rows(stay_rows("venue")), marks={"venues_version": 1})
    assert sweep(lake, "venues") == 1


def test_scratch_folders_of_killed_runs_go_after_a_day(lake):
    old, young = Path(lake.scratch("old")), Path(lake.scratch("young"))
    for folder in (old, young):
        (folder / "piece.arrow").write_bytes(b"rows")
    make_old([old, old / "piece.arrow", young])
    sweep_scratch(lake)
    assert not old.exists()
    assert (young / "piece.arrow").exists()


def test_the_command_answers_a_row_a_table(lake, capsys):
    fragmented(lake)
    assert main(["compact", "--lake", lake.url, "--keep-hours", "0", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"table": "scans", "files_before": 4, "files_after": 1, "files_swept": 4},
        {"table": "stays", "files_before": 8, "files_after": 2, "files_swept": 16},
    ]
    assert verify(lake).problems == ()


@pytest.mark.parametrize("hours", ["-1", "nan", "inf"])
def test_hours_below_0_are_wrong_usage(lake, hours, capsys):
    assert main(["compact", "--lake", lake.url, f"--keep-hours={hours}"]) == 2
    assert "--keep-hours must be a number ≥ 0" in capsys.readouterr().err
