"""Adoption beside a slow recount; areas, ranks and the list of points to ask about."""

import datetime as dt
import random
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import adoption, draw_adoption
from pipelines.answer import NOT_SAFETY
from pipelines.ascertainment.adoption_rows import ADOPTION, DEFINITIONS
from pipelines.ascertainment.areas import COLUMNS, areas_on, read_areas
from pipelines.ascertainment.point_days.refresh import refresh_point_days
from pipelines.cli import main
from pipelines.errors import DataError
from pipelines.times import DAY_US, parse_instant
from schemas.districts import AREAS_CSV
from tests.lakes import assert_one_line, new_lake, put_scans, put_venues

ON = "2021-07-20"
END_US = parse_instant("2021-07-21")  # midnight in Vietnam
HEAD = ",".join(COLUMNS)

VENUES = """
    venue_code | name     | type       | district_code | registered_at | closed_at
    cafe       | Quán A   | restaurant | 522           | 01 00:00      |
    shop       | Hàng B   | shop       | 522           | 15 00:00      |
    silent     | Chợ C    | market     | 522           |               |
    unused     | Trường D | school     | 522           |               |
    home       | Nhà      | home       | 522           |               |
    closed     | Cũ       | office     | 522           |               | 18 00:00
    future     | Mới      | office     | 522           | 25 00:00      |
    far        | Ga       | wharf      | 536           |               |
    lost       | ?        | other      | 999           |               |
"""
SCANS = """
    person | venue   | direction | occurred_at | scan_mode
    an     | cafe    | in        | 14 01:00    | self
    an     | cafe    | out       | 14 02:00    | self
    binh   | cafe    | in        | 14 03:00    | guard
    an     | cafe    | in        | 16 03:00    | kiosk
    an     | cafe    | unknown   | 17 03:00    |
    chi    | cafe    | in        | 20 16:59:59 | self
    chi    | cafe    | in        | 20 17:00    | self
    an     | shop    | in        | 19 03:00    | self
    binh   | silent  | in        | 12 03:00    | self
    binh   | silent  | in        | 13 16:59:59 | self
    an     | home    | in        | 19 03:00    | self
    an     | closed  | in        | 17 03:00    | self
    an     | closed  | in        | 19 03:00    | self
    dung   | lost    | in        | 19 03:00    | self
    dung   | sticker | in        | 19 03:00    | self
"""


def lake_of(tmp_path, venues=VENUES, scans=SCANS):
    lake = new_lake(tmp_path)
    put_venues(lake, venues)
    put_scans(lake, scans)
    return lake


def rows_of(answer):
    return {row["area"]: row for row in answer.to_pylist()}


def test_a_district_is_counted_by_hand(tmp_path):
    answer = adoption(lake_of(tmp_path), on=ON)
    assert answer.schema == ADOPTION
    rows = rows_of(answer)
    assert list(rows)[:2] == ["522", "524"]
    assert list(rows)[-1] is None
    assert len(rows) == 13 + 1
    city = rows["522"]
    assert {name: city[name] for name in city if not name.startswith("rank")} == {
        "area": "522",
        "name": "Thành phố Quảng Ngãi",
        "population": 261_417,
        "points": 4,  # neither the home, nor the closed one, nor the one of tomorrow
        "points_per_100": pytest.approx(400 / 261_417),
        "target_met": False,
        "new_7d": 1,
        "active_1d": 1,
        "active_7d": 2,
        "regular_7d": 1,  # the café, on the 14th, 16th, 17th and 20th
        "never_used": 1,
        "silent_7d": 1,  # its last scan is a second too old
        "scans_7d": 7,
        "scans_per_active_point": 3.5,
        "people_7d": 3,
        "people_per_100": pytest.approx(300 / 261_417),
        "exit_entry_ratio": 1 / 4,  # the shop had no exit
        "guard_share": pytest.approx(2 / 7),
        "once_a_day_share": pytest.approx(5 / 6),  # all but An's 14th
        "unregistered_scans": 1,  # after the closure
        "change_scans_7d": 7 - 2,
    }
    empty = rows["524"]
    assert (empty["points"], empty["scans_7d"], empty["exit_entry_ratio"]) == (0, 0, None)
    nowhere = rows[None]
    assert (nowhere["points"], nowhere["active_7d"], nowhere["unregistered_scans"]) == (1, 1, 1)
    assert (nowhere["population"], nowhere["points_per_100"], nowhere["rank"]) == (None, None, None)


def test_types_have_rows_without_a_rank(tmp_path):
    rows = rows_of(adoption(lake_of(tmp_path), on=ON, by="type"))
    assert sorted(area for area in rows if area) == [
        "market",
        "office",
        "other",
        "restaurant",
        "school",
        "shop",
        "wharf",
    ]
    assert (rows["office"]["points"], rows["office"]["unregistered_scans"]) == (0, 1)
    assert rows[None]["unregistered_scans"] == 1
    assert {row["rank"] for row in rows.values()} == {None}


