"""`truyvet run --metrics FILE`: what the batch's pipelines counted, equal to its report and its files."""

import json
import os
import stat

import orjson
import pytest

from pipelines import cli, metrics
from pipelines.ingest import transforms
from pipelines.lake import CommitConflict, open_lake, snapshot
from schemas.tables import TABLES

NOW = "2021-07-10T00:00:00Z"


def scan(number, occurred_at="2021-07-09T12:00:00Z", **fields):
    return {
        "person": f"device:{number}",
        "venue": "V",
        "occurred_at": occurred_at,
        "direction": "in",
        **fields,
    }


SCANS = [
    scan(1),
    scan(1),
    scan(2, "2021-07-09T23:30:00Z"),
    scan(3, "2021-07-01T00:00:00Z"),
    scan(4, venue="unknown"),
    scan(5, "yesterday"),
    scan(6, "2019-01-01T00:00:00Z"),
]


@pytest.fixture
def paths(tmp_path):
    """A lake, scans, a registry and the file of the metrics."""
    (tmp_path / "venues.csv").write_text("venue,type\nV,shop\n")
    (tmp_path / "scans.ndjson").write_bytes(b"\n".join(map(orjson.dumps, SCANS)) + b"\n")
    return tmp_path


def run(paths, capsys, scans="scans.ndjson", metrics_file="metrics.json"):
    """Run the command; return its exit code, report and metrics."""
    words = ["run", "--lake", paths / "lake", "--scans", paths / scans, "--venues", paths / "venues.csv"]
    code = cli.main([*map(str, words), "--now", NOW, "--metrics", str(paths / metrics_file)])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}, read(paths / metrics_file)


def read(path):
    return json.loads(path.read_text()) if path.is_file() else {}


def test_the_counters_are_those_of_the_report(paths, capsys):
    code, report, found = run(paths, capsys)
    counters = found["counters"]
    assert code == 0
    for name in ("received", "accepted", "duplicate", "rejected", "unregistered"):
        assert counters[name] == report[name], name
    assert (report["received"], report["accepted"], report["duplicate"], report["rejected"]) == (7, 4, 1, 2)
    refused = {
        name.removeprefix("rejected_"): n for name, n in counters.items() if name.startswith("rejected_")
    }
    assert {reason: n for reason, n in refused.items() if n} == report["reasons"]


def test_ages_and_late_scans_are_counted_from_the_instant_of_the_flag(paths, capsys):
    counters = run(paths, capsys)[2]["counters"]
    assert counters["accepted_within_1h"] == 1
    assert counters["accepted_within_1d"] == 2
    assert counters["accepted_older"] == counters["late"] == 1


def test_stays_dates_files_and_bytes_are_counted(paths, capsys):
    found = run(paths, capsys)[2]
    counters, sizes = found["counters"], found["distributions"]["file_bytes"]
    lake = open_lake(str(paths / "lake"))
    files = [file for name in TABLES if name != "venues" for file in snapshot(lake, name).files]
    assert counters["input_bytes"] == os.path.getsize(paths / "scans.ndjson")
    assert (counters["stays_added"], counters["changed_persons"]) == (3, 3)
    assert counters["dates_rewritten"] == 3  # one stay lasts over midnight: footfall of the next day as well
    assert counters["files_written"] == sizes["count"] == len(files)
    assert counters["bytes_written"] == sizes["sum"] == sum(file.size for file in files)
    assert found["distributions"]["file_rows"]["sum"] == sum(file.rows for file in files)


def test_a_batch_without_records_shows_every_name_at_zero_in_a_stable_order(paths, capsys):
    (paths / "empty.ndjson").touch()
    code, _, found = run(paths, capsys, "empty.ndjson")
    assert code == 0
    assert list(found["counters"]) == list(metrics.COUNTERS)
    assert set(found["counters"].values()) == {0}
    nothing = {"count": 0, "sum": 0, "min": None, "max": None}
    assert found["distributions"] == dict.fromkeys(metrics.DISTRIBUTIONS, nothing)


def test_the_same_file_again_is_all_duplicates_and_writes_no_scans(paths, capsys):
    run(paths, capsys)
    _, report, found = run(paths, capsys, metrics_file="again.json")
    assert (found["counters"]["accepted"], found["counters"]["duplicate"]) == (0, 5)
    assert report["duplicate"] == 5
    assert found["counters"]["files_written"] == 1  # of rejects


def test_an_attempt_that_another_commit_overtook_is_not_counted(paths, capsys, monkeypatch):
    commit_batch, left = transforms.commit_batch, [1]

    def overtaken_once(lake, batch):
        if left:
            left.pop()
            raise CommitConflict("scans")
        return commit_batch(lake, batch)

    monkeypatch.setattr(transforms, "commit_batch", overtaken_once)
    _, report, found = run(paths, capsys)
    assert (report["received"], found["counters"]["received"]) == (7, 7)
    assert found["counters"]["conflicted_commits"] == 1


def test_only_the_owner_may_read_the_file(paths, capsys):
    run(paths, capsys)
    assert stat.S_IMODE((paths / "metrics.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", [".", "missing/metrics.json"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_committed(paths, capsys, name):
    words = ["run", "--lake", str(paths / "lake"), "--scans", str(paths / "scans.ndjson")]
    assert cli.main([*words, "--metrics", str(paths / name)]) == 2
    error = capsys.readouterr().err
    assert error == "truyvet run: --metrics must name a file in a writable folder: name another file\n"
    assert not (paths / "lake").exists()


def test_no_value_of_a_record_is_in_the_file(paths, capsys):
    (paths / "scans.ndjson").write_bytes(orjson.dumps(scan("MARKER", venue="MARKER", zone="MARKER")) + b"\n")
    run(paths, capsys)
    assert "MARKER" not in (paths / "metrics.json").read_text()
