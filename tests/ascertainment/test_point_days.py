"""The table of local days: a function of the scans alone, and the same adoption with it as without it."""

import random
import subprocess
import sys

import pyarrow as pa
import pytest

from pipelines import adoption, erase, purge
from pipelines.ascertainment.adoption import BY
from pipelines.ascertainment.point_days.held import held_point_days
from pipelines.ascertainment.point_days.refresh import refresh_point_days
from pipelines.cli import main
from pipelines.drivers.recompute import bring_up_to_date
from pipelines.lake import NO_TABLE, read_table, snapshot
from pipelines.maintenance.verify import verify
from pipelines.times import DAY_US, day_text, parse_instant
from tests.lakes import new_lake, put_scans, put_venues

END_US = parse_instant("2021-07-21")  # midnight in Vietnam
ON = "2021-07-20"
HOURS_AHEAD_US = 7 * 3_600_000_000
MODES = ["self", "guard", "kiosk", "nfc", None]
WAYS = ["in", "out", "unknown"]
DAYS = [ON, "2021-07-09", None]


def world(seed, days=30, count=600):
    """A registry with homes and closures, and scans at its venues and at codes that it does not name."""
    chosen = random.Random(seed)
    lines = ["venue_code | type | district_code | registered_at | closed_at"]
    for number in range(30):
        closed = f"{chosen.randrange(1, 28):02} 06:00" if chosen.random() < 0.2 else ""
        kind, code = chosen.choice(["shop", "market", "home"]), chosen.choice(["522", "524", ""])
        lines.append(f"v{number} | {kind} | {code} | {chosen.randrange(1, 28):02} 00:00 | {closed}")
    scans = [
        {
            "person": chosen.randrange(40),
            "venue": f"v{min(chosen.randrange(36), chosen.randrange(36))}",
            "direction": chosen.choice(WAYS),
            "occurred_at": END_US + round((chosen.random() * (days + 1) - days) * DAY_US),
            "scan_mode": chosen.choice(MODES),
            "event_key": str(number),
        }
        for number in range(count)
    ]
    return "\n".join(lines), scans


def lake_of(folder, venues, *batches):
    folder.mkdir()
    lake = new_lake(folder)
    put_venues(lake, venues)
    for batch in batches:
        put_scans(lake, batch)
    return lake


def slow_days(scans, venue_of):
    """Count each venue and local day with Python's own sets."""
    found = {}
    for scan in scans:
        day = (scan["occurred_at"] + HOURS_AHEAD_US) // DAY_US
        found.setdefault((day, venue_of[scan["venue"]]), []).append(scan)
    return {
        key: {
            "scans": len(own),
            "scans_in": sum(scan["direction"] == "in" for scan in own),
            "scans_out": sum(scan["direction"] == "out" for scan in own),
            "scans_guarded": sum(scan["scan_mode"] in ("guard", "kiosk") for scan in own),
            "people": len({scan["person"] for scan in own}),
            "people_once": sum(
                count == 1
                for count in pa.array([s["person"] for s in own]).value_counts().field(1).to_pylist()
            ),
        }
        for key, own in found.items()
    }


def table_of(lake):
    rows = read_table(lake, "point_days").to_pylist()
    return {(row.pop("day").isoformat(), row.pop("venue")): row for row in rows}


