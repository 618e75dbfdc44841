"""Checks of the tables: what is behind, what nobody needs, and what makes answers slow."""

import time
from collections.abc import Iterator
from typing import Final

from pipelines.checkup.check import BAD, OK, WARN, Check
from pipelines.checkup.said import Age, Count, Said, Size, joined
from pipelines.lake import NO_TABLE, Lake, Snapshot, mark, snapshot, storage
from pipelines.lake.checkpoints import CHECKPOINT_EVERY
from pipelines.lake.forgotten import FORGOTTEN_MARK, read_forgotten
from pipelines.lake.log import checkpoints, log_entry, versions
from pipelines.lake.log_cut import KEEP_LOG_SECONDS, LONG_LOG
from pipelines.maintenance.compact import ROWS_A_FILE, SOURCES, small_files
from pipelines.maintenance.vacuum import unneeded
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
    behind: list[Said] = []
    leading: list[Said] = []
    for name, table in newest.items():
        for source in SOURCES:
            reflected = _reflected(name, table, source, newest)
            if reflected is not None and reflected != newest[source].version:
                pair = Said("{table} to {source}", table=name, source=source)
                (behind if reflected < newest[source].version else leading).append(pair)
    # Leading means damage, such as a source restored from an old backup; lag goes away with the next run.
    if leading:
        detail = Said("later versions are reflected than there are: {pairs}", pairs=joined(leading, ", "))
        return Check("lag", BAD, detail, "restore the lake from one backup, then run truyvet verify")
    if behind:
        detail = Said("behind: {pairs}", pairs=joined(behind, ", "))
        return Check("lag", WARN, detail, "run truyvet recompute")
    if newest["scans"].version == NO_TABLE:
        return Check("lag", OK, "there are no scans yet")
    version = newest["scans"].version
    return Check("lag", OK, Said("everything reflects scans version {version}", version=version))


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
    size = Size(sum(file.size for file in found))
    detail = Said("{files} of {size} that no version needs", files=Count(len(found), "file"), size=size)
    return Check("orphans", WARN, detail, "run truyvet compact")


def small(lake: Lake) -> Check:
    """Check for partitions of many small files, which are slow to ask."""
    joined = {name: list(small_files(snapshot(lake, name).files, ROWS_A_FILE)) for name in ALL_TABLES}
    names = [name for name, groups in joined.items() if any(len(group) > _SMALL_FILES for group in groups)]
    number = sum(len(group) for groups in joined.values() for group in groups)
    files = Count(number, "file")
    if names:
        detail = Said(
            "{files} could be joined, most of them in {tables}", files=files, tables=", ".join(names)
        )
        return Check("small files", WARN, detail, "run truyvet compact")
    detail = Said("{files} could be joined", files=files)
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
        # Twice the interval: a single checkpoint may have failed, which harms nobody.
        if behind > 2 * CHECKPOINT_EVERY:
            wrong.append(Said("{table} has no checkpoint for {entries} entries", table=name, entries=behind))
        elif len(kept) > LONG_LOG and _age(log_entry(url, kept[0])) > 2 * KEEP_LOG_SECONDS:
            age = Age(_age(log_entry(url, kept[0])))
            wrong.append(Said("{table} was not cut for {age}", table=name, age=age))
    if wrong:
        said = joined(wrong, "; ")
        return Check("log length", WARN, said, "run truyvet compact, and check that it may write")
    if not lengths:
        return Check("log length", OK, "no table has a log yet")
    longest = max(lengths, key=lambda name: lengths[name])
    detail = Said(
        "the longest is that of {table}, {entries} entries", table=longest, entries=lengths[longest]
    )
    return Check("log length", OK, detail)


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
    purged: str = "never purged"
    if forgotten.forgets_before:
        horizon = day_text(forgotten.horizon_us // DAY_US)
        purged = Said("purged up to {day}", day=horizon)
        early = [name for name, date in oldest.items() if date < horizon]  # ISO dates compare as text
        if early:
            detail = Said(
                "{purged}, and {tables} still hold older days: a purge was interrupted",
                purged=purged, tables=", ".join(early),
            )  # fmt: skip
            return Check("retention", BAD, detail, "run truyvet purge again")
    due = now_us // DAY_US - days
    late = {name: date for name, date in oldest.items() if date < day_text(due - _OVERDUE_DAYS)}
    if late:
        detail = Said(
            "{tables} go back to {first}, before {day}; {purged}",
            tables=", ".join(late), first=min(late.values()), day=day_text(due), purged=purged,
        )  # fmt: skip
        return Check("retention", WARN, detail, Said("run truyvet purge --days {days}", days=days))
    if not oldest:
        return Check("retention", OK, "nothing was received yet")
    detail = Said("no day before {day}; {purged}", day=day_text(due - _OVERDUE_DAYS), purged=purged)
    return Check("retention", OK, detail)


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
    if behind:
        detail = Said("the last one did not reach {tables}", tables=", ".join(behind))
        return Check("erasures", BAD, detail, "run the same truyvet purge or erase again")
    detail = Said(
        "{erased} erased, {number} purges and erasures in all; the last one is finished",
        erased=len(forgotten.erased), number=forgotten.number,
    )  # fmt: skip
    return Check("erasures", OK, detail)
