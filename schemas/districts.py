"""The districts whose administrative codes are shipped."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DISTRICTS_CSV = Path(__file__).with_name("quang_ngai_districts.csv")
"""Districts of 2021 and their people at the census of 2019 (General Statistics Office)."""


@cache
def provinces_by_district() -> Mapping[str, str]:
    """Map each district code to its province code."""
    with DISTRICTS_CSV.open(encoding="utf-8", newline="") as file:
        return {row["district_code"]: row["province_code"] for row in csv.DictReader(file)}
