"""Quality: precision and recall of each flag on a planted province, a clean one beside it, and the time.

The truth is `truth/anomalies.csv` of the simulator. A planted unit counts when the flag could be tested,
that is when it has been scanned. SQL for DuckDB, as one would write it, computes the values of three flags:
they must agree with ours.
"""

import csv
import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from benchmarks.measure import report, say
from pipelines.anomalies.quality import quality
from pipelines.anomalies.tested_units import BY
from pipelines.drivers.run import run
from pipelines.lake import Lake, open_lake, read_table, snapshot
from pipelines.privacy.keys import Keys, load_keys, token
from pipelines.simulate import simulate
from pipelines.simulate.settings import Knobs
from pipelines.times import DAY_US, parse_instant

DAYS, SEED = 14, 21
CLEAN = Knobs(guarded=0.0, photographed=0.0, clocks_off=0.0, clocks_broken=0.0)
"""Nothing of what the flags look for; all other flaws are as usual."""

PLANTED = Knobs(
    typed=0.3,
    remote_bursts=0.05,
    misplaced=0.05,
    photographed=0.02,
    copied_posters=0.03,
    lent_phones=0.02,
    clocks_off=0.0,
    clocks_broken=0.0,
)

_SCANS_A_PERSON = 80
_PEOPLE_A_VENUE = 10


class Score(NamedTuple):
    """How one flag does.

    Attributes:
        by: the kind of unit.
        flag: its name.
        tested: units.
        planted: tested units that should be flagged.
        flagged: units that are, but for those that are flagged for what follows from what was planted.
        hits: units that should be and are.
    """

    by: str
    flag: str
    tested: int
    planted: int
    flagged: int
    hits: int

    @property
    def precision(self) -> float:
        """Of the flagged; 1 where none is."""
        return self.hits / self.flagged if self.flagged else 1.0

    @property
    def recall(self) -> float:
        """Of the planted; 1 where none is."""
        return self.hits / self.planted if self.planted else 1.0


