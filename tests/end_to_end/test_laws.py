"""The laws of the pairing rule through the whole of `truyvet run`: nothing but the set of scans counts."""

import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import reference
from tests.end_to_end.commands import (
    People,
    check_conservation,
    content,
    files_of,
    finished,
    micros,
    rows_of,
    run,
    started,
    truyvet,
    unlike,
)
from tests.end_to_end.reference import Names, Overlap
from tests.end_to_end.worlds import NOW, make_world, write_scans, write_venues

FORMS = ("ndjson", "csv", "parquet", "avro", "ndjson.gz", "csv.zst", "avro.gz", "ndjson.zst")


class Home:
    """A world, its lake in one batch, and folders for other lakes of the same keys."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.keys = folder, folder / "keys"
        self.dice = random.Random(seed)
        self.world = make_world(seed)
        self.venues = write_venues(folder / "venues.csv", self.world.venues)
        self.scans = write_scans(folder / "plain.ndjson", self.world.scans)
        self.lake = folder / "lake"
        self.report = self.run(self.lake, "--scans", self.scans, "--venues", self.venues)
        self.content = content(self.lake)
        self.names = Names.of(self.keys)
        self.people = People(self.world, self.names)

    def run(self, lake: Path, *words: object, now: str = NOW) -> dict[str, Any]:
        return run(lake, "--keys", self.keys, *words, now=now)

    def is_the_same(self, lake: Path) -> None:
        """See that a lake holds what the one batch made, down to the bytes of computed files."""
        assert unlike(self.content, content(lake)) == []
        assert files_of(lake, "stays", "footfall") == files_of(self.lake, "stays", "footfall")

    def mixed(self, copies: int = 1) -> list[Any]:
        """Return all scans in any order, some several times."""
        scans = [scan for scan in self.world.scans for _ in range(self.dice.randint(1, copies))]
        self.dice.shuffle(scans)
        return scans


@pytest.fixture(scope="module")
def home(shared_folder):
    return Home(shared_folder, seed=20210716)


def by_bytes(scan: Any) -> str:
    return repr((scan.person, scan.venue, scan.at_us, scan.direction, scan.zone))


def test_the_lake_holds_each_scan_once(home):
    rows = rows_of(home.lake, "scans")
    expected = reference.accepted(home.world.scans, home.names)
    plain = (replace(scan, event_id=None, scan_mode=None, scanner=None) for scan in expected.values())
    assert sorted(map(home.people.scan, rows), key=by_bytes) == sorted(plain, key=by_bytes)
    assert {row["event_key"] for row in rows} == set(expected)
    assert home.report["accepted"] == len(expected)


@pytest.mark.parametrize("by", ["venue", "person"])
def test_stays_are_those_of_the_rule(home, by):
    rows = (row for row in rows_of(home.lake, "stays") if row["by"] == by)
    expected = reference.stays(home.world, home.names)
    assert sorted(map(home.people.stay, rows), key=repr) == sorted(expected, key=repr)


def test_footfall_is_that_of_the_stays(home):
    rows = map(home.people.window, rows_of(home.lake, "footfall"))
    assert sorted(rows) == reference.footfall(reference.stays(home.world, home.names))


def test_a_world_tries_every_kind_of_stay(home):
    expected = reference.stays(home.world, home.names)
    kinds = {(stay.enter_kind, stay.exit_kind) for stay in expected}
    assert kinds == {
        (enter, leave) for enter in ("scanned", "imputed") for leave in ("scanned", "default", "next_scan")
    } - {("imputed", "default"), ("imputed", "next_scan")}
    assert max(stay.exit_us - stay.enter_us for stay in expected) > 2 * 86_400_000_000
    assert home.report["unregistered"] > 0


def test_overlaps_are_all_pairs_of_stays_that_meet(home):
    from pipelines.query import overlaps

    all_stays = reference.stays(home.world, home.names)
    found = 0
    for person in sorted({stay.person for stay in all_stays}):
        rows = overlaps(str(home.lake), person, keys=home.keys).to_pylist()
        expected = reference.overlaps(all_stays, person)
        assert sorted(map(home_overlap(home), rows)) == expected
        found += len(expected)
    assert found > 100


def home_overlap(home: Home) -> Any:
    def overlap(row: dict[str, Any]) -> Overlap:
        times = (micros(row["start"]), micros(row["end"]))
        return Overlap(
            home.people.person(row["person"]), row["venue"], *times, row["zone"] or "",
            row["seconds"], row["seconds_imputed"],
        )  # fmt: skip

    return overlap


def test_order_repeats_spellings_formats_and_compressions_change_nothing(home, folder):
    scans = home.mixed(copies=3)
    for number, form in enumerate(FORMS):
        write_scans(folder / "in" / f"part-{number}.{form}", scans[number :: len(FORMS)], home.dice)
    report = home.run(folder / "lake", "--scans", folder / "in", "--venues", home.venues)
    assert report["accepted"] == home.report["accepted"]
    home.is_the_same(folder / "lake")


def test_batches_delays_compaction_and_recomputation_change_nothing(home, folder):
    """The registry comes in two halves, the first with places of another type and never closed."""
    lake, scans = folder / "lake", home.mixed(copies=2)
    early = [replace(venue, type="hospital", closed_us=None) for venue in home.world.venues[::2]]
    registry = [write_venues(folder / "early.csv", early), None, home.venues]
    for number, venues in enumerate(registry):
        batch = write_scans(folder / f"{number}.ndjson", scans[number :: len(registry)], home.dice)
        given = ["--venues", venues] if venues else []
        report = home.run(lake, "--scans", batch, *given, now=f"2021-08-{1 + number:02}")
        assert report["scans_version"] == report["stays_version"] == number
    home.is_the_same(lake)
    assert truyvet("compact", "--lake", lake, "--keep-hours", 0).code == 0
    assert len(files_of(lake, "scans")) == len({row["date"] for row in rows_of(lake, "scans")})
    home.is_the_same(lake)
    assert truyvet("recompute", "--lake", lake, "--keys", home.keys).code == 0
    home.is_the_same(lake)
    assert truyvet("verify", "--lake", lake).code == 0


def test_scans_that_come_days_late_change_the_stays_of_the_days_before(home, folder):
    lake = folder / "lake"
    late = {scan for scan in home.world.scans if home.dice.random() < 0.1}
    on_time = [scan for scan in home.world.scans if scan not in late]
    home.run(lake, "--scans", write_scans(folder / "0.ndjson", on_time), "--venues", home.venues)
    before = files_of(lake, "stays")
    home.run(lake, "--scans", write_scans(folder / "1.ndjson", late))
    assert len(before - files_of(lake, "stays")) > 0.5 * len(before)
    home.is_the_same(lake)


def test_the_registry_may_come_after_the_scans(home, folder):
    lake = folder / "lake"
    home.run(lake, "--scans", home.scans)
    assert rows_of(lake, "stays") == []
    home.run(lake, "--venues", home.venues)
    home.is_the_same(lake)


def test_a_replay_changes_not_a_byte(home, folder):
    lake = folder / "lake"
    shutil.copytree(home.lake, lake)
    before = files_of(lake, "scans", "stays", "footfall", "vault")
    report = home.run(lake, "--scans", home.scans, "--venues", home.venues, now="2021-08-10")
    assert (report["accepted"], report["duplicate"]) == (0, home.report["received"])
    assert report["scans_version"] == home.report["scans_version"]
    assert files_of(lake, "scans", "stays", "footfall", "vault") == before
    home.is_the_same(lake)


def test_two_runs_at_once_in_two_time_zones_make_the_lake_of_one(home, folder):
    """Both make the lake and every table of it; each finds that the other came between."""
    scans = home.mixed(copies=2)
    runs = []
    for part, zone in enumerate(("America/New_York", "Pacific/Kiritimati")):
        own = write_scans(folder / f"{part}.ndjson", scans[part::2])
        words = ("run", "--lake", folder / "lake", "--keys", home.keys, "--now", NOW, "--scans", own)
        runs.append(started(*words, "--venues", home.venues, TZ=zone))
    ends = [finished(process) for process in runs]
    assert {line for done in ends for line in done.err.splitlines()} == {
        f"truyvet run: {folder}/lake is a new lake; its keys are in {home.keys}, keep a copy of them"
    }
    for done in ends:
        check_conservation(done.report)
    assert sum(done.report["accepted"] for done in ends) == home.report["accepted"]
    home.is_the_same(folder / "lake")


def split_finely(monkeypatch):
    """Make every step work in many parts, as it does with millions of scans."""
    monkeypatch.setattr("pipelines.ingest.batch.ROWS_A_BUCKET", 64)
    monkeypatch.setattr("pipelines.ingest.dedupe_step._ROWS_A_FILE", 256)
    monkeypatch.setattr("pipelines.ingest.batch.CHUNKS_A_SHARE", 2)
    monkeypatch.setattr("pipelines.windowing.plan.ROWS_A_BUCKET", 128)
    monkeypatch.setattr("pipelines.windowing.plan.ROWS_A_FILE", 32)


def test_many_parts_make_the_same_rows_as_one(home, folder, monkeypatch):
    split_finely(monkeypatch)
    scans, lake = home.mixed(copies=2), folder / "lake"
    for number in range(2):
        for part in range(6):
            write_scans(folder / str(number) / f"{part}.ndjson", scans[2 * part + number :: 12])
        home.run(lake, "--scans", folder / str(number), "--venues", home.venues)
    assert unlike(home.content, content(lake)) == []
    assert len(files_of(lake, "stays")) > 2 * len(files_of(home.lake, "stays"))
    assert truyvet("verify", "--lake", lake).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_world_in_any_batches_has_the_stays_of_the_rule(folder, monkeypatch, seed):
    home = Home(folder, seed)
    split_finely(monkeypatch)
    scans, lake, batches = home.mixed(copies=2), folder / "other", home.dice.randint(2, 6)
    for number in range(batches):
        form = home.dice.choice(FORMS)
        batch = write_scans(folder / f"batch-{number}.{form}", scans[number::batches], home.dice)
        venues = write_venues(folder / "some.csv", home.dice.sample(home.world.venues, 20))
        home.run(lake, "--scans", batch, "--venues", venues if number % 2 else home.venues)
    home.run(lake, "--venues", home.venues)
    assert unlike(home.content, content(lake)) == []
    rows = [row for row in rows_of(lake, "stays") if row["by"] == "person"]
    expected = reference.stays(home.world, home.names)
    assert sorted(map(home.people.stay, rows), key=repr) == sorted(expected, key=repr)
    assert sorted(map(home.people.window, rows_of(lake, "footfall"))) == reference.footfall(expected)
    assert truyvet("verify", "--lake", lake).code == 0
