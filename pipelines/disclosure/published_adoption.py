"""Adoption as it may be published: points as they are, people and scans with small counts hidden."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.answer import Answer
from pipelines.ascertainment.adoption import adoption
from pipelines.ascertainment.adoption_rows import ADOPTION
from pipelines.disclosure.published_counts import BASE, K, with_nulls
from pipelines.disclosure.releases import Protection, Release, ReleaseRegister
from pipelines.disclosure.rounding import rounded
from pipelines.errors import UsageError
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.freshness import freshness_of_scans
from schemas.districts import AREAS_CSV

_LEFT_OUT: Final = ("exit_entry_ratio", "guard_share", "once_a_day_share", "change_scans_7d")
"""Ratios and differences of counts of which one may be small."""

PUBLISHED_ADOPTION: Final = pa.schema([field for field in ADOPTION if field.name not in _LEFT_OUT])
"""The columns of an answer."""

_COUNTS: Final[Mapping[str, Sequence[str]]] = {
    "people": ("people_7d",),
    "scans": ("scans_7d", "unregistered_scans"),
}


def publish_adoption(
    lake: LakeLike, areas: str | Path = AREAS_CSV, *, on: str | None = None, by: str = "district"
) -> Answer:
    """Answer `adoption` for the public, and note the release.

    People and scans below 11 are hidden, others rounded to 5, and rates are made of the rounded ones. The
    table has no totals of people and scans, so nothing else gives a hidden count away. It is a release of
    both measures: no other cut of this version of `scans` is published after it, by `statistics` neither.

    Example:
        >>> found = publish_adoption(lake, on="2021-07-10")
        >>> found.slice(0, 1).select(["name", "points", "active_7d", "people_7d", "rank"]).to_pylist()
        [{'name': 'Thành phố Quảng Ngãi', 'points': 1, 'active_7d': 1, 'people_7d': None, 'rank': 1}]

    Args:
        lake: the lake, or where it lies.
        areas: as of `adoption`.
        on: as of `adoption`.
        by: `district`, `commune` or `type`.

    Returns:
        Columns of `PUBLISHED_ADOPTION`, rows as of `adoption`.

    Raises:
        UsageError: the question is malformed.
        RefusedError: other counts of people or scans were released of this version of `scans`, or the
            register cannot be written.
        DataError: there is no such lake, a file of it is damaged, or the areas cannot be read.
    """
    if by == "venue":
        raise UsageError(
            "--publish does not go with --by venue", "a list of venues is for their officer alone"
        )
    where = opened(lake)
    found = adoption(where, areas, on=on, by=by)
    day = on or freshness_of_scans(where).last_day
    # Other areas are other counts, so the file's digest is part of the cut.
    digest = hashlib.sha256(Path(areas).read_bytes()).hexdigest()[:8]
    cut = f"adoption by {by} on {day} with areas {digest}"
    rows = found.to_pylist()
    # The lock is held until every measure is in the register.
    with ExitStack() as stack:
        shown = _released(where, cut, rows, stack)
    for row, counts in zip(rows, shown, strict=True):
        row |= counts
        row["scans_per_active_point"] = _ratio(row["scans_7d"], row["active_7d"])
        row["people_per_100"] = _ratio(row["people_7d"], row["population"], 100)
    notes = (*found.notes, f"people and scans from 1 to {K - 1} are hidden, others rounded to {BASE}")
    # The rows still have the columns for officers; the schema leaves them out.
    return Answer(pa.Table.from_pylist(rows, schema=PUBLISHED_ADOPTION), notes, found.find_quality)


def _released(
    lake: Lake, cut: str, rows: Sequence[Mapping[str, Any]], stack: ExitStack
) -> list[dict[str, int | None]]:
    """The counts that are published of each row: those of the register, or new ones."""
    protection = Protection(K, BASE)
    registers = {measure: ReleaseRegister(lake, measure) for measure in _COUNTS}
    found = {measure: register.find(cut, protection) for measure, register in registers.items()}
    # Answered without the lock where both were released; else one register's lock serves for all,
    # and what another process released in the meantime is looked up again under it.
    if None in found.values():
        stack.enter_context(next(iter(registers.values())).held())
        found = {measure: register.find(cut, protection) for measure, register in registers.items()}
    # A run that died between two measures left one of them: only the other is released now.
    for measure, register in registers.items():
        if found[measure] is None:
            release = found[measure] = _release(cut, protection, register, rows, _COUNTS[measure])
            register.add(release)
    hidden: dict[str, Any] = dict.fromkeys(name for names in _COUNTS.values() for name in names)
    shown = {row["area"]: dict(hidden) for row in rows}  # an area that was not released stays hidden
    for release in filter(None, found.values()):
        for area, *counts in release.rows:
            if area in shown:
                shown[area].update(zip(release.columns[1:], counts, strict=True))
    return [shown[row["area"]] for row in rows]


def _release(
    cut: str,
    protection: Protection,
    register: ReleaseRegister,
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
) -> Release:
    counts = np.array([[row[name] for name in names] for row in rows], np.int64).reshape(
        len(rows), len(names)
    )
    # No totals are published here, so small counts alone need hiding.
    hidden = (counts > 0) & (counts < protection.k)
    cells = with_nulls(rounded(counts, protection.base), hidden)
    return Release(
        cut,
        protection,
        register.versions,
        ("area", *names),
        tuple((row["area"], *line) for row, line in zip(rows, cells, strict=True)),
    )


def _ratio(part: int | None, whole: int | None, times: int = 1) -> float | None:
    return times * part / whole if part is not None and whole else None
