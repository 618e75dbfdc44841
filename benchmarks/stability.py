"""How stable a list is, beside the trace that made it: 20 draws of scans, visits and people."""

from pathlib import Path

from benchmarks import inputs
from benchmarks.files_to_lake import DAYS, our_lake
from benchmarks.measure import module, report, run, say
from benchmarks.trace import countable_cases

_RULE = "vn-2020-12"
_CASES = 13
_DRAWS = 20
_TIERS = (1, 2)


def measure(work: Path, scans: int) -> None:
    """Trace the first cases of a province in one tier and in two, alone and with draws."""
    lake = our_lake(inputs.province(work, scans, DAYS), work)
    cases = countable_cases(lake)[:_CASES]
    rows = []
    for depth in _TIERS:
        say(f"{_DRAWS} draws of {depth} tiers")
        words = ("--lake", lake, "--rule", _RULE, "--depth", depth, "--out", work / "trace.parquet")
        alone = run(module("warm_trace", *words, "--case", *cases)).last_line()
        drawn = run(module("warm_trace", *words, "--stability", _DRAWS, "--case", *cases)).last_line()
        rows.append(
            {
                "tiers": depth,
                "cases": len(cases),
                "rows": alone["rows"],
                "trace, seconds": alone["seconds"],
                f"with {_DRAWS} draws": drawn["seconds"],
                "ratio to the trace": drawn["seconds"] / alone["seconds"],
                "ratio of processor": drawn["processor"] / alone["processor"],
            }
        )
    report("stability", rows)
