"""What passes between receiving and committing: the committer's settings and the counts of a batch."""

from dataclasses import dataclass, field
from typing import Final

from pipelines.privacy.keys import Keys

AGES: Final = {"1h": 3_600, "1d": 86_400, "3d": 259_200, "7d": 604_800}
"""Ages of scans at their receipt that are told apart: up to so many seconds."""

OLDER: Final = "older"


@dataclass(frozen=True)
class Work:
    """What the child is told at its start.

    Attributes:
        lake: its folder.
        keys: of the lake; another process reads them again from their folder.
        max_age_days: scans that are older are refused; None is the bound of `truyvet run`.
        max_ahead_days: scans that are further ahead are refused; None likewise.
        batch_seconds: a batch begins no sooner than so long after the one before.
        lateness_days: scans older than this at their receipt count as late.
    """

    lake: str
    keys: Keys
    max_age_days: float | None
    max_ahead_days: float | None
    batch_seconds: float
    lateness_days: float


@dataclass(frozen=True)
class Landed:
    """What a batch brought: the counts of `pipelines.ingest.batch.run_chunks`, and more.

    Attributes:
        ages: accepted scans by a name of `AGES` or `OLDER`.
        late: accepted scans beyond the allowed lateness.
        seconds: that the batch took.
        segments: that it took in.
    """

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unregistered: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    late: int = 0
    scans_version: int = -1
    stays_version: int = -1
    seconds: float = 0.0
    segments: int = 0
