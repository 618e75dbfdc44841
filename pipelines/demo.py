"""`make demo`: a small province from its first scan to the answer for one case, then late scans."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.query import busiest_case, draw_timeline, milestones, overlaps
from pipelines.runtime.engines.config import RUNNERS
from pipelines.simulate import simulate
from pipelines.simulate.settings import Knobs
from pipelines.terminal.compiling import announce_compiling
from pipelines.terminal.encoding import replace_unencodable
from pipelines.terminal.options import add_runner
from pipelines.terminal.output import write_rows
from pipelines.terminal.parser import Parser
from pipelines.terminal.quiet import silence_libraries
from pipelines.times import parse_instant

if TYPE_CHECKING:
    from pipelines.drivers.run import Report

PEOPLE, VENUES, DAYS, SEED = 3_000, 120, 7, 2021
_APP_USERS = 0.7  # the share that gives a case the 30 Bluetooth partners that its estimate needs
_SHOWN = 10
_CALLS = 50  # that a day leaves time for
_LATE_DAYS_US = 14 * 86_400_000_000


def main() -> None:
    """Replace the folder of the demo and tell the story on standard output."""
    parser = Parser("python -m pipelines.demo", __doc__ or "")
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="folder; it is replaced")
    add_runner(parser, RUNNERS)
    args = parser.parse_args()
    out: Path = args.out
    runner: str = args.runner
    replace_unencodable()
    silence_libraries()  # before Beam is imported, which prints warnings
    announce_compiling()
    from pipelines.drivers.run import run
    from pipelines.runtime.malloc import keep_freed_memory

    keep_freed_memory()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    province, lake = out / "province", str(out / "lake")
    with _step(
        f"Simulating {DAYS} days in a province of {PEOPLE:,} people and {VENUES} venues with a QR code"
    ):
        knobs = Knobs(app_users=_APP_USERS)
        made = simulate(province, people=PEOPLE, venues=VENUES, days=DAYS, seed=SEED, knobs=knobs)
    now_us = parse_instant(made["now"])
    with _step("Loading its scans, venues, cases, encounters, declarations and links into the lake"):
        report = run(
            lake,
            [str(province / "scans")],
            venues=[str(province / "venues.csv")],
            cases=[str(province / "cases.csv")],
            encounters=[str(province / "encounters.ndjson")],
            declarations=[str(province / "declarations.csv")],
            links=[str(province / "links.csv")],
            now_us=now_us,
            runner=runner,
        )
    _say_report(report)
    case = busiest_case(lake)
    before = overlaps(lake, case=case).rows
    _show(f"Who overlapped with case {case} (the longest of {before.num_rows:,} overlaps)", _longest(before))
    places = milestones(lake, case).rows
    _show(f"Where case {case} was while infectious (mốc dịch tễ)", places)
    picture = draw_timeline(places, before, out / "case.svg", f"Case {case}")
    print(f"\nThe same as a picture: {picture}")
    with _step("Loading scans that offline readers deliver days late"):
        late = run(lake, [str(province / "late")], now_us=now_us + _LATE_DAYS_US, runner=runner)
    _say_report(late)
    _show_changes(before, overlaps(lake, case=case).rows)
    _export_list(lake, case, out / "list")
    print(f"\nTry it yourself:\n  .venv/bin/truyvet overlaps --lake {lake} --case {case}")


def _export_list(lake: str, case: str, folder: Path) -> None:
    """Write the exposure list of a case and check it as its reader would.

    Its people are synthetic, so that their identifiers may be opened with the demo's own key.
    """
    from pipelines.export import ListOptions, check_list, export

    options = ListOptions(
        formats=["xlsx", "html", "csv", "notice"],
        reveal=True,
        authority_key=f"{lake}.keys/authority.key",
        follow_up_days=14,
        capacity=_CALLS,
    )
    with _step(f"Writing the exposure list of case {case}, with the identifiers of its synthetic people"):
        made = export(lake, [case], output=folder, options=options)
    checked = check_list(folder, fingerprint_hex=made.manifest.key)
    people, files = sum(made.manifest.tiers.values()), len(checked.manifest.files)
    print(f"  {people:,} people in {files} files of {made.folder}")
    print(f"  whom to call first, and why: {made.folder / 'report.html'}")
    print(f"  to call from and to print:   {made.folder / 'list.xlsx'}")
    print(f"  signature and {files} files are sound, as truyvet export --check says too")


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"\n▶ {what} …", flush=True)
    begun = time.perf_counter()
    yield
    print(f"  {time.perf_counter() - begun:.1f} s")


def _say_report(report: "Report") -> None:
    print(
        f"  received {report.received:,} = accepted {report.accepted:,} + duplicate {report.duplicate:,}"
        f" + rejected {report.rejected:,}; {report.unregistered:,} accepted from unregistered venues"
    )


def _longest(rows: pa.Table) -> pa.Table:
    chosen = pc.sort_indices(rows, [("seconds", "descending"), ("person", "ascending")])[:_SHOWN]
    return rows.take(chosen)


def _show(title: str, rows: pa.Table) -> None:
    print(f"\n{title}\n")
    write_rows(rows, "table")


def _show_changes(before: pa.Table, after: pa.Table) -> None:
    """Show how the answer changed, comparing whole rows."""
    # Whole rows as text, since an overlap has no key of its own.
    was, remains = (set(map(str, rows.to_pylist())) for rows in (before, after))
    print(f"\nThe answer has changed: {len(was - remains)} rows are gone and {len(remains - was)} are new")
    fresh = [str(row) not in was for row in after.to_pylist()]
    if any(fresh):
        _show("The longest of the new or changed overlaps", _longest(after.filter(pa.array(fresh))))


if __name__ == "__main__":
    main()
