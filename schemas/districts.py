"""The districts whose administrative codes are shipped."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DISTRICTS_CSV = Path(__file__).with_name("quang_ngai_districts.csv")
"""Districts of 2021 and their people at the census of 2019 (General Statistics Office)."""

AREAS_CSV = Path(__file__).with_name("quang_ngai_areas.csv")
"""Areas of Quảng Ngãi with their populations, before and after 1 July 2025; `valid_to` is the last day."""


@cache
def provinces_by_district() -> Mapping[str, str]:
    """Map each district code to its province code."""
    with DISTRICTS_CSV.open(encoding="utf-8", newline="") as file:
        return {row["district_code"]: row["province_code"] for row in csv.DictReader(file)}


@cache
def district_names() -> Mapping[str, str]:
    """The name of each district code."""
    with DISTRICTS_CSV.open(encoding="utf-8", newline="") as file:
        return {row["district_code"]: row["district_name"] for row in csv.DictReader(file)}


def address_of(district_code: str | None, commune_code: str | None) -> str:
    """What people call a district and a commune; what has no name that is known is left out.

    Example:
        >>> address_of("522", "52201")
        'Thành phố Quảng Ngãi'

    Args:
        district_code: of the registry.
        commune_code: of the registry; names of communes are not shipped.
    """
    names = district_names()
    return ", ".join(
        names[code] for code in (commune_code, district_code) if code is not None and code in names
    )