def test_the_table_equals_a_slow_recount(tmp_path):
    from pipelines.privacy.keys import venue_id

    venues, scans = world(3)
    lake = lake_of(tmp_path / "a", venues, scans)
    refresh_point_days(lake, begin=True)
    expected = slow_days(scans, {f"v{number}": venue_id(f"v{number}") for number in range(36)})
    assert table_of(lake) == {(day_text(day), venue): row for (day, venue), row in expected.items()}


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The answers of a lake before it had the table, and the lake with it."""
    venues, scans = world(5)
    lake = lake_of(tmp_path_factory.mktemp("twice") / "a", venues, scans)
    without = {(on, by): adoption(lake, on=on, by=by).rows for on in DAYS for by in BY}
    refresh_point_days(lake, begin=True)
    return lake, without


@pytest.mark.parametrize("by", BY)
def test_adoption_is_the_same_with_the_table_as_without_it(twice, by):
    lake, without = twice
    assert held_point_days(lake)
    for on in DAYS:
        assert adoption(lake, on=on, by=by).rows == without[on, by]
    assert without[ON, by].num_rows


def test_order_repetition_and_batches_do_not_matter(tmp_path):
    """Days counted again batch by batch give the files that counting everything once gives."""
    venues, scans = world(7)
    lake = lake_of(tmp_path / "batches", venues)
    refresh_point_days(lake, begin=True)
    shuffled = random.Random(1).sample(scans, len(scans))
    for first in range(0, len(shuffled), 300):
        put_scans(lake, shuffled[first : first + 300])
        refresh_point_days(lake)
        refresh_point_days(lake)
    once = lake_of(tmp_path / "once", venues, scans)
    refresh_point_days(once, begin=True)
    names = [[file.relative for file in snapshot(each, "point_days").files] for each in (lake, once)]
    assert names[0] == names[1]
    refresh_point_days(lake, everything=True)
    assert [file.relative for file in snapshot(lake, "point_days").files] == names[0]


def test_only_days_that_change_are_counted_again(tmp_path):
    from pipelines.ascertainment.point_days.plan import make_plan

    venues, scans = world(8)
    lake = lake_of(tmp_path / "a", venues, scans)
    refresh_point_days(lake, begin=True)
    put_scans(lake, "person | venue | occurred_at\nan | v1 | 15 03:00\nan | v1 | 15 18:00")
    plan = make_plan(lake)
    assert [day_text(local.day) for local in plan.days] == ["2021-07-15", "2021-07-16"]


def test_a_table_that_is_behind_the_scans_is_not_read(tmp_path):
    venues, scans = world(9)
    lake = lake_of(tmp_path / "a", venues, scans[:300])
    refresh_point_days(lake, begin=True)
    put_scans(lake, scans[300:])
    assert held_point_days(lake) is None
    expected = adoption(lake_of(tmp_path / "b", venues, scans), on=ON).rows
    assert adoption(lake, on=ON).rows == expected


def test_a_question_does_not_wait_for_beam():
    words = "import pipelines.ascertainment.point_days.count_points, sys; print('apache_beam' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_lake_that_has_not_asked_has_no_table(tmp_path):
    venues, scans = world(10, count=50)
    lake = lake_of(tmp_path / "a", venues, scans)
    bring_up_to_date(lake)
    assert snapshot(lake, "point_days").version == NO_TABLE


@pytest.mark.slow
def test_recompute_makes_it_and_a_purge_and_an_erasure_take_their_scans_out(tmp_path, capsys):
    venues, scans = world(12, count=200)
    named = [{**scan, "person": f"p{scan['person']}"} for scan in scans]
    lake = lake_of(tmp_path / "a", venues, named)
    assert main(["recompute", "--lake", lake.url, "--point-days"]) == 0
    purge(lake, days=10, now_us=END_US)
    erase(lake, "device:p7", now_us=END_US)
    assert held_point_days(lake)
    horizon_us = (END_US // DAY_US - 10) * DAY_US  # of UTC
    left = [row for row in named if row["occurred_at"] >= horizon_us and row["person"] != "p7"]
    other = lake_of(tmp_path / "b", venues, left)
    refresh_point_days(other, begin=True)
    names = [{file.relative for file in snapshot(each, "point_days").files} for each in (lake, other)]
    assert names[0] == names[1]
    folder = tmp_path / "a" / "lake" / "point_days"
    assert {str(path.relative_to(folder)) for path in folder.glob("day=*/*.parquet")} == names[0]
    assert list(verify(lake).problems) == []
