"""What became of the records of an input, and the one place where their conservation is checked."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.ingest.reject_reasons import REASONS


@dataclass(frozen=True)
class Counts:
    """Records of one input of a batch: received = accepted + duplicate + rejected.

    Each number is counted where it arises, so an input that loses a record, or
    counts one twice, breaks the law here.

    >>> Counts.of(received=4, accepted=2, duplicate=1, reasons=[("bad_time", 1)])
    Counts(received=4, accepted=2, duplicate=1, rejected=1, reasons={'bad_time': 1})

    Attributes:
        received: records read, refused ones included.
        accepted: records that are new to the lake.
        duplicate: repeats of an accepted record.
        rejected: records refused.
        reasons: refused records by reason, in the order of `REASONS`.
    """

    received: int
    accepted: int
    duplicate: int
    rejected: int
    reasons: dict[str, int]

    def __post_init__(self) -> None:
        known = self.accepted + self.duplicate + self.rejected
        assert self.received == known, f"received {self.received} records, accounted for {known}"

    @classmethod
    def of(cls, received: int, accepted: int, duplicate: int, reasons: Iterable[tuple[str, int]]) -> "Counts":
        """Add up refused records, which come in parts, by reason."""
        refused: dict[str, int] = {}
        for reason, count in reasons:
            refused[reason] = refused.get(reason, 0) + count
        in_order: dict[str, int] = {reason: refused[reason] for reason in REASONS if reason in refused}
        return cls(received, accepted, duplicate, sum(refused.values()), in_order)

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> "Counts":
        """Read what `report` has written."""
        return cls(**{name: report[name] for name in cls.__dataclass_fields__})

    def report(self) -> dict[str, Any]:
        """Return the counts as the JSON report of a run has them."""
        return asdict(self)
