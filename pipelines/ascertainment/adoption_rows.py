"""The rows of `adoption`: counts of areas as rates, and ranks with the range that chance leaves open."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pipelines.ascertainment.areas import Area
from pipelines.graph.seen_share import wilson

_WHOLE: Final = (
    *("points", "new_7d", "active_1d", "active_7d", "regular_7d", "never_used", "silent_7d", "scans_7d"),
    *("people_7d", "unregistered_scans"),
)
_TARGET_PER_100: Final = 1

ADOPTION: Final = pa.schema(
    [
        ("area", pa.string()),
        ("name", pa.string()),
        ("population", pa.int64()),
        ("points", pa.int64()),
        ("points_per_100", pa.float64()),
        ("target_met", pa.bool_()),
        ("new_7d", pa.int64()),
        ("active_1d", pa.int64()),
        ("active_7d", pa.int64()),
        ("regular_7d", pa.int64()),
        ("never_used", pa.int64()),
        ("silent_7d", pa.int64()),
        ("scans_7d", pa.int64()),
        ("scans_per_active_point", pa.float64()),
        ("people_7d", pa.int64()),
        ("people_per_100", pa.float64()),
        ("exit_entry_ratio", pa.float64()),
        ("guard_share", pa.float64()),
        ("once_a_day_share", pa.float64()),
        ("unregistered_scans", pa.int64()),
        ("change_scans_7d", pa.int64()),
        ("rank", pa.int64()),
        ("rank_low", pa.int64()),
        ("rank_high", pa.int64()),
    ]
)
"""The columns of an answer; a rate without a denominator is null, and so is the rank of what has none."""

DEFINITIONS: Final = {
    "area": "code of the area, or the venue type or code with --by type or venue; empty: in no area",
    "population": "inhabitants by --areas, as valid on --on",
    "points": "registered venues that were not closed by the end of --on; homes are no points",
    "points_per_100": "points per 100 inhabitants",
    "target_met": "at least 1 point per 100 inhabitants (2913/BTTTT-THH)",
    "new_7d": "points registered in the 7 local days that end with --on",
    "active_1d": "points with a scan on --on",
    "active_7d": "points with a scan in the 7 days",
    "regular_7d": "points with a scan on 4 of the 7 days or more",
    "never_used": "points without a scan up to the end of --on",
    "silent_7d": "points that were scanned before and not in the 7 days",
    "scans_7d": "scans at points in the 7 days",
    "scans_per_active_point": "scans_7d / active_7d",
    "people_7d": "distinct persons who scanned at a point in the 7 days",
    "people_per_100": "people_7d per 100 inhabitants",
    "exit_entry_ratio": "scans out / scans in, at points that had both in the 7 days",
    "guard_share": "share of scans_7d by a guard or a kiosk",
    "once_a_day_share": "share of (person, point, local day) with one scan",
    "unregistered_scans": "scans of the 7 days at a venue of the area that was closed by then, or registered "
    "only after --on; in the row without an area also at codes that no registry names",
    "change_scans_7d": "scans_7d less those of the 7 days before, at the same points",
    "rank": "by active_7d per 100 inhabitants, 1 = most; equals share the smaller",
    "rank_low": "1 + areas whose 95 % interval (Wilson) lies wholly above",
    "rank_high": "ranked areas less those whose interval lies wholly below",
}
"""What each column counts."""


def adoption_rows(
    counts: Sequence[Mapping[str, Any]], names: Mapping[str, str], areas: Mapping[str, Area]
) -> pa.Table:
    """Return the rows of counted areas.

    Args:
        counts: rows of `adoption.sql`.
        names: of areas, types or venues, by code.
        areas: those with a population, by code; one that is not in `counts` gets a row as well.
    """
    # Areas that nobody scanned in are not in the counts, but in the list of areas.
    of = {count["area"]: count for count in counts}
    # None, what lies in no area, comes last and cannot be sorted among texts.
    codes = [*sorted({code for code in of if code is not None} | set(areas)), *([None] if None in of else [])]
    rows = [_row(code, of.get(code, {}), names, areas) for code in codes]
    _rank(rows)
    return pa.Table.from_pylist(rows, schema=ADOPTION)


def _row(
    code: str | None, count: Mapping[str, Any], names: Mapping[str, str], areas: Mapping[str, Area]
) -> dict[str, Any]:
    area = areas.get(code or "")
    population = area.population if area else None
    whole = {name: count.get(name) or 0 for name in _WHOLE}
    points_per_100 = _ratio(100 * whole["points"], population)
    return {
        "area": code,
        "name": (area.name if area else names.get(code or "")) or None,
        "population": population,
        **whole,
        "points_per_100": points_per_100,
        "target_met": None if points_per_100 is None else points_per_100 >= _TARGET_PER_100,
        "scans_per_active_point": _ratio(whole["scans_7d"], whole["active_7d"]),
        "people_per_100": _ratio(100 * whole["people_7d"], population),
        "exit_entry_ratio": _ratio(count.get("outs"), count.get("ins")),
        "guard_share": _ratio(count.get("guarded"), whole["scans_7d"]),
        "once_a_day_share": _ratio(count.get("single"), count.get("visits")),
        "change_scans_7d": whole["scans_7d"] - (count.get("scans_before") or 0),
    }


def _ratio(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _rank(rows: Sequence[dict[str, Any]]) -> None:
    """Add ranks to the rows that have inhabitants."""
    ranked = [row for row in rows if row["population"]]
    rates = [row["active_7d"] / row["population"] for row in ranked]
    ends = [wilson(row["active_7d"], row["population"]) for row in ranked]
    # Every area against every other: a province has a few hundred of them at most.
    for row, rate, (low, high) in zip(ranked, rates, ends, strict=True):
        # Equal rates share the smaller rank, for only higher ones count.
        row["rank"] = 1 + sum(other > rate for other in rates)
        row["rank_low"] = 1 + sum(other_low > high for other_low, _ in ends)
        row["rank_high"] = len(ranked) - sum(other_high < low for _, other_high in ends)
