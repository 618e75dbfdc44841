"""Areas with their populations, an input with dates of validity: the denominators of a ranking."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.errors import DataError
from pipelines.terminal.named_csv import read_named_csv

COLUMNS: Final = (
    *("area_code", "name", "level", "parent", "population", "smartphones", "source"),
    *("valid_from", "valid_to"),
)
_POPULATION: Final = re.compile(r"\d{1,12}", re.ASCII)
_REQUIRED: Final = ("area_code", "level", "population")


@dataclass(frozen=True)
class Area:
    """An area over the days on which it existed.

    Example:
        >>> area = Area("522", "Thành phố Quảng Ngãi", "district", 261_417, valid_to=dt.date(2025, 6, 30))
        >>> area.is_valid(dt.date(2025, 6, 30)), area.is_valid(dt.date(2025, 7, 1))
        (True, False)

    Attributes:
        code: administrative code, as the registry writes it.
        name: what people call it.
        level: `district`, `commune` or another tier.
        population: inhabitants; None where it is not known.
        source: of the population.
        valid_from: the first day; None is always before.
        valid_to: the last day; None is open.
    """

    code: str
    name: str
    level: str
    population: int | None
    source: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    def is_valid(self, day: dt.date) -> bool:
        """Return whether the area existed on a day."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_to is None or day <= self.valid_to)


def read_areas(path: str | Path) -> list[Area]:
    """Read a file of areas, CSV with the columns `COLUMNS`.

    Raises:
        DataError: it cannot be read or lacks a column, a row is malformed, or two rows of one area overlap.
    """
    rows = read_named_csv(path, "--areas", COLUMNS, _REQUIRED)
    areas = [_area(row, number, path) for number, row in enumerate(rows, 1)]
    _check_overlaps(areas, path)
    return areas


def areas_on(areas: Sequence[Area], level: str, day: dt.date) -> dict[str, Area]:
    """Return the areas of a tier on a day, by code."""
    # One area a code, for rows that overlap in time were refused when the file was read.
    return {area.code: area for area in areas if area.level == level and area.is_valid(day)}


def _area(row: Mapping[str, str | None], number: int, path: str | Path) -> Area:
    # DictReader gives None for cells that a short row lacks.
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not cells["area_code"]:
        raise DataError(f"--areas {path}: row {number} has no area_code", "every area needs its code")
    if cells["population"] and not _POPULATION.fullmatch(cells["population"]):
        raise DataError(
            f"--areas {path}: the population of row {number} must be an integer ≥ 0", "write digits alone"
        )
    valid_from, valid_to = (_day(cells[name], number, path) for name in ("valid_from", "valid_to"))
    if valid_from and valid_to and valid_to < valid_from:
        raise DataError(
            f"--areas {path}: row {number} ends before it begins", "write the first and the last day"
        )
    return Area(
        cells["area_code"],
        cells["name"],
        cells["level"].lower(),
        int(cells["population"]) if cells["population"] else None,
        cells["source"],
        valid_from,
        valid_to,
    )


def _day(text: str, number: int, path: str | Path) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise DataError(
            f"--areas {path}: a date of row {number} is not valid",
            "write valid_from and valid_to as 2025-07-01",
        ) from error


def _check_overlaps(areas: Sequence[Area], path: str | Path) -> None:
    """Refuse two rows of one area that are valid on the same day."""
    of_code: dict[str, list[int]] = {}
    for number, area in enumerate(areas, 1):
        for other_number in of_code.setdefault(area.code, []):
            if _overlap(area, areas[other_number - 1]):
                raise DataError(
                    f"--areas {path}: rows {other_number} and {number} are one area and overlap in time",
                    "end the one before the other begins",
                )
        of_code[area.code].append(number)


def _overlap(one: Area, other: Area) -> bool:
    # An open end reaches to the first or the last date there is; both ends are days of the area.
    starts = [area.valid_from or dt.date.min for area in (one, other)]
    ends = [area.valid_to or dt.date.max for area in (one, other)]
    return max(starts) <= min(ends)
