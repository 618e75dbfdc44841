"""How `truyvet land` and `publish` work unless told otherwise; imports nothing that `--help` waits for."""

import math
from dataclasses import dataclass, field
from typing import Final

from pipelines.errors import UsageError
from pipelines.streaming.batches import BatchOptions

PULLS: Final = 4
LEASE_SECONDS: Final = 30

MOST_RECORDS: Final = 500
"""Most records in the array of a message."""

ENCODINGS: Final = ("json", "avro")
"""How `publish` packs scans."""

_MOST_DAYS = 36_500
_LEASE_MOST_SECONDS = 600  # of Pub/Sub


@dataclass(frozen=True)
class LandOptions:
    """How `land` works.

    Attributes:
        until_idle: end after this many seconds without a message; None never ends.
        batches: how what has landed is committed.
        pulls: calls to the broker under way at once.
        lease_seconds: how long the broker waits for an acknowledgement.
        metrics_port: port of the Prometheus endpoint; None serves none.
        json_lines: print the numbers as JSON lines.

    >>> LandOptions(batches=BatchOptions(lateness_days=-1)).check()
    Traceback (most recent call last):
    pipelines.errors.UsageError: --allowed-lateness-days must be a number from 0 to 36500: correct it
    """

    until_idle: float | None = None
    batches: BatchOptions = field(default_factory=BatchOptions)
    pulls: int = PULLS
    lease_seconds: int = LEASE_SECONDS
    metrics_port: int | None = None
    json_lines: bool = False

    def check(self) -> None:
        """Refuse values out of range.

        Raises:
            UsageError: naming the flag.
        """
        for flag, value, least, most in (
            ("--until-idle", self.until_idle, 0, math.inf),
            ("--batch-seconds", self.batches.batch_seconds, 0, math.inf),
            ("--allowed-lateness-days", self.batches.lateness_days, 0, _MOST_DAYS),
            ("--pulls", self.pulls, 1, 1_000),
            ("--lease-seconds", self.lease_seconds, 1, _LEASE_MOST_SECONDS),
        ):
            if value is not None and not least <= value <= most:  # also true for NaN
                bounds = f"from {least} to {most}" if most < math.inf else f"≥ {least}"
                raise UsageError(f"{flag} must be a number {bounds}", "correct it")
