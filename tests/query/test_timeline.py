"""The picture of a case: what is drawn, and that it is the same bytes each time."""

import datetime as dt
import stat

import pyarrow as pa
import pytest

from pipelines.errors import UsageError
from pipelines.query.milestone import MILESTONES
from pipelines.query.overlap import OVERLAPS
from pipelines.query.timeline import DayBar, day_bars, draw_timeline, people_steps, timeline, venue_colours
from schemas.tables import INSTANT
from tests.lakes import at, drawn


def times(*texts):
    return pa.chunked_array([pa.array([at(text) for text in texts]).cast(INSTANT)])


def stays(text):
    rows = [{**row, "enter": at(row["enter"]), "exit": at(row["exit"])} for row in drawn(text)]
    return pa.Table.from_pylist(rows, schema=MILESTONES)


STAYS = stays(
    """
    venue | name     | enter   | exit    | enter_kind | exit_kind
    cafe  | Cà phê $ | 1 01:00 | 1 03:00 | scanned    | scanned
    bus   |          | 1 04:00 | 1 04:30 | scanned    | default
    house | Nhà      | 1 12:00 | 2 00:00 | imputed    | scanned
    """
)
OVERLAPPING = pa.Table.from_pylist(
    [
        {"person": 1, "venue": "cafe", "start": at("1 01:00"), "end": at("1 02:00"), "seconds": 3600},
        {"person": 2, "venue": "cafe", "start": at("1 01:30"), "end": at("1 03:00"), "seconds": 5400},
        {"person": 1, "venue": "house", "start": at("1 18:00"), "end": at("1 20:00"), "seconds": 7200},
        {"person": 9, "venue": "cafe", "start": at("9 18:00"), "end": at("9 20:00"), "seconds": 7200},
    ],
    schema=OVERLAPS,
)
FIRST = (dt.date(2021, 7, 1) - dt.date(1970, 1, 1)).days


def test_a_stay_is_cut_at_local_midnights():
    bars = list(day_bars(times("1 12:00", "1 17:00"), times("2 00:00", "3 17:00")))
    assert bars == [
        DayBar(FIRST, 19.0, 24.0, 0),
        DayBar(FIRST + 1, 0.0, 7.0, 0),
        DayBar(FIRST + 1, 0.0, 24.0, 1),
        DayBar(FIRST + 2, 0.0, 24.0, 1),
    ]


def test_people_are_counted_once_however_many_of_their_stays_overlap():
    bars = [
        DayBar(0, 8.0, 10.0, 0),
        DayBar(0, 9.0, 11.0, 1),
        DayBar(0, 9.0, 12.0, 2),
        DayBar(0, 12.0, 13.0, 2),
    ]
    hours, people = people_steps(bars, [1, 1, 2])
    assert hours.tolist() == [0.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 24.0]
    assert people.tolist() == [0, 1, 2, 2, 1, 1, 0, 0]


def test_a_day_without_overlaps_has_nobody():
    hours, people = people_steps([], [])
    assert (hours.tolist(), people.tolist()) == ([0.0, 24.0], [0, 0])


def test_the_venues_with_the_most_time_have_colours_of_their_own():
    colours = venue_colours(STAYS)
    assert list(colours) == ["house", "cafe", "bus"]
    assert len(set(colours.values())) == 3
    codes = [pa.array([f"{number}{letter}" for letter in "abc"]) for number in range(9)]
    many = pa.concat_tables([STAYS.set_column(0, "venue", code) for code in codes])
    assert list(venue_colours(many).values()).count("#9a9a9a") == 27 - 9


def test_the_figure_has_a_line_a_day_and_one_scale():
    figure = timeline(STAYS, OVERLAPPING, "BN-1")
    assert [axis.get_ylabel() for axis in figure.axes] == ["01/07", "02/07"]
    assert len({axis.get_ylim() for axis in figure.axes}) == 1
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:3] == ["Nhà", "Cà phê $", "bus"]
    assert labels[3:] == ["enter or exit not scanned", "people there at the same time, at most 2"]


def test_an_overlap_of_a_stay_that_is_not_drawn_is_not_drawn():
    nowhere = OVERLAPPING.slice(2, 1).set_column(1, "venue", pa.array(["cafe"]))
    figure = timeline(STAYS, pa.concat_tables([OVERLAPPING.slice(0, 1), nowhere]))
    assert figure.legends[0].get_texts()[-1].get_text().endswith("at most 1")
    assert timeline(STAYS, nowhere).legends[0].get_texts()[-1].get_text().endswith("at most 0")


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_rows_are_the_same_picture_and_it_is_private(tmp_path, ending):
    first = draw_timeline(STAYS, OVERLAPPING, tmp_path / f"a.{ending}", "BN-1")
    second = draw_timeline(STAYS, OVERLAPPING, tmp_path / f"b.{ending}", "BN-1")
    assert first.read_bytes() == second.read_bytes()
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{ending}", f"b.{ending}"]


def test_the_text_of_an_svg_stays_text(tmp_path):
    text = draw_timeline(STAYS, OVERLAPPING, tmp_path / "a.svg", "Ca BN-1 <an>").read_text(encoding="utf-8")
    assert "Cà phê $" in text
    assert "Ca BN-1 &lt;an&gt;" in text


def test_a_case_without_stays_is_an_empty_picture(tmp_path):
    assert draw_timeline(MILESTONES.empty_table(), OVERLAPS.empty_table(), tmp_path / "a.png").stat().st_size


@pytest.mark.parametrize("name", ["a.pdf", "a", "nowhere/a.svg"])
def test_a_picture_that_cannot_be_written_is_wrong_usage(tmp_path, name):
    with pytest.raises(UsageError, match="picture"):
        draw_timeline(STAYS, OVERLAPPING, tmp_path / name)
