"""Doctor: examine a lake, its keys, its ledger and the machine, and write nothing."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipelines.checkup import key_checks, place_checks, table_checks
from pipelines.checkup.check import Check, examine
from pipelines.errors import UsageError
from pipelines.lake import LakeLike, opened
from pipelines.lake.forgotten import RETENTION_DAYS
from pipelines.privacy.ledger import ledger_folder
from pipelines.terminal.options import keys_folder
from pipelines.times import EPOCH

_DAYS_AT_MOST: Final = 36_500


def doctor(
    lake: LakeLike,
    *,
    keys: str | Path | None = None,
    ledger: str | Path | None = None,
    days: int = RETENTION_DAYS,
    now_us: int | None = None,
) -> list[Check]:
    """Examine a lake; it is only read, and need not be readable as a whole.

    Example:
        >>> [(check.check, check.state) for check in doctor(lake)][1]
        ('keys', 'ok')

    Args:
        lake: the lake, or where it lies.
        keys: folder of its keys; None is `LAKE.keys`.
        ledger: folder of the ledger; None is that of this account.
        days: to be kept before the day of `now_us`, as `purge` has it.
        now_us: microseconds UTC; None is now.

    Returns:
        One row a check, always the same checks in the same order.

    Raises:
        UsageError: `days` is out of range.
        DataError: there is no lake, or it may not be looked into at all.
        ServiceError: its store cannot be reached.
    """
    if not 1 <= days <= _DAYS_AT_MOST:
        raise UsageError(
            f"--days must be an integer from 1 to {_DAYS_AT_MOST}", f"write --days {RETENTION_DAYS}"
        )
    where = opened(lake)
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    now = EPOCH + dt.timedelta(microseconds=now_us)
    folder = keys_folder(None if keys is None else str(keys), where.url)
    asked = ledger_folder(where.url, None if ledger is None else str(ledger))
    # Functions, so that one check that cannot be made does not stop the others.
    checks: dict[str, Callable[[], Check]] = {
        "rights": lambda: place_checks.rights(where, folder, asked),
        "keys": lambda: key_checks.keys(where, folder),
        "rotation": lambda: key_checks.rotation(folder),
        "authority key": lambda: key_checks.private_key(folder),
        "ledger": lambda: key_checks.ledger(asked),
        "lag": lambda: table_checks.lag(where),
        "landing": lambda: place_checks.landing(where),
        "retention": lambda: table_checks.retention(where, days, now_us),
        "erasures": lambda: table_checks.unfinished(where),
        "verify": lambda: key_checks.verified(where, now),
        "orphans": lambda: table_checks.orphans(where),
        "small files": lambda: table_checks.small(where),
        "log length": lambda: table_checks.log_length(where),
        "disk": lambda: place_checks.disk(where),
        "deleted objects": lambda: place_checks.bucket(where),
    }
    return [examine(name, look) for name, look in checks.items()]
