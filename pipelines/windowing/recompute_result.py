"""What the commit of a recomputation reports to its launcher."""

from dataclasses import dataclass, field

from pipelines.runtime.job_result import JobResult


@dataclass(frozen=True, kw_only=True)
class RecomputeResult(JobResult):
    """The sums of all buckets' tallies, and the dates that were rewritten.

    Attributes:
        persons: people with a stay, now that their scans are paired again.
        added: stays added.
        removed: stays removed.
        cut_short: added stays that end at a scan elsewhere.
        doubtful: changed stays that a scan of an unread date could change; then nothing was committed.
        dates: day numbers of the dates that were rewritten, ascending.

    >>> RecomputeResult(added=2, dates=[18_800]).is_final, RecomputeResult(doubtful=1).is_final
    (True, False)
    """

    persons: int = 0
    added: int = 0
    removed: int = 0
    cut_short: int = 0
    doubtful: int = 0
    dates: list[int] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        """Whether the work stands; otherwise more dates are read and it is done again."""
        return super().is_final and not self.doubtful