def measure(work: Path, scans: int) -> None:
    """Measure all flags on a clean and a planted province of about that many scans."""
    for name, knobs in (("clean", CLEAN), ("planted", PLANTED)):
        world, lake = province(work / f"quality-{name}", knobs, max(scans // _SCANS_A_PERSON, 1000))
        rows = list(_rows(scores(lake, world)))
        say(f"{name} province")
        report("quality", rows)
    report("quality_time", [_against_duckdb(lake)])


def province(folder: Path, knobs: Knobs, people: int, seed: int = SEED) -> tuple[Path, Lake]:
    """Make a province and load it; return its folder and the lake."""
    world, url = folder / "world", str(folder / "lake")
    if not world.exists():
        venues = max(people // _PEOPLE_A_VENUE, 60)
        made = simulate(world, people=people, venues=venues, days=DAYS, seed=seed, knobs=knobs)
        scans = [str(world / name) for name in ("scans", "late")]
        now_us = parse_instant(made["now"]) + DAY_US
        run(url, scans, venues=[str(world / "venues.csv")], now_us=now_us, create=True)
    return world, open_lake(url)


def scores(lake: Lake, world: Path) -> list[Score]:
    """Compare the flags of a lake with what was planted in its world."""
    keys = load_keys(Path(f"{lake.url}.keys"))
    planted: dict[tuple[str, str], set[Any]] = defaultdict(set)
    follows: dict[tuple[str, str], set[Any]] = defaultdict(set)
    with (world / "truth" / "anomalies.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            of = planted if row["why"] == "planted" else follows
            of[row["unit_kind"], row["flag"]].add(_unit(keys, row["unit_kind"], row["unit"]))
    found = []
    for by in BY:
        rows = quality(lake, by=by).rows
        flags, units = rows["flag"].to_pylist(), rows["unit"].to_pylist()
        is_flagged = rows["significant"].to_pylist()
        for flag in sorted(set(flags)):
            tested = {unit for unit, one in zip(units, flags, strict=True) if one == flag}
            known = follows[by, flag]
            flagged = {u for u, one, yes in zip(units, flags, is_flagged, strict=True) if yes and one == flag}
            flagged -= known - planted[by, flag]  # neither right nor wrong
            should = planted[by, flag] & tested
            found.append(Score(by, flag, len(tested), len(should), len(flagged), len(flagged & should)))
    return found


def _unit(keys: Keys, kind: str, text: str) -> Any:
    """Return what `quality` calls a unit of the truth."""
    if kind == "person":
        return token(keys, text)
    if kind == "scanner":
        mac = hmac.new(keys.scanner_key, text.encode(), hashlib.sha256).digest()
        return int.from_bytes(mac[:8], "big", signed=True)
    return text


def _rows(found: list[Score]) -> Iterator[dict[str, Any]]:
    for one in found:
        yield {
            "by": one.by,
            "flag": one.flag,
            "tested": one.tested,
            "planted": one.planted,
            "flagged": one.flagged,
            "flagged_percent": round(100 * one.flagged / one.tested, 2),
            "precision": round(one.precision, 3),
            "recall": round(one.recall, 3),
        }


_SQL = {
    "silent_exits": """
        SELECT v.venue_code AS unit, count(*) FILTER (s.direction = 'out') / count(*) AS value
        FROM scans s JOIN venues v ON s.venue = v.venue AND s.occurred_at < coalesce(v.closed_at, 'infinity')
        WHERE s.direction IN ('in', 'out') AND s.scan_mode IS DISTINCT FROM 'manual' GROUP BY ALL""",
    "burst": """
        SELECT unit, max(scans)::DOUBLE AS value FROM (
            SELECT v.venue_code AS unit, count(*) OVER (
                PARTITION BY s.venue ORDER BY s.occurred_at
                RANGE BETWEEN CURRENT ROW AND INTERVAL '59.999999 seconds' FOLLOWING) AS scans
            FROM scans s JOIN venues v
            ON s.venue = v.venue AND s.occurred_at < coalesce(v.closed_at, 'infinity')) GROUP BY ALL""",
    "once_a_day": """
        WITH visits AS (
            SELECT s.person, s.venue, v.venue_code, date_trunc('day', s.occurred_at + INTERVAL 7 HOUR) AS day,
                count(*) AS here,
                bool_or(s.direction = 'unknown' OR s.scan_mode IS NOT DISTINCT FROM 'manual') AS one_way
            FROM scans s JOIN venues v
            ON s.venue = v.venue AND s.occurred_at < coalesce(v.closed_at, 'infinity') GROUP BY ALL
        ), days AS (SELECT *, sum(here) OVER (PARTITION BY person, day) - here AS elsewhere FROM visits)
        SELECT venue_code AS unit, count(*) FILTER (here = 1) / count(*) AS value
        FROM days WHERE elsewhere >= 2 AND NOT one_way GROUP BY ALL""",
}
"""The values of some flags by venue, in plain SQL."""


def _against_duckdb(lake: Lake) -> dict[str, Any]:
    """Time all flags of venues beside three of them in DuckDB, and compare the values."""
    begun = time.perf_counter()
    ours = quality(lake, by="venue").rows
    seconds = time.perf_counter() - begun
    files = [file.path for file in snapshot(lake, "scans").files]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("venues", read_table(lake, "venues"))
        begun = time.perf_counter()
        connection.execute(
            "CREATE VIEW scans AS SELECT * FROM read_parquet($files)".replace("$files", repr(files))
        )
        theirs = {flag: dict(connection.sql(sql).fetchall()) for flag, sql in _SQL.items()}
        sql_seconds = time.perf_counter() - begun
    for flag, values in theirs.items():
        rows = ours.filter(np.array(ours["flag"]) == flag)
        mine = dict(zip(rows["unit"].to_pylist(), rows["value"].to_pylist(), strict=True))
        if not set(mine) <= set(values) or any(abs(values[unit] - mine[unit]) > 1e-9 for unit in mine):
            raise RuntimeError(f"the values of {flag} differ from those of DuckDB")
    return {
        "scans": sum(file.rows for file in snapshot(lake, "scans").files),
        "nine_flags_seconds": round(seconds, 2),
        "duckdb_three_flags_seconds": round(sql_seconds, 2),
        "ratio": round(sql_seconds / seconds, 2),
    }
