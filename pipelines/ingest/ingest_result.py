"""What the commit of a batch reports to its launcher."""

from dataclasses import dataclass, field
from typing import Any

from pipelines.ingest.counts import Counts
from pipelines.runtime.job_result import JobResult


@dataclass(frozen=True, kw_only=True)
class IngestResult(JobResult):
    """The counts of a batch; of scans received = accepted + duplicate + rejected.

    Attributes:
        received: scans read, refused ones included.
        accepted: scans new to the lake.
        duplicate: repeats of an accepted scan.
        rejected: scans refused.
        unregistered: accepted scans of a venue that is not registered, or had closed.
        late: accepted scans beyond the allowed lateness.
        reasons: refused scans by reason.
        ages: accepted scans by their age at receipt, a name of `metrics.AGES` or `metrics.OLDER`.
        others: the same counts of each other input that was given.
        scans_version: a version of `scans` that holds the batch; -1 after a conflict.
        findings: by input of scans and inputs kept by date, what `input_findings.step_findings` gathered.
        landed: after a conflict, inputs by date whose tables hold the batch all the same.

    >>> IngestResult(received=3, accepted=2, duplicate=1, scans_version=7).is_final
    True
    """

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unregistered: int = 0
    late: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    scans_version: int = -1
    landed: list[str] = field(default_factory=list)

    def counts(self) -> Counts:
        """Return the counts of scans; a result that breaks the law of `Counts` fails."""
        return Counts(self.received, self.accepted, self.duplicate, self.rejected, self.reasons)
