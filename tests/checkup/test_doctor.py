"""Doctor names what is wrong with a lake and around it, with a remedy, and changes nothing."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from pipelines.checkup.check import BAD, OK, WARN
from pipelines.checkup.doctor import doctor
from pipelines.cli import COMMANDS, main
from pipelines.lake import commit, snapshot
from pipelines.lake.forgotten import Forgotten, write_forgotten
from pipelines.maintenance.verify import verify
from pipelines.privacy.keys import create_keys
from pipelines.privacy.ledger import Question, ledger_folder, record
from pipelines.streaming.landing_spool import open_landing
from pipelines.terminal.options import beside
from pipelines.times import DAY_US
from schemas.tables import SCANS
from tests.lake.rows import add, data_paths, make_lake, scan_rows, whole_lake
from tests.lake.test_read_only import DATE, files_of, folder, read_only, without_rights
from tests.lakes import at, new_lake, put_scans, put_stays, put_venues

__all__ = ["folder"]

COMMANDS["doctor"].load()  # the interpreter's own folder may be closed to nobody

ALL = [
    *("rights", "keys", "rotation", "authority key", "ledger", "lag", "landing", "retention", "erasures"),
    *("verify", "orphans", "small files", "log length", "disk", "deleted objects"),
]
SCANS_DRAWN = "person | venue | occurred_at\nan | cafe | 10 08:00"
NOW_US = at("11 00:00")


@pytest.fixture
def lake(tmp_path):
    made = new_lake(tmp_path)
    put_venues(made, "venue_code|type\ncafe|restaurant")
    put_scans(made, SCANS_DRAWN)
    put_stays(made, "person|venue|enter|exit\nan|cafe|10 08:00|10 09:00")
    return made


def found(lake, **how):
    checks = doctor(lake, **{"now_us": NOW_US, **how})
    assert [check.check for check in checks] == ALL
    assert all(check.remedy or check.state == OK for check in checks)
    return {check.check: check for check in checks}


def states(lake, **how):
    return {name: check.state for name, check in found(lake, **how).items() if check.state != OK}


def test_a_lake_in_order_has_two_reminders(lake):
    assert states(lake) == {"authority key": WARN, "verify": WARN}
    verify(lake)
    Path(f"{lake.url}.keys", "authority.key").unlink()
    assert states(lake, now_us=time.time_ns() // 1000, days=10_000) == {}


def test_an_empty_lake_is_examined(tmp_path):
    assert states(new_lake(tmp_path)) == {"authority key": WARN, "verify": WARN}


def test_a_lake_whose_keys_are_gone_is_examined(lake):
    shutil.rmtree(f"{lake.url}.keys")
    checks = found(lake)
    assert checks["keys"].state == WARN
    assert "can load no scans" in checks["keys"].detail
    assert checks["authority key"].state == OK


def test_other_keys_and_damaged_ones_are_bad(lake, tmp_path):
    create_keys(tmp_path / "other")
    assert found(lake, keys=tmp_path / "other")["keys"].state == BAD
    (tmp_path / "other" / "token.key").write_text("MARKER")
    check = found(lake, keys=tmp_path / "other")["keys"]
    assert check.state == BAD
    assert "MARKER" not in check.detail + check.remedy


@pytest.mark.parametrize(
    ("of", "mode", "state"),
    [
        (lambda lake: Path(lake.url, "lake.json"), 0o604, BAD),
        (lambda lake: Path(lake.url, "scans"), 0o701, BAD),
        (lambda lake: Path(lake.url, "lake.json"), 0o660, BAD),
        (lambda lake: Path(lake.url, "lake.json"), 0o640, OK),
        (lambda lake: Path(f"{lake.url}.keys", "token.key"), 0o604, BAD),
        (lambda lake: Path(f"{lake.url}.keys", "authority.key"), 0o640, BAD),
    ],
)
def test_what_others_may_read_is_bad_and_a_group_that_reads_the_lake_is_not(lake, of, mode, state):
    of(lake).chmod(mode)
    check = found(lake)["rights"]
    assert check.state == state
    assert state == OK or str(of(lake)) in check.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away; CI runs as root")
def test_files_of_several_accounts_are_told(lake):
    os.chown(Path(lake.url, "lake.json"), 65534, 65534)
    assert found(lake)["rights"].state == WARN


def test_derived_tables_that_are_behind_are_told_and_those_that_lead_are_bad(lake):
    put_scans(lake, "person | venue | occurred_at\nbinh | cafe | 10 08:00")
    assert found(lake)["lag"].state == WARN
    assert "stays to scans" in found(lake)["lag"].detail
    stays = snapshot(lake, "stays")
    commit(lake, "stays", [], after=stays.version, marks={"scans_version": 99})
    assert found(lake)["lag"].state == BAD


def test_what_landed_and_waits_is_told_by_its_age(lake):
    landing = open_landing(lake, b"k" * 32)
    place = landing.write([b'{"person": "device:an"}\n'])
    assert found(lake)["landing"].state == OK
    assert "1 segment" in found(lake)["landing"].detail
    for hours, state in ((1, WARN), (30, BAD)):
        os.utime(place, (time.time() - hours * 3600,) * 2)
        assert found(lake)["landing"].state == state
    landing.set_aside([Path(place).name])
    assert "damaged" in found(lake)["landing"].detail


def test_retention_is_overdue_two_days_after_its_horizon(lake):
    for days, state in ((21, OK), (22, OK), (23, WARN)):
        assert found(lake, now_us=at("10 12:00") + days * DAY_US)["retention"].state == state
    assert found(lake, now_us=at("10 12:00") + 9 * DAY_US, days=7)["retention"].state == WARN


def test_rows_before_a_recorded_horizon_and_an_unfinished_erasure_are_bad(lake):
    write_forgotten(lake, Forgotten().purge(at("11 00:00"), at("1 00:00")))
    checks = found(lake)
    assert (checks["retention"].state, checks["erasures"].state) == (BAD, BAD)
    assert "scans" in checks["retention"].detail


def test_a_table_that_was_made_after_an_erasure_has_nothing_to_finish(tmp_path):
    lake = new_lake(tmp_path)
    write_forgotten(lake, Forgotten().erase("ab" * 32, NOW_US))
    time.sleep(0.02)
    put_scans(lake, SCANS_DRAWN)
    assert found(lake)["erasures"].state == OK


@pytest.mark.parametrize("left", ["_next", "_new"])
def test_keys_that_an_interrupted_rotation_has_left_are_bad(lake, left):
    assert found(lake)["rotation"].state == OK
    Path(f"{lake.url}.keys", left).mkdir(parents=True)
    check = found(lake)["rotation"]
    assert (check.state, left in check.detail) == (BAD, True)


def test_a_ledger_with_a_changed_line_is_bad(lake):
    record(lake.url, Question("trace"))
    assert found(lake)["ledger"].detail == "1 line, all sound"
    lines = ledger_folder(lake.url) / "ledger.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'"trace"', b'"token"'))
    check = found(lake)["ledger"]
    assert (check.state, "line 1" in check.detail) == (BAD, True)


def test_what_verify_found_and_when_is_told(lake):
    verify(lake)
    now_us = time.time_ns() // 1000
    assert found(lake, now_us=now_us)["verify"].state == OK
    assert found(lake, now_us=now_us + 8 * DAY_US)["verify"].state == WARN
    data_paths(lake, "venues")[0].unlink()
    verify(lake)
    assert found(lake, now_us=now_us)["verify"].state == BAD


def test_files_that_nothing_needs_are_counted_and_stay(lake):
    left = Path(lake.url, "scans", "date=2021-07-10", f"part-{'ab' * 32}.parquet")
    left.write_bytes(b"left by a killed run")
    left.chmod(0o600)
    assert found(lake)["orphans"].state == OK  # it may be of a run that is not done
    os.utime(left, (time.time() - 2 * 86_400,) * 2)
    assert "1 file of 20 B" in found(lake)["orphans"].detail
    assert left.exists()


def test_many_small_files_and_a_log_without_a_checkpoint_are_told(tmp_path):
    lake = make_lake(tmp_path)
    for seed in range(17):
        add(lake, SCANS, DATE, scan_rows(seed=seed))
    check = found(lake)["small files"]
    assert (check.state, check.remedy) == (WARN, "run truyvet compact")
    assert "scans" in check.detail


def test_little_room_is_told(lake, monkeypatch):
    usage = type(shutil.disk_usage("/"))
    for free, state in ((900, OK), (40, WARN), (5, BAD)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _place, free=free: usage(10**9, 0, free * 10**6))
        assert found(lake)["disk"].state == state


def test_a_damaged_table_is_a_row_and_not_the_end(lake):
    Path(lake.url, "scans", "_delta_log", f"{0:020}.json").write_text("{")
    checks = found(lake)
    assert {checks[name].state for name in ("lag", "retention", "orphans", "disk")} == {BAD}
    assert checks["keys"].state == OK


def test_a_read_only_lake_is_examined_and_not_changed(folder):
    lake = whole_lake(folder)
    before = files_of(folder)
    with read_only(folder):
        # Who may not write there has a ledger elsewhere, and that a test opens files to all is seen.
        assert found(lake)["rights"].state == BAD
        assert main(["doctor", "--lake", lake.url, "--format", "json"]) == 3
    assert files_of(folder) == before


def test_what_an_account_may_not_look_at_is_a_warning(folder):
    lake = whole_lake(folder)
    for path in (Path(lake.url), *Path(lake.url).rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    Path(lake.url, "venues").chmod(0)
    with without_rights():
        checks = found(lake)
    assert {name for name in ("keys", "authority key", "orphans") if checks[name].state == WARN} == {
        *("keys", "authority key", "orphans")
    }


def test_the_command_writes_the_rows_and_exits_3_when_one_is_bad(lake, capsys):
    asked = ["doctor", "--lake", lake.url, "--now", "2021-07-11", "--format", "json"]
    assert main(asked) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["check"] for row in rows] == ALL
    assert set(rows[0]) == {"check", "state", "detail", "remedy"}
    Path(lake.url, "lake.json").chmod(0o644)
    assert main(asked) == 3
    assert json.loads(capsys.readouterr().out)[0]["state"] == BAD
    assert not beside(lake.url, "ledger").exists()
    assert main([*asked, "--days", "0"]) == 2
