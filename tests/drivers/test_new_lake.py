"""A new lake is told, and one that nobody asked for is not made."""

import json
from pathlib import Path

import pytest

from pipelines import cli

SCAN = {"person": "device:a", "venue": "V1", "occurred_at": "2021-07-01T08:00:00Z"}
MEETING = {
    "person_a": "device:a",
    "person_b": "device:b",
    "started_at": "2021-07-01T08:00:00Z",
    "ended_at": "2021-07-01T09:00:00Z",
}


@pytest.fixture
def ran(tmp_path, monkeypatch, capsys):
    """Run `truyvet run` on `tmp_path/lake` with one record; exit code and standard error."""
    monkeypatch.delenv("TRUYVET_KEYS", raising=False)

    def run(flag, record, *words):
        path = tmp_path / f"{flag}.ndjson"
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")
        flags = ["--lake", str(tmp_path / "lake"), "--now", "2021-07-02T00:00:00Z", f"--{flag}", str(path)]
        return cli.main(["run", *flags, *words]), capsys.readouterr().err

    return run


def test_a_new_lake_is_told_once_it_holds_something(ran, tmp_path):
    lake = tmp_path / "lake"
    told = f"truyvet run: {lake} is a new lake; its keys are in {lake}.keys, keep a copy of them\n"
    assert ran("scans", SCAN) == (0, told)
    assert ran("scans", SCAN) == (0, "")


def test_a_first_run_that_fails_leaves_the_line_to_the_next(ran, tmp_path):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 is not enough")
    code, err = ran("scans", SCAN, "--encounters", str(path))
    assert (code, err.count("\n"), "new lake" in err) == (3, 1, False)
    assert "is a new lake" in ran("scans", SCAN)[1]


def test_encounters_alone_make_no_lake_unless_it_is_said(ran, tmp_path):
    code, err = ran("encounters", MEETING)
    assert (code, err.count("\n")) == (3, 1)
    assert "there is no lake at" in err
    assert "--create" in err
    assert not Path(tmp_path, "lake").exists()
    assert not Path(tmp_path, "lake.keys").exists()
    assert ran("encounters", MEETING, "--create")[0] == 0
    assert ran("encounters", MEETING) == (0, "")


def test_a_registry_or_cases_make_a_lake(ran, tmp_path):
    assert ran("venues", {"venue": "V1", "type": "shop"})[0] == 0
    Path(tmp_path, "lake").rename(tmp_path / "gone")
    assert ran("cases", {"case_id": "C1", "person": "device:a"})[0] == 0
