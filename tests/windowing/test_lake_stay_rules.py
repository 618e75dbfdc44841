"""A lake's own durations: stored by `recompute --stays`, used by every recomputation from then on."""

import json
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.errors import DataError, RefusedError
from pipelines.lake import snapshot
from pipelines.windowing.lake_stay_rules import STAYS_FILE, check_stay_rules, stay_rules_of
from pipelines.windowing.recompute_stays import recompute
from schemas.stay_rules import load_stay_rules
from tests.windowing import lakes, worlds
from tests.windowing.reference import Scan

INPATIENT = """
version = "hospital-1"
[dwell_minutes]
default = 60
hospital = 240
[max_stay_minutes]
default = 720
hospital = 43200
"""
COME_US = worlds.BASE + 9 * worlds.HOUR
LEFT_US = COME_US + 4 * worlds.DAY


@pytest.fixture
def lake(tmp_path):
    made = lakes.new_lake(tmp_path)
    lakes.set_venues(made, {0: "hospital"})
    lakes.add_scans(
        made,
        [
            Scan(1, 0, COME_US, "in", b"a" * 16, None, "hospital"),
            Scan(1, 0, LEFT_US, "out", b"b" * 16, None, "hospital"),
        ],
    )
    recompute(made)
    return made


@pytest.fixture
def recomputed(lake, tmp_path, capsys):
    """Run `truyvet recompute` with more words; its exit code and what it printed."""

    def ran(*words):
        code = cli.main(["recompute", "--lake", lake.url, "--keys", str(tmp_path / "keys"), *map(str, words)])
        return code, capsys.readouterr()

    return ran


def written(tmp_path, text=INPATIENT):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_inpatient_is_there_for_days_by_the_lakes_own_durations(lake, recomputed, tmp_path):
    assert [stay.exit_us - stay.enter_us for stay in lakes.stays_in(lake)] == [4 * worlds.HOUR] * 2
    code, shown = recomputed("--stays", written(tmp_path))
    assert (code, json.loads(shown.out)["stays_added"]) == (0, 1)
    [stay] = lakes.stays_in(lake)
    assert (stay.enter_us, stay.exit_us, stay.exit_kind) == (COME_US, LEFT_US, "scanned")


def test_the_file_stays_in_force_without_the_flag(lake, recomputed, tmp_path):
    path = written(tmp_path)
    assert recomputed("--stays", path)[0] == 0
    path.unlink()
    assert stay_rules_of(lake).version == "hospital-1"
    check_stay_rules(lake)
    assert recomputed()[0] == 0
    assert len(lakes.stays_in(lake)) == 1


def test_a_file_that_was_stored_and_not_yet_carried_out_is_refused_until_it_is(lake, recomputed):
    before = snapshot(lake, "stays").version
    Path(lake.url, STAYS_FILE).write_text(INPATIENT, encoding="utf-8")
    lakes.add_scans(lake, [Scan(2, 0, COME_US, "in", b"c" * 16, None, "hospital")])
    with pytest.raises(RefusedError, match="truyvet recompute") as refused:
        recompute(lake)
    assert (refused.value.exit_code, snapshot(lake, "stays").version) == (5, before)
    assert recomputed()[0] == 0
    check_stay_rules(lake)
    assert len(lakes.stays_in(lake)) == 2


def test_another_content_under_the_same_version_is_told_apart(lake, recomputed, tmp_path):
    recomputed("--stays", written(tmp_path))
    Path(lake.url, STAYS_FILE).write_text(INPATIENT.replace("43200", "43201"), encoding="utf-8")
    with pytest.raises(RefusedError):
        check_stay_rules(lake)


def test_a_file_that_breaks_a_rule_changes_nothing(lake, recomputed, tmp_path):
    before = snapshot(lake, "stays").version
    code, shown = recomputed("--stays", written(tmp_path, INPATIENT.replace("hospital = 240", "hopital = 1")))
    assert (code, shown.out, shown.err.count("\n")) == (2, "", 1)
    assert "own.toml [dwell_minutes]: unknown key hopital" in shown.err
    assert recomputed("--stays", tmp_path / "none.toml")[0] == 2
    assert stay_rules_of(lake).version == load_stay_rules().version
    assert snapshot(lake, "stays").version == before


def test_a_damaged_file_of_the_lake_is_bad_data(lake):
    Path(lake.url, STAYS_FILE).write_bytes(b"\xff")
    with pytest.raises(DataError, match="recompute --stays FILE"):
        stay_rules_of(lake)
    Path(lake.url, STAYS_FILE).write_text("version = 1", encoding="utf-8")
    with pytest.raises(DataError, match="version is missing"):
        stay_rules_of(lake)


def test_the_stored_file_is_private_and_alone(lake, recomputed, tmp_path):
    recomputed("--stays", written(tmp_path))
    path = Path(lake.url, STAYS_FILE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [name.name for name in Path(lake.url).iterdir() if name.name.startswith("_tmp")] == []
