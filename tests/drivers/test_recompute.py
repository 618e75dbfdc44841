import json
from dataclasses import fields

import pytest

from pipelines import cli, metrics
from pipelines.lake import snapshot
from pipelines.windowing.lake_stay_rules import check_stay_rules
from pipelines.windowing.recompute_stays import Recomputed, recompute
from schemas.stay_rules import load_stay_rules
from tests.windowing import lakes, worlds
from tests.windowing.reference import Scan


@pytest.fixture
def lake(tmp_path):
    made = lakes.new_lake(tmp_path)
    lakes.set_venues(made, {0: "shop"})
    lakes.add_scans(made, [Scan(1, 0, worlds.BASE, "in", b"k" * 16, None, "shop")])
    return made


def recomputed(lake, tmp_path):
    return cli.main(["recompute", "--lake", lake.url, "--keys", str(tmp_path / "keys")])


def test_everything_is_written_again_and_reported_as_one_line(lake, tmp_path, capsys):
    assert recomputed(lake, tmp_path) == 0
    capsys.readouterr()
    assert recomputed(lake, tmp_path) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert shown.out.count("\n") == 1
    assert (report["stays_version"], report["stays_added"], report["stays_removed"]) == (0, 1, 1)
    assert report["dates_rewritten"] == 1
    assert len(lakes.stays_in(lake)) == 1


def test_a_lake_pinned_to_another_version_is_pinned_to_the_shipped_one(lake, tmp_path):
    recompute(lake, rules=worlds.RULES)
    assert recomputed(lake, tmp_path) == 0
    check_stay_rules(lake, load_stay_rules())


def test_other_keys_are_refused_and_nothing_is_written(lake, tmp_path, capsys):
    lakes.new_lake(tmp_path / "other")
    code = cli.main(["recompute", "--lake", lake.url, "--keys", str(tmp_path / "other" / "keys")])
    assert (code, snapshot(lake, "stays").version) == (5, -1)
    assert capsys.readouterr().err.count("\n") == 1


def test_no_lake_is_bad_data(tmp_path, capsys):
    assert cli.main(["recompute", "--lake", str(tmp_path / "none"), "--keys", str(tmp_path)]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_the_counters_have_the_names_of_the_metrics():
    named = set(metrics.COUNTERS)
    assert {field.name for field in fields(Recomputed)} - named == {"stays_version", "dates", "widened"}
