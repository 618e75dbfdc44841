"""Checks of the tables: what is behind, what nobody needs, and what makes answers slow."""

import time
from collections.abc import Iterator
from typing import Final

from pipelines.checkup.check import BAD, OK, WARN, Check, age_text, size_text
from pipelines.lake import NO_TABLE, Lake, Snapshot, mark, snapshot, storage
from pipelines.lake.checkpoints import CHECKPOINT_EVERY
from pipelines.lake.forgotten import FORGOTTEN_MARK, read_forgotten
from pipelines.lake.log import checkpoints, log_entry, versions
from pipelines.lake.log_cut import KEEP_LOG_SECONDS, LONG_LOG
from pipelines.maintenance.compact import ROWS_A_FILE, SOURCES, small_files
from pipelines.maintenance.vacuum import unneeded
from pipelines.terminal.output import counted
from pipelines.times import DAY_US, day_text
from schemas.tables import ALL_TABLES

BY_DATE: Final = ("scans", "encounters", "declarations", "links", "rejects", "retries")
"""Tables of what was received whose old days a purge removes."""

_ALWAYS: Final = {("stays", "scans"), ("humans", "links")}  # a table that every lake with its source has
_SMALL_FILES = 16  # in one partition; a stream that is compacted daily makes some hundred
_OVERDUE_DAYS = 1  # a purge runs once a day


def lag(lake: Lake) -> Check:
    """Check that derived tables reflect the newest scans, registry and links."""
    newest = {name: snapshot(lake, name) for name in ALL_TABLES}
    behind: list[str] = []
    leading: list[str] = []
    for name, table in newest.items():
        for source in SOURCES:
            reflected = _reflected(name, table, source, newest)
            if reflected is not None and reflected != newest[source].version:
                (behind if reflected < newest[source].version else leading).append(f"{name} to {source}")
    if leading:
        detail = f"later versions are reflected than there are: {', '.join(leading)}"
        return Check("lag", BAD, detail, "restore the lake from one backup, then run truyvet verify")
    if behind:
        return Check("lag", WARN, f"behind: {', '.join(behind)}", "run truyvet recompute")
    if newest["scans"].version == NO_TABLE:
        return Check("lag", OK, "there are no scans yet")
    return Check("lag", OK, f"everything reflects scans version {newest['scans'].version}")


def _reflected(name: str, table: Snapshot, source: str, newest: dict[str, Snapshot]) -> int | None:
    """Return the version of a source that a table reflects; None where it reflects none."""
    if (name, source) in _ALWAYS and newest[source].version != NO_TABLE:
        return table.marks.get(f"{source}_version", NO_TABLE)
    return table.marks.get(f"{source}_version")


def orphans(lake: Lake) -> Check:
    """Check for files that no version needs any more."""
    found = [file for name in ALL_TABLES for file in unneeded(lake, name)]
    if not found:
        return Check("orphans", OK, "no file is left over")
    size = size_text(sum(file.size for file in found))
    detail = f"{counted(len(found), 'file')} of {size} that no version needs"
    return Check("orphans", WARN, detail, "run truyvet compact")


def small(lake: Lake) -> Check:
    """Check for partitions of many small files, which are slow to ask."""
    joined = {name: list(small_files(snapshot(lake, name).files, ROWS_A_FILE)) for name in ALL_TABLES}
    names = [name for name, groups in joined.items() if any(len(group) > _SMALL_FILES for group in groups)]
    number = sum(len(group) for groups in joined.values() for group in groups)
    detail = f"{counted(number, 'file')} could be joined"
    if names:
        return Check(
            "small files", WARN, f"{detail}, most of them in {', '.join(names)}", "run truyvet compact"
        )
    return Check("small files", OK, detail if number else "no file could be joined")


def log_length(lake: Lake) -> Check:
    """Check that logs are cut and have a recent checkpoint, so that tables open fast."""
    lengths: dict[str, int] = {}
    wrong = []
    for name in ALL_TABLES:
        url = lake.table_url(name)
        kept = versions(url)
        if not kept:
            continue
        lengths[name] = len(kept)
        behind = kept[-1] - max(checkpoints(url), default=-1)
        if behind > 2 * CHECKPOINT_EVERY:
            wrong.append(f"{name} has no checkpoint for {behind} entries")
        elif len(kept) > LONG_LOG and _age(log_entry(url, kept[0])) > 2 * KEEP_LOG_SECONDS:
            wrong.append(f"{name} was not cut for {age_text(_age(log_entry(url, kept[0])))}")
    if wrong:
        return Check("log length", WARN, "; ".join(wrong), "run truyvet compact, and check that it may write")
    if not lengths:
        return Check("log length", OK, "no table has a log yet")
    longest = max(lengths, key=lambda name: lengths[name])
    return Check("log length", OK, f"the longest is that of {longest}, {lengths[longest]} entries")


def _age(place: str) -> float:
    """Return the seconds since a file was written; 0 where there is none."""
    found = storage.status(place)
    return 0.0 if found is None else time.time() - found.modified_ns / 1e9


def retention(lake: Lake, days: int, now_us: int) -> Check:
    """Check that no received record is older than the lake may remember.

    Args:
        lake: which lake.
        days: to be kept before the day of `now_us`.
        now_us: microseconds UTC.
    """
    oldest = {name: min(dates) for name in BY_DATE if (dates := list(_dates(lake, name)))}
    forgotten = read_forgotten(lake)
    purged = f"purged up to {day_text(forgotten.horizon_us // DAY_US)}" if forgotten.forgets_before else ""
    if purged:
        horizon = day_text(forgotten.horizon_us // DAY_US)
        early = [name for name, date in oldest.items() if date < horizon]
        if early:
            detail = f"{purged}, and {', '.join(early)} still hold older days: a purge was interrupted"
            return Check("retention", BAD, detail, "run truyvet purge again")
    due = now_us // DAY_US - days
    late = {name: date for name, date in oldest.items() if date < day_text(due - _OVERDUE_DAYS)}
    if late:
        first = min(late.values())
        detail = f"{', '.join(late)} go back to {first}, before {day_text(due)}; {purged or 'never purged'}"
        return Check("retention", WARN, detail, f"run truyvet purge --days {days}")
    if not oldest:
        return Check("retention", OK, "nothing was received yet")
    return Check(
        "retention", OK, f"no day before {day_text(due - _OVERDUE_DAYS)}; {purged or 'never purged'}"
    )


def _dates(lake: Lake, name: str) -> Iterator[str]:
    return (file.partition["date"] for file in snapshot(lake, name).files)


def unfinished(lake: Lake) -> Check:
    """Check that the last purge or erasure reached the end of the tables of what was received."""
    forgotten = read_forgotten(lake)
    if forgotten.number == 0:
        return Check("erasures", OK, "nothing was purged or erased yet")
    written = storage.status(f"{lake.url}/forgotten.json")
    behind = []
    for name in ("scans", "cases", "vault"):
        url = lake.table_url(name)
        kept = versions(url)
        first = storage.status(log_entry(url, kept[0])) if kept else None
        # A table that was made since has nothing to forget.
        since = first is None or written is None or first.modified_ns > written.modified_ns
        if not since and (mark(lake, name, FORGOTTEN_MARK) or 0) < forgotten.number:
            behind.append(name)
    number = f"{len(forgotten.erased)} erased, {forgotten.number} purges and erasures in all"
    if behind:
        detail = f"the last one did not reach {', '.join(behind)}"
        return Check("erasures", BAD, detail, "run the same truyvet purge or erase again")
    return Check("erasures", OK, f"{number}; the last one is finished")