@pytest.mark.parametrize("has_table", [False, True])
def test_scans_at_a_venue_registered_later_are_unregistered_in_its_area(tmp_path, has_table):
    scans = """
        person | venue  | direction | occurred_at | scan_mode
        an     | future | in        | 13 16:59:59 | self
        an     | future | in        | 13 17:00    | self
        binh   | future | out       | 20 03:00    | guard
        an     | cafe   | in        | 19 03:00    | self
        dung   | later  | in        | 19 03:00    | self
    """
    later = "later | ? | home | 999 | 20 17:00 |"
    lake = lake_of(tmp_path, f"{VENUES.rstrip()}\n{later}", scans)
    if has_table:
        refresh_point_days(lake, begin=True)
    rows = rows_of(adoption(lake, on=ON))
    city = rows["522"]
    assert (city["points"], city["scans_7d"], city["people_7d"], city["unregistered_scans"]) == (4, 1, 1, 2)
    assert rows[None]["unregistered_scans"] == 1
    assert city["change_scans_7d"] == 1  # the scan of the week before was at no point either
    assert rows_of(adoption(lake, on=ON, by="type"))["office"]["unregistered_scans"] == 2
    known = rows_of(adoption(lake, on="2021-07-25"))["522"]  # registered on the 25th at 07:00
    assert (known["points"], known["scans_7d"], known["unregistered_scans"]) == (5, 2, 0)


def test_an_officer_gets_the_points_to_ask_about_the_unused_first(tmp_path):
    answer = adoption(lake_of(tmp_path), on=ON, by="venue")
    found = [(row["area"], row["name"], row["never_used"], row["silent_7d"]) for row in answer.to_pylist()]
    assert found == [
        ("far", "Ga", 1, 0),
        ("unused", "Trường D", 1, 0),
        ("silent", "Chợ C", 0, 1),
        ("lost", "?", 0, 0),  # scanned once on each day with a scan
        ("shop", "Hàng B", 0, 0),
    ]


def test_a_point_where_each_visitor_scans_once_a_day_is_asked_about(tmp_path):
    scans = """
        person | venue  | direction | occurred_at | scan_mode
        an     | cafe   | in        | 19 03:00    | guard
        binh   | cafe   | in        | 19 04:00    | guard
        an     | cafe   | in        | 20 03:00    | guard
        an     | shop   | in        | 19 03:00    | self
        binh   | shop   | in        | 19 04:00    | self
        an     | shop   | out       | 19 05:00    | self
        binh   | silent | in        | 19 03:00    | self
        binh   | silent | out       | 19 05:00    | self
    """
    answer = adoption(lake_of(tmp_path, scans=scans), on=ON, by="venue")
    assert answer["area"].to_pylist() == ["far", "lost", "unused", "cafe"]


def ranked(tmp_path, *areas):
    """Ranks of areas drawn as (population, active points)."""
    venues, scans = ["venue_code | type | district_code"], ["person | venue | occurred_at"]
    for number, (_, active) in enumerate(areas):
        for point in range(active):
            venues.append(f"v{number}-{point} | shop | a{number}")
            scans.append(f"p | v{number}-{point} | 20 03:00")
    path = tmp_path / "areas.csv"
    lines = [f"a{number},Area,district,,{population},,,," for number, (population, _) in enumerate(areas)]
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    rows = adoption(lake_of(tmp_path, "\n".join(venues), "\n".join(scans)), path, on=ON).to_pylist()
    return [(row["rank"], row["rank_low"], row["rank_high"]) for row in rows]


def test_areas_that_chance_cannot_tell_apart_share_a_range(tmp_path):
    found = ranked(tmp_path, (1000, 100), (1000, 3), (1000, 3), (10, 0), (100_000, 1))
    # Wilson: 8.3-12.0 %, 0.1-0.9 % twice, 0-27.8 %, below 0.006 %
    assert found == [(1, 1, 2), (2, 2, 4), (2, 2, 4), (5, 1, 5), (4, 4, 5)]


def test_an_area_without_inhabitants_has_no_rank(tmp_path):
    assert ranked(tmp_path, (0, 2), (1000, 1)) == [(None, None, None), (1, 1, 1)]


def share(verdicts):
    verdicts = list(verdicts)
    return sum(verdicts) / len(verdicts) if verdicts else None


