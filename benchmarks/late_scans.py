"""100,000 late scans of one day, into a lake of 10 days and into one of 60."""

import datetime as dt
import shutil
from pathlib import Path

from benchmarks import inputs
from benchmarks.measure import Cost, report, run, say, truyvet

_LATE = 100_000
_SCANS_A_DAY = 200_000
_DAYS = (10, 60)


def measure(work: Path, scans: int) -> None:
    """Load the late scans of one day into a short and a long lake of equally busy days."""
    a_day = min(_SCANS_A_DAY, max(1_000, scans // 10))
    costs = {days: _late(work, days, a_day) for days in _DAYS}
    short = costs[_DAYS[0]].wall_seconds
    report(
        "late_scans",
        [
            {
                "lake": f"{days} days of {a_day:,} scans",
                "late scans": cost.last_line()["accepted"],
                "seconds, whole process": cost.wall_seconds,
                "ratio to the short lake": cost.wall_seconds / short,
                "peak MB": cost.peak_mb,
            }
            for days, cost in costs.items()
        ],
    )


def _late(work: Path, days: int, a_day: int) -> Cost:
    province = inputs.province(work, a_day * days, days)
    lake = work / f"late-{days}"
    for folder in (lake, lake.with_name(lake.name + ".keys")):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"a lake of {days} days")
    held_back, rest = _split(province, work / f"late-{days}-files", min(_LATE, a_day // 2))
    now = ("--now", province.now.isoformat(), "--max-age-days", 100)
    run(truyvet("run", "--lake", lake, "--scans", *rest, "--venues", province.venues, *now))
    say("late scans")
    return run(truyvet("run", "--lake", lake, "--scans", held_back, *now))


def _split(province: inputs.Province, folder: Path, late: int) -> tuple[Path, list[Path]]:
    """Split the file of one day in the middle of the lake into late scans and the rest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = sorted(province.scans.glob("*.ndjson"))
    day = (inputs.START + dt.timedelta(days=province.days // 2)).isoformat()
    chosen = next(path for path in files if day in path.name)
    lines = chosen.read_bytes().splitlines(keepends=True)
    held_back, before = folder / "late.ndjson", folder / "before.ndjson"
    step = max(1, len(lines) // late)
    held_back.write_bytes(b"".join(lines[::step][:late]))
    kept = set(range(0, len(lines), step)[:late])
    before.write_bytes(b"".join(line for number, line in enumerate(lines) if number not in kept))
    return held_back, [before, *(path for path in files if path != chosen)]
