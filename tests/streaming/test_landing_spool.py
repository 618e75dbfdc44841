"""Segments on the disk: sealed, whole or absent, and committed once."""

import contextlib
import os
import time
from pathlib import Path

import orjson
import pytest

from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.lake import Lake, open_lake, read_table, snapshot
from pipelines.streaming.landing_spool import open_landing
from pipelines.streaming.sent_lists import Sent, SentLists
from tests.lakes import new_lake
from tests.streaming.scans import committer_of, landing_of, rejects, scan


@pytest.fixture
def lake(tmp_path):
    return Path(new_lake(tmp_path).url)


def lines(*numbers):
    return [orjson.dumps(scan(number)) + b"\n" for number in numbers]


def test_a_segment_is_encrypted_and_reads_as_it_was_written(lake):
    landing = landing_of(lake)
    path = Path(landing.write([b'{"person":"phone:0905MARKER"}\n', b"x" * (3 << 20), b"\n"]))
    assert b"MARKER" not in path.read_bytes()
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct(Path(landing.folder).stat().st_mode & 0o777) == "0o700"
    planned = landing.plan(0, 0)
    (chunk,) = landing.chunks(planned)
    assert "key" not in repr(chunk)
    read = b"".join(block.data.tobytes() for block in read_blocks(chunk))
    assert read.startswith(b'{"person":"phone:0905MARKER"}\nxxx')


def test_the_landing_of_a_lake_in_a_store_lies_in_the_data_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    lake = Lake("s3://bucket/a/lake")
    landing = open_landing(lake, b"k" * 32)
    assert landing.folder == str(tmp_path / "truyvet/s3/bucket/a/lake.landing")
    assert landing.write(lines(1)).startswith(f"{landing.folder}/")
    SentLists(lake, "projects/p/topics/t", "rule").put(Sent("case", "rule", "1", []))
    assert list((tmp_path / "truyvet/s3/bucket/a/lake.sent").rglob("*.json"))


def test_a_planned_batch_is_the_next_one_whatever_else_has_come(lake):
    landing = landing_of(lake)
    first = landing.write(lines(1))
    planned = landing.plan(0, 0)
    landing.write(lines(2))
    assert planned.names == (Path(first).name,)
    assert landing.plan(0, 0) == planned
    landing.done(planned)
    assert landing.plan(planned.number, planned.number).number > planned.number


def test_a_batch_number_exceeds_that_of_any_table_of_the_lake(lake):
    landing = landing_of(lake)
    landing.write(lines(1))
    assert landing.plan(3, 1 << 60).number > 1 << 60


def test_a_batch_that_the_lake_has_is_planned_again_only_to_be_removed(lake):
    landing = landing_of(lake)
    landing.write(lines(1))
    planned = landing.plan(0, 0)
    assert landing.plan(planned.number, planned.number) == planned


def test_a_plan_made_after_the_lake_had_gone_on_is_dropped_and_its_segments_are_planned_again(lake):
    landing = landing_of(lake)
    landing.write(lines(1))
    too_late = landing.plan(0, 0)
    planned = landing.plan(too_late.number + 1, too_late.number + 1)
    assert planned.names == too_late.names
    assert planned.number > too_late.number + 1
    assert landing.plan(planned.number, planned.number) == planned


def test_a_process_that_is_behind_keeps_the_plan_of_one_that_is_ahead(lake):
    landing = landing_of(lake)
    landing.write(lines(1))
    planned = landing.plan(7, 7)
    assert landing.plan(0, 0) == planned
    assert landing.plan(7, 7) == planned


FORMER = "next.json"