def slow_recount(venues, scans, code):
    """The counts of an area with Python's own sets."""
    week = [END_US - 7 * DAY_US, END_US]
    points = {
        row["venue_code"]
        for row in venues
        if row["district_code"] == code and row["type"] != "home"
    }  # fmt: skip
    day_of = {id(row): (row["occurred_at"] - week[0]) // DAY_US for row in scans}
    mine = [row for row in scans if row["venue"] in points and row["occurred_at"] < week[1]]
    recent = [row for row in mine if row["occurred_at"] >= week[0]]
    days = {point: {day_of[id(row)] for row in recent if row["venue"] == point} for point in points}
    used = {row["venue"] for row in mine}
    visits = {}
    for row in recent:
        visit = row["person"], row["venue"], day_of[id(row)]
        visits[visit] = visits.get(visit, 0) + 1
    ways = {
        point: [
            sum(row["venue"] == point and row["direction"] == way for row in recent) for way in ("in", "out")
        ]
        for point in points
    }
    both = [way for way in ways.values() if all(way)]
    before = [row for row in mine if week[0] - 7 * DAY_US <= row["occurred_at"] < week[0]]
    return {
        "points": len(points),
        "active_1d": sum(6 in day for day in days.values()),
        "active_7d": sum(map(bool, days.values())),
        "regular_7d": sum(len(day) >= 4 for day in days.values()),
        "never_used": len(points - used),
        "silent_7d": sum(not days[point] for point in points & used),
        "scans_7d": len(recent),
        "people_7d": len({row["person"] for row in recent}),
        "exit_entry_ratio": sum(way[1] for way in both) / sum(way[0] for way in both) if both else None,
        "guard_share": share(row["scan_mode"] in ("guard", "kiosk") for row in recent),
        "once_a_day_share": share(count == 1 for count in visits.values()),
        "change_scans_7d": len(recent) - len(before),
    }


def random_world(seed, scans):
    """A registry of points and homes in three districts, and scans at them and at unknown codes."""
    chosen = random.Random(seed)
    venues = [
        {"venue_code": f"v{number}", "type": chosen.choice(["shop", "market", "home"]), "district_code": code}
        for number, code in enumerate(chosen.choices(["522", "524", "525"], k=40))
    ]
    rows = [
        {
            "person": chosen.randrange(60),
            "venue": f"v{min(chosen.randrange(50), chosen.randrange(50))}",
            "direction": chosen.choice(["in", "out", "unknown"]),
            "occurred_at": END_US + round((chosen.random() * 24 - 23) * DAY_US),
            "scan_mode": chosen.choice(["self", "guard", "kiosk", "nfc"]),
        }
        for _ in range(scans)
    ]
    return venues, rows


def differing_columns(tmp_path, seed, scans=900):
    """Return the columns in which adoption differs from the recount in a random world."""
    venues, rows = random_world(seed, scans)
    text = "venue_code | type | district_code\n" + "\n".join(" | ".join(row.values()) for row in venues)
    found = rows_of(adoption(lake_of(tmp_path, text, rows), on=ON))
    differ = []
    for code in ("522", "524", "525"):
        expected = slow_recount(venues, rows, code)
        differ += [name for name in expected if found[code][name] != pytest.approx(expected[name])]
    unknown = sum(
        int(row["venue"][1:]) >= 40 and END_US - 7 * DAY_US <= row["occurred_at"] < END_US for row in rows
    )
    assert unknown or scans < 900
    nowhere = found.get(None, {"unregistered_scans": 0})
    return differ + (["unregistered_scans"] if nowhere["unregistered_scans"] != unknown else [])


def test_it_equals_a_slow_recount(tmp_path):
    assert differing_columns(tmp_path, 11) == []


@pytest.mark.slow
def test_it_equals_a_slow_recount_in_200_worlds(tmp_path, capsys):
    differ = 0
    for seed in range(200):
        folder = tmp_path / str(seed)
        folder.mkdir()
        differ += bool(differing_columns(folder, seed, scans=300))
    with capsys.disabled():
        print(f"\n200 random worlds: adoption differs from a slow recount in {differ}")
    assert differ == 0


def test_without_a_day_it_is_that_of_the_last_scan(tmp_path):
    lake = lake_of(tmp_path)
    (note, *_) = adoption(lake).notes
    assert note.startswith("7 local days up to 2021-07-21")  # 17:00 UTC is midnight


def test_a_lake_without_scans_answers_with_points_and_says_so(tmp_path):
    lake = new_lake(tmp_path)
    answer = adoption(lake, on=ON)
    assert answer.num_rows == 13
    assert sum(answer["points"].to_pylist()) == 0
    assert "lake version -1, last scan never" in list(answer.lines())
    assert list(adoption(lake, on=ON, by="type").lines())[-1] == NOT_SAFETY
    asked = "the lake holds no scan: name the last day with --on"
    assert asked not in answer.notes
    assert [adoption(lake, by=by).notes[0] for by in ("district", "venue")] == [asked] * 2


def test_areas_may_come_from_a_sheet_with_semicolons(tmp_path):
    path = tmp_path / "areas.csv"
    path.write_text("\ufeffarea_code;level;population\n522; District ;10\n", encoding="utf-8")
    (area,) = read_areas(path)
    assert (area.code, area.level, area.population) == ("522", "district", 10)


def test_the_shipped_areas_change_on_the_first_of_july_2025():
    areas = read_areas(AREAS_CSV)
    before, after = dt.date(2025, 6, 30), dt.date(2025, 7, 1)
    districts = areas_on(areas, "district", before)
    assert (len(districts), sum(area.population for area in districts.values())) == (13, 1_231_697)
    assert areas_on(areas, "province", before)["51"].population == 1_231_697
    assert areas_on(areas, "district", after) == {}
    assert areas_on(areas, "province", after)["51"].population == 2_161_755


def test_after_the_districts_are_gone_all_points_lie_in_none(tmp_path):
    answer = adoption(lake_of(tmp_path), on="2025-07-01")
    assert [row["area"] for row in answer.to_pylist()] == [None]
    assert "no area of level district is valid on 2025-07-01" in answer.notes


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ("a,b\n1,2", DataError, "has no column area_code"),
        (f"{HEAD}\n,x,district,,5,,,,", DataError, "row 1 has no area_code"),
        (f"{HEAD}\n5,x,district,,-5,,,,", DataError, "population of row 1 must be an integer ≥ 0"),
        (f"{HEAD}\n5,x,district,,{10**20},,,,", DataError, "population of row 1 must be an integer"),
        (f'{HEAD}\n5,"{"x" * 200_000}",district,,5,,,,', DataError, "is not CSV"),
        (f'"{"x" * 200_000}",{HEAD}\n', DataError, "is not CSV"),
        (f"{HEAD}\n5,x,district,,5,,,1.7.2025,", DataError, "a date of row 1 is not valid"),
        (
            f"{HEAD}\n5,x,district,,5,,,,2021-07-01\n5,x,district,,6,,,2021-07-01,",
            DataError,
            "rows 1 and 2 are one area and overlap in time",
        ),
        (f"{HEAD}\n5,x,district,,5,,,2021-07-02,2021-07-01", DataError, "row 1 ends before it begins"),
    ],
)
def test_malformed_areas_are_refused_by_row(tmp_path, content, kind, said):
    path = tmp_path / "areas.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(kind, match=said):
        adoption(new_lake(tmp_path), path)


