"""How stable a list is, beside the trace that made it: 20 draws of scans, visits and people."""

from pathlib import Path

from benchmarks import inputs
from benchmarks.files_to_lake import DAYS, our_lake
from benchmarks.measure import module, report, run, say, truyvet
from benchmarks.trace import countable_cases

_RULE = "vn-2020-12"
_CASES = 13
_DRAWS = 20
_TIERS = (1, 2, 3)


def measure(work: Path, scans: int) -> None:
    """Trace the first cases of a province, alone and with draws, in one process and as commands."""
    lake = our_lake(inputs.province(work, scans, DAYS), work)
    cases = countable_cases(lake)[:_CASES]
    out, draws = work / "trace.parquet", ("--stability", str(_DRAWS))
    rows = []
    for depth in _TIERS:
        say(f"{_DRAWS} draws of {depth} tiers")
        asked = ("--lake", lake, "--rule", _RULE, "--depth", depth)
        warm = module("warm_trace", *asked, "--out", out)
        alone = run([*warm, "--case", *cases]).last_line()
        drawn = run([*warm, *draws, "--case", *cases]).last_line()
        command = truyvet("trace", *asked, "--format", "parquet", "--output", out)
        # The second of two, since kernels may still have to be compiled.
        cold = [run([*command, "--case", *cases]).wall_seconds for _ in range(2)][-1]
        cold_drawn = [run([*command, *draws, "--case", *cases]).wall_seconds for _ in range(2)][-1]
        rows.append(
            {
                "tiers": depth,
                "cases": len(cases),
                "rows": alone["rows"],
                "trace, seconds": alone["seconds"],
                f"with {_DRAWS} draws": drawn["seconds"],
                "ratio to the trace": drawn["seconds"] / alone["seconds"],
                "ratio of processor": drawn["processor"] / alone["processor"],
                "command, seconds": cold,
                f"command with {_DRAWS} draws": cold_drawn,
                "ratio of commands": cold_drawn / cold,
            }
        )
    report("stability", rows)