def planned_by_the_former_version(landing, number):
    """Write a plan of one segment as the former version did; return the segment's name."""
    name = landing.write([*lines(1), b"no JSON\n"]).rpartition("/")[2]
    content = {"number": number, "received_us": time.time_ns() // 1000, "names": [name]}
    Path(landing.folder, FORMER).write_bytes(orjson.dumps(content))
    return name


@pytest.mark.parametrize("fails_after", [2, 4, None])
def test_a_batch_of_the_former_version_is_committed_once_with_its_rejects_wherever_it_died(
    lake, fails_after, monkeypatch
):
    committer = committer_of(lake)
    planned_by_the_former_version(committer.landing, time.time_ns() // 1000)
    with monkeypatch.context() as broken, contextlib.suppress(RuntimeError):
        broken.setattr("pipelines.ingest.commit.mark", broken_after(fails_after or 1000))
        broken.setattr(type(committer.landing), "done", broken_after(0))
        committer.land()
    committer.landing.write(lines(2))
    committer = committer_of(lake)
    while committer.land():
        pass
    assert read_table(open_lake(str(lake)), "scans", ["venue"]).num_rows == 2
    assert rejects(lake) == ["malformed"]
    assert sorted(os.listdir(committer.landing.folder)) == ["landing.json", "turn.lock"]


def test_a_plan_of_the_former_version_waits_until_the_current_one_is_done(lake):
    landing = landing_of(lake)
    landing.write(lines(2))
    first = landing.plan(0, 0)
    name = planned_by_the_former_version(landing, first.number + 9)
    assert landing.plan(0, 0) == first
    landing.done(first)
    later = landing.plan(first.number, first.number)
    assert (later.number, later.names) == (first.number + 9, (name,))
    landing.done(later)
    assert not Path(landing.folder, FORMER).exists()


@pytest.mark.parametrize("known", [9, 12])
def test_an_outdated_plan_of_the_former_version_is_removed_and_its_segments_stay(lake, known):
    landing = landing_of(lake)
    name = planned_by_the_former_version(landing, 8)
    planned = landing.plan(9, known)
    assert planned.names == (name,)
    assert planned.number > known
    assert not Path(landing.folder, FORMER).exists()


def test_a_clock_that_jumps_either_way_loses_nothing_and_doubles_nothing(lake, monkeypatch):
    committer, true_ns = committer_of(lake), time.time_ns
    for number, hours in enumerate((0, 3, -5, 20, -1)):
        monkeypatch.setattr(time, "time_ns", lambda hours=hours: true_ns() + hours * 3_600_000_000_000)
        committer.landing.write(lines(number, number + 1))
        if number != 2:  # two segments in one batch, the later one with the earlier name
            committer.land()
    assert read_table(open_lake(str(lake)), "scans", ["venue"]).num_rows == 6
    assert committer.landing.segments() == []


@pytest.mark.parametrize("fails", ["commit", "done"])
def test_a_batch_that_died_is_committed_once_with_its_rejects(lake, fails, monkeypatch):
    committer = committer_of(lake)
    committer.landing.write([*lines(1, 2), b"no JSON\n"])
    with monkeypatch.context() as broken:
        if fails == "commit":
            broken.setattr("pipelines.ingest.commit.mark", broken_after(2))
        else:
            broken.setattr(type(committer.landing), "done", broken_after(0))
        with pytest.raises(Exception, match=r"dead|failed"):
            committer.land()
    committer.landing.write(lines(2, 3))
    committer = committer_of(lake)
    while committer.land():
        pass
    assert read_table(open_lake(str(lake)), "scans", ["venue"]).num_rows == 3
    assert rejects(lake) == ["malformed"]
    assert committer.landing.segments() == []


def broken_after(calls):
    from pipelines.lake import mark

    left = [calls]

    def call(*words):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("dead")
        return mark(*words)

    return call


def test_only_one_process_holds_the_lock(lake):
    one, other = landing_of(lake), landing_of(lake)
    with one.lock() as first, other.lock() as second:
        assert (first, second) == (True, False)
    with other.lock() as later:
        assert later


@pytest.mark.parametrize("damage", ["flip", "cut", "more", "empty"])
def test_a_damaged_segment_is_set_aside_and_the_others_are_committed(lake, damage):
    warnings = []
    committer = committer_of(lake, warnings)
    broken = Path(committer.landing.write(lines(1)))
    committer.landing.write(lines(2))
    content = bytearray(broken.read_bytes())
    content[40] ^= 1
    whole = broken.read_bytes()
    broken.write_bytes(
        {"flip": bytes(content), "cut": whole[:-3], "more": whole + b"x", "empty": b""}[damage]
    )
    landed = committer.land()
    assert landed.accepted == 1
    assert len(warnings) == 1
    assert [path.name for path in Path(committer.landing.folder).glob("damaged-*")] == [
        f"damaged-{broken.name}"
    ]


def test_the_file_of_a_killed_writer_is_removed_once_it_is_old(lake):
    landing = landing_of(lake)
    left = Path(landing.folder, "_tmp-1")
    left.write_bytes(b"half")
    landing.sweep()
    assert left.exists()
    os.utime(left, (0, 0))
    landing.sweep()
    assert not left.exists()


def test_late_scans_land_change_their_date_and_are_counted(lake):
    committer = committer_of(lake, max_age_days=36_000, max_ahead_days=36_000)
    old = [orjson.dumps(scan(n, occurred_at=f"2026-01-0{n}T00:00:00Z")) + b"\n" for n in (1, 2)]
    committer.landing.write([*old, *lines(3)])
    landed = committer.land()
    assert (landed.late, landed.accepted) == (2, 3)
    assert landed.ages["older"] == 2
    assert landed.stays_version == snapshot(open_lake(str(lake)), "scans").version