def test_a_picture_is_the_same_bytes_every_time(tmp_path):
    rows = adoption(lake_of(tmp_path), on=ON)
    one, other = (draw_adoption(rows, tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert one == other
    assert "Thành phố Quảng Ngãi".encode() in one
    assert draw_adoption(pa.table(rows).slice(0, 0), tmp_path / "none.png").read_bytes()[:4] == b"\x89PNG"


def test_every_column_has_a_definition_but_its_name():
    assert [name for name in ADOPTION.names if name != "name"] == list(DEFINITIONS)


def test_the_command_prints_rows_a_picture_and_definitions(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    lake = lake_of(tmp_path)
    assert main(["adoption", "--lake", lake.url, "--on", ON, "--format", "csv"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == ",".join(ADOPTION.names)
    assert "Census of 2019" in shown.err
    picture = tmp_path / "adoption.svg"
    assert main(["adoption", "--lake", lake.url, "--on", ON, "--output", str(picture)]) == 0
    assert b"<svg" in picture.read_bytes()
    assert "lake version 0" in capsys.readouterr().err
    assert main(["adoption", "--definitions"]) == 0
    assert capsys.readouterr().out.count("\n") == len(DEFINITIONS)
    for words, said in (
        (["--on", "20/7/2021"], "--on is not a valid date"),
        (["--on", "9999-12-31"], "--on must lie between"),
        (["--on", "0001-01-01"], "--on must lie between"),
        (["--by", "province"], "--by"),
        (["--output", str(tmp_path / "a.pdf")], "no format has the ending .pdf"),
    ):
        assert main(["adoption", "--lake", lake.url, *words]) == 2
        assert_one_line(capsys.readouterr(), said)
    assert main(["adoption"]) == 2
    assert_one_line(capsys.readouterr(), "--lake is missing")


def test_the_page_of_definitions_says_the_same_and_in_vietnamese_too():
    page = Path(__file__).parents[2] / "docs" / "adoption.md"
    lines = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines()]
    table = {
        cells[0].strip("`"): cells[1:] for cells in lines if cells[0].startswith("`") and len(cells) == 3
    }
    assert {name: cells[0] for name, cells in table.items()} == DEFINITIONS
    assert all(len(cells[1]) > 5 for cells in table.values())
