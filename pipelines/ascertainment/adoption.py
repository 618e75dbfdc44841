"""How far the province has taken up the codes: points, who uses them, and how areas compare."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.answer import Answer
from pipelines.ascertainment.adoption_rows import adoption_rows
from pipelines.ascertainment.areas import Area, areas_on, read_areas
from pipelines.errors import UsageError
from pipelines.lake import Lake, LakeLike, opened, read_table
from pipelines.lake.freshness import Freshness, freshness_of_scans
from pipelines.query.engine import answer
from pipelines.times import DAY_US, EPOCH, instant_us
from schemas.districts import AREAS_CSV

BY: Final = ("district", "commune", "type", "venue")
_AREA_OF: Final = {
    "district": "district_code",
    "commune": "commune_code",
    "type": "type",
    "venue": "venue_code",
}
_VENUES: Final = ("venue", "venue_code", "name", "type", "district_code", "commune_code")
_YEARS: Final = (1990, 2100)  # a year outside is a slip of the keyboard
_OPEN_US: Final = 2**62  # stands for never closed and always registered; sums with it stay in int64


def adoption(
    lake: LakeLike,
    areas: str | Path = AREAS_CSV,
    *,
    on: str | dt.date | None = None,
    by: str = "district",
) -> Answer:
    """How many points there are, how many are used, and by how many people, over 7 local days.

    Example:
        >>> found = adoption(lake, on="2021-07-10")
        >>> found.slice(0, 1).select(["name", "points", "active_7d", "people_7d", "rank"]).to_pylist()
        [{'name': 'Thành phố Quảng Ngãi', 'points': 1, 'active_7d': 1, 'people_7d': 2, 'rank': 1}]

    Args:
        lake: the lake, or where it lies.
        areas: a CSV file of areas with their populations; by default those of Quảng Ngãi.
        on: the last local day; None is that of the last scan.
        by: `district`, `commune`, `type`, or `venue` for the points to ask about: never used, silent for 7
            days, or scanned once a day by each visitor.

    Returns:
        Columns of `ADOPTION`, ordered by area; what lies in no area comes last. With `by="venue"` the never
        used ones come first, then the silent ones.

    Raises:
        UsageError: the question is malformed, or a column of the areas is missing.
        DataError: there is no such lake, a file of it is damaged, or the areas cannot be read.
    """
    if by not in BY:
        raise UsageError(f"--by must be one of {' '.join(BY)}", "choose one of them")
    named = read_areas(areas)
    where = opened(lake)
    made = freshness_of_scans(where)
    day = _day(on, made)
    valid = areas_on(named, by, day)
    places = _places(where, by, day, valid)
    end_us = _end_us(day)
    from pipelines.ascertainment.point_days.count_points import (
        count_points,  # here: --help should not load kernels
    )

    counted = count_points(where, places, end_us)
    counts = answer(
        "adoption",
        {
            "places": places,
            "days": counted.days,
            "around": counted.around,
            "people": counted.people,
            "used": counted.used,
        },
    ).to_pylist()
    names = (
        dict(zip(places["area"].to_pylist(), places["name"].to_pylist(), strict=True))
        if by == "venue"
        else {}
    )
    notes = _no_day_notes(on, made)
    if by == "venue":
        return Answer(_to_ask_about(counts, names), (*notes, *_venue_notes(day)), lambda: made)
    return Answer(adoption_rows(counts, {}, valid), (*notes, *_notes(day, by, valid, areas)), lambda: made)


def _day(on: str | dt.date | None, made: Freshness) -> dt.date:
    """The last local day of the question.

    Raises:
        UsageError: it is not a date.
    """
    if on is None:
        # An empty lake has no last day; the epoch still gives rows, and a note asks for --on.
        return made.last_day or EPOCH.date()
    try:
        day = dt.date.fromisoformat(str(on))
    except ValueError as error:
        raise UsageError("--on is not a valid date", "write 2021-08-05") from error
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise UsageError("--on must lie between {} and {}".format(*_YEARS), "write 2021-08-05")
    return day


def _end_us(day: dt.date) -> int:
    # The registry's end of a week is local midnight, as that of every count.
    end_us = instant_us(day + dt.timedelta(days=1), "--on")
    assert end_us is not None
    return end_us


def _places(lake: Lake, by: str, day: dt.date, valid: Mapping[str, Area]) -> pa.Table:
    """The registry as `adoption.sql` reads it."""
    rows = read_table(lake, "venues", [*_VENUES, "registered_at", "closed_at"])
    end_us = _end_us(day)
    # A venue without a date of registration has always been there.
    registered_us = pc.fill_null(rows["registered_at"].cast(pa.int64()), -_OPEN_US)
    closed_us = pc.fill_null(rows["closed_at"].cast(pa.int64()), _OPEN_US)
    is_known = pc.less(registered_us, end_us)
    is_open = pc.and_(is_known, pc.greater_equal(closed_us, end_us))
    area = rows[_AREA_OF[by]]
    if by in ("district", "commune"):
        # A code that is in no valid area goes to the row without an area, as empty ones do.
        area = pc.if_else(pc.is_in(area, pa.array(list(valid), pa.string())), area, None)
    return pa.table(
        {
            "venue": rows["venue"],
            "area": area,
            "name": rows["name"],
            # Homes are no points, even with a code.
            "is_point": pc.and_(is_open, pc.not_equal(rows["type"], "home")),
            "is_new": pc.greater_equal(registered_us, end_us - 7 * DAY_US),
            # Nobody knew at the end of a venue registered later, so its scans are those of an unknown code.
            "unregistered_us": pc.if_else(is_known, closed_us, -_OPEN_US),
        }
    )


def _to_ask_about(counts: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> pa.Table:
    """The points that an officer should call: the unused first."""
    kept = [
        count
        for count in counts
        # Only venues that count as points; nobody needs to be called about a closed one.
        if count["points"] and (count["never_used"] or count["silent_7d"] or _is_once_a_day(count))
    ]
    order = [("never_used", "descending"), ("silent_7d", "descending"), ("area", "ascending")]
    return adoption_rows(kept, names, {}).sort_by(order)


def _is_once_a_day(count: Mapping[str, Any]) -> bool:
    """Whether nobody scans a point twice on a day, as where a guard asks each visitor once."""
    return bool(count["visits"]) and count["visits"] == count["single"]


def _notes(day: dt.date, by: str, valid: Mapping[str, Area], areas: str | Path) -> Sequence[str]:
    said = [f"7 local days up to {day.isoformat()}; --definitions says what each column counts"]
    if by in ("district", "commune"):
        sources = "; ".join(sorted({area.source for area in valid.values() if area.source}))
        said.append(f"areas: {len(valid):,} of {Path(areas).name}, {sources or 'without a source'}")
    if by in ("district", "commune") and not valid:
        said.append(f"no area of level {by} is valid on {day.isoformat()}")
    return said


def _no_day_notes(on: str | dt.date | None, made: Freshness) -> Sequence[str]:
    """A lake without scans has no last day, so the days that are counted mean nothing."""
    return (
        ["the lake holds no scan: name the last day with --on"] if on is None and made.last_us is None else []
    )


def _venue_notes(day: dt.date) -> Sequence[str]:
    return [
        f"7 local days up to {day.isoformat()}: points never used, silent, or scanned once a day by everybody"
    ]
