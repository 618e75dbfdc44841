"""Purge: forget what is older than a lake is allowed to remember."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.ingest.validate.erased_persons import CASE_DATES, NEVER_US, latest_date
from pipelines.kernels.types import Bool
from pipelines.lake import Lake, LakeLike, LiveFile, opened, snapshot
from pipelines.lake.forgotten import RETENTION_DAYS, read_forgotten, write_forgotten
from pipelines.lake.writer_lock import writing_alone
from pipelines.privacy.ledger import Asker, Question, record
from pipelines.retention.forget import count, forget
from pipelines.retention.remove_rows import Removal
from pipelines.times import DAY_US, day_text
from pipelines.windowing.lake_stay_rules import check_stay_rules

DAYS: Final = RETENTION_DAYS
CASE_DAYS: Final = 60

_BY_DATE = ("scans", "encounters", "declarations", "links", "rejects", "retries")
_DAYS_AT_MOST = 36_500


@dataclass(frozen=True)
class Purged:
    """What a purge removed.

    >>> Purged(horizon_us=0, removed={"scans": 9}).removed["scans"]
    9

    Attributes:
        horizon_us: records before it are gone; microseconds UTC, the start of a day.
        removed: how many rows went, by table of what was received, and of the vault.
    """

    horizon_us: int
    removed: Mapping[str, int] = field(default_factory=dict)


def purge(
    lake: LakeLike,
    *,
    days: int = DAYS,
    case_days: int = CASE_DAYS,
    now_us: int | None = None,
    keys: str | Path | None = None,
    dry_run: bool = False,
    asker: Asker | None = None,
    runner: str = "direct",
) -> Purged:
    """Forget records from before the UTC day that lies a number of days ago.

    Args:
        lake: the lake, or where it lies.
        days: to be kept before the day of `now_us`.
        case_days: a case stays this much longer, by the latest of its dates.
        now_us: microseconds UTC; None is now.
        keys: folder of the keys, to be compared with the lake's own; None needs none.
        dry_run: only count; the vault is left out.
        asker: who asks and why, for the ledger; None is the account of the operating system.
        runner: the name of the Beam runner.

    Raises:
        UsageError: a number of days is out of range, or `now_us` lies in the future.
        RefusedError: the lake is being written, it was made with other durations of stays, or the ledger
            cannot be written.
        DataError: there is no lake, or a file is damaged.
        ServiceError: the lake cannot be written.
    """
    horizon_us = _horizon_us(days, case_days, now_us)
    where = opened(lake, keys)
    check_stay_rules(where)
    said = {"days": days, "case_days": case_days, "dry_run": dry_run}
    said |= {} if now_us is None else {"now_us": now_us}
    # A dry run is a question too and gets its line.
    record(where.url, Question("purge", (), None, snapshot(where, "scans").version, said), asker)
    if dry_run:
        cases_us = horizon_us - case_days * DAY_US
        return Purged(horizon_us, count(where, _removals(horizon_us, cases_us)))
    with writing_alone(where):
        return _purge(where, horizon_us, horizon_us - case_days * DAY_US, runner)


def _purge(lake: Lake, horizon_us: int, cases_us: int, runner: str) -> Purged:
    """Write the horizon down and act on it; an earlier purge that was killed is finished too."""
    # Read under the lock. A horizon never moves back, even with more `--days` than before.
    held = read_forgotten(lake)
    forgotten = held.purge(horizon_us, cases_us)
    if forgotten != held:
        write_forgotten(lake, forgotten)
    removals = _removals(forgotten.horizon_us, forgotten.cases_us)
    return Purged(forgotten.horizon_us, forget(lake, forgotten.number, removals, runner))


def _horizon_us(days: int, case_days: int, now_us: int | None) -> int:
    """Return the start of the day before which records go.

    Raises:
        UsageError: a number is out of range, or `now_us` lies in the future.
    """
    for flag, number, least, usual in (("--days", days, 1, DAYS), ("--case-days", case_days, 0, CASE_DAYS)):
        if not least <= number <= _DAYS_AT_MOST:
            raise UsageError(
                f"{flag} must be an integer from {least} to {_DAYS_AT_MOST}", f"write {flag} {usual}"
            )
    real_us = time.time_ns() // 1000
    if now_us is not None and now_us > real_us:
        raise UsageError("--now lies in the future", "leave it out to count from now")
    # Whole UTC days, so that partitions go as a whole and none is rewritten.
    return ((real_us if now_us is None else now_us) // DAY_US - days) * DAY_US


def _removals(horizon_us: int, cases_us: int) -> dict[str, Removal]:
    horizon = day_text(horizon_us // DAY_US)

    def is_before(file: LiveFile) -> bool:
        return file.partition["date"] < horizon  # ISO dates compare as text

    def is_old(rows: pa.Table) -> Bool:
        latest_us = latest_date({name: rows[name] for name in CASE_DATES})
        old: Bool = (latest_us < cases_us) & (latest_us > NEVER_US)  # cases without dates never expire
        return old

    removals = {name: Removal(is_before) for name in _BY_DATE}
    return removals | {"cases": Removal(lambda _file: True, is_old)}
