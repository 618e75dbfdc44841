"""The simulator and the pipelines judge one another: by counts, and by true stays where nothing is flawed."""

import csv
import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.end_to_end.commands import rows_of, run, truyvet
from tests.end_to_end.reference import Names, venue_id
from tests.end_to_end.worlds import longest_us

MINUTE = dt.timedelta(minutes=1)
FLAWS = (
    *(
        "late",
        "duplicates",
        "clocks-off",
        "clocks-broken",
        "photographed",
        "without-id",
        "malformed",
        "unusual",
    ),
    *("unregistered", "closed", "one-way", "guarded", "entries-forgotten", "exits-forgotten"),
)
WORLDS = {
    "as it is": (),
    "flawless": [word for flaw in FLAWS for word in (f"--{flaw}", 0)],
    "wild": [word for flaw in FLAWS for word in (f"--{flaw}", 0.2)],
    "without event ids": ("--without-id", 1, "--duplicates", 0.5),
    "all late": ("--late", 1, "--late-days", 30, "--clocks-broken", 0.1),
}


def simulated(folder: Path, seed: int, words: Any, people: int = 150) -> dict[str, Any]:
    """Make a small province; what the simulator says of it."""
    size = ("--people", people, "--venues", 14, "--days", 3, "--seed", seed)
    assert truyvet("simulate", "--out", folder, *size, *words).code == 0
    return json.loads((folder / "simulation.json").read_text())


def counted(report: dict[str, Any]) -> dict[str, Any]:
    names = ("received", "accepted", "duplicate", "rejected", "unregistered", "reasons")
    return {name: report[name] for name in names}


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("as it is", 1),
        ("wild", 2),
        *(pytest.param(name, seed, marks=pytest.mark.slow) for name in WORLDS for seed in (3, 4, 5)),
    ],
)
def test_a_run_counts_what_the_simulator_says_it_must(folder, name, seed):
    said = simulated(folder / "world", seed, WORLDS[name])
    for batch in ("scans", "late"):
        files = folder / "world" / batch
        if not any(files.iterdir()):
            assert said["expected"][batch]["received"] == 0
            continue
        report = run(
            folder / "lake", "--scans", files, "--venues", folder / "world/venues.csv", now=said["now"]
        )
        assert counted(report) == said["expected"][batch]


def test_stays_are_the_true_ones_when_everybody_scans_in_and_out(folder):
    """But for those longer than the longest stay, residents at home, and a few who scan again inside."""
    words = [*WORLDS["flawless"], "--scanning", 1, "--visits-scanned", 1]
    said = simulated(folder / "world", 6, words, people=250)
    venues = folder / "world/venues.csv"
    run(folder / "lake", "--scans", folder / "world/scans", "--venues", venues, now=said["now"])
    names = Names.of(folder / "lake.keys")
    with open(venues, encoding="utf-8", newline="") as file:
        types = {row["venue"]: row["type"] for row in csv.DictReader(file)}
    seen = defaultdict(list)
    for stay in rows_of(folder / "lake", "stays"):
        if stay["by"] == "venue":
            seen[stay["person"], stay["venue"]].append(stay)
    wanted = found = 0
    end = dt.datetime.fromisoformat(said["end"])
    for true in pq.read_table(folder / "world/truth/stays.parquet").to_pylist():
        kind = types.get(true["venue"], "home")
        longest = dt.timedelta(microseconds=longest_us(kind))
        if kind != "home" and true["exit"] < end and true["exit"] - true["enter"] <= longest:
            wanted += 1
            others = seen[names.token(true["person"]), venue_id(true["venue"])]
            found += sum(
                true["enter"] <= stay["enter"] < true["enter"] + MINUTE
                and true["exit"] - MINUTE < stay["exit"] <= true["exit"]
                and stay["zone"] == true["zone"]
                and stay["enter_kind"] == stay["exit_kind"] == "scanned"
                for stay in others
            )
    assert wanted > 1_000
    assert wanted >= found > 0.995 * wanted
