"""The law of the flags: a clean province has few, and a planted one's are found."""

import pytest

from benchmarks.quality import CLEAN, PLANTED, Score, province, scores

MOST_FLAGGED = 0.05
LEAST_RECALL, LEAST_PRECISION = 0.8, 0.9
PEOPLE = 4000
MANY_PEOPLE = 12_000
"""Of 4,000 the fifty who lend a phone are too few to tell a recall of 0.84 from one of 0.8."""

JUDGED = [
    *(("venue", flag) for flag in ("impossible_travel", "off_hours", "once_a_day", "photographed")),
    *(("venue", flag) for flag in ("silent_exits", "typed_late")),
    *(("scanner", flag) for flag in ("once_a_day", "typed_late")),
    ("person", "photographed"),
]


def shown(found: list[Score]) -> None:
    for one in found:
        print(
            f"{one.by:8} {one.flag:18} tested {one.tested:5} planted {one.planted:4} flagged {one.flagged:4} "
            f"precision {one.precision:.3f} recall {one.recall:.3f}"
        )


@pytest.mark.slow
def test_in_a_clean_province_at_most_five_percent_of_units_have_a_flag(tmp_path):
    world, lake = province(tmp_path, CLEAN, PEOPLE)
    found = scores(lake, world)
    shown(found)
    assert {f"{one.by} {one.flag}" for one in found if one.flagged > MOST_FLAGGED * one.tested} == set()


@pytest.mark.slow
def test_in_a_planted_province_each_kind_is_found(tmp_path):
    world, lake = province(tmp_path, PLANTED, MANY_PEOPLE)
    found = scores(lake, world)
    shown(found)
    of = {(one.by, one.flag): one for one in found}
    assert all(of[flag].planted for flag in JUDGED)
    missed = [
        flag for flag in JUDGED if of[flag].recall < LEAST_RECALL or of[flag].precision < LEAST_PRECISION
    ]
    assert missed == []
