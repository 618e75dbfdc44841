"""What the receiving and the committing process of `truyvet land` tell each other.

The receiving process does not import Beam, and neither does this module.
"""

from dataclasses import dataclass, field
from typing import Final

from pipelines.ingest.ingest_result import IngestResult
from pipelines.metrics import LATE_SECONDS
from pipelines.privacy.keys import Keys

LATENESS_DAYS: Final = LATE_SECONDS / 86_400
"""A scan older than this at its receipt is late, unless a flag says otherwise."""


@dataclass(frozen=True)
class BatchOptions:
    """How landed messages are committed.

    Attributes:
        max_age_days: refuse scans that are older; None is the bound of `truyvet run`.
        max_ahead_days: refuse scans further in the future; None is the bound of `truyvet run`.
        batch_seconds: least time between the starts of two batches.
        lateness_days: scans older than this at their receipt count as late.

    >>> BatchOptions(batch_seconds=30).lateness_seconds
    259200.0
    """

    max_age_days: float | None = None
    max_ahead_days: float | None = None
    batch_seconds: float = 0.0
    lateness_days: float = LATENESS_DAYS

    @property
    def lateness_seconds(self) -> float:
        """The allowed lateness in seconds."""
        return self.lateness_days * 86_400


@dataclass(frozen=True)
class CommitterConfig:
    """What a committer is told at its start.

    Attributes:
        lake: its URL or folder.
        keys: of the lake. They are pickled as the path of their folder, so they never leave the machine.
        options: how to commit.
    """

    lake: str
    keys: Keys
    options: BatchOptions = field(default_factory=BatchOptions)


@dataclass(frozen=True, kw_only=True)
class Landed(IngestResult):
    """What a batch of segments brought into the lake.

    Attributes:
        stays_version: the version of `scans` that `stays` reflects afterwards.
        seconds: duration of the batch.
        segments: how many it took.

    >>> Landed(accepted=2, duplicate=1, received=3, segments=1).accepted
    2
    """

    stays_version: int = -1
    seconds: float = 0.0
    segments: int = 0
