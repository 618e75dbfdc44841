"""How old accepted scans are when they are received."""

from dataclasses import dataclass

import numpy as np

from pipelines.kernels.types import Int64
from pipelines.metrics import AGES, LATE_SECONDS, OLDER
from pipelines.times import SECOND_US


@dataclass(frozen=True)
class ReceiptAges:
    """Counts scans by their age at an instant.

    Attributes:
        now_us: the instant that ages are measured from, UTC microseconds.
        late_seconds: the allowed lateness.

    >>> ages = ReceiptAges(now_us=100_000 * SECOND_US)
    >>> ages.by_class(np.array([99_000, 96_400, 96_399]) * SECOND_US)
    {'1h': 2, '1d': 1, '3d': 0, '7d': 0, 'older': 0}
    """

    now_us: int
    late_seconds: float = LATE_SECONDS

    def by_class(self, occurred_us: Int64) -> dict[str, int]:
        """Return the number of scans in each class of age, all classes in their order."""
        # A pass per bound takes a quarter of the time of a search for each scan.
        older = [self._older_than(seconds, occurred_us) for seconds in AGES.values()]
        counts = [more - fewer for more, fewer in zip([occurred_us.size, *older], [*older, 0], strict=True)]
        return dict(zip((*AGES, OLDER), counts, strict=True))

    def late(self, occurred_us: Int64) -> int:
        """Return the number of scans beyond the allowed lateness."""
        return self._older_than(self.late_seconds, occurred_us)

    def _older_than(self, seconds: float, occurred_us: Int64) -> int:
        return int(np.count_nonzero(occurred_us < self.now_us - round(seconds * SECOND_US)))
