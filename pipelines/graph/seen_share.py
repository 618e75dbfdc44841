"""The share of visits that the lake has seen, and how many contacts a list can have missed.

A pair of people is seen only if both scan, so a list that found some of the exposed stands for up to
`found / p²` of them, where p is the share of visits that are scanned (see `partner_pairs`).
"""

import math
from dataclasses import dataclass
from typing import Final

FEWEST_PAIRS: Final = 30
"""With fewer pairs the share is mostly chance, and it is not estimated."""

_Z: Final = 1.959963984540054  # of a two-sided interval of 95 %


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927).

    Example:
        >>> [round(end, 4) for end in wilson(0, 10)], [round(end, 4) for end in wilson(5, 10)]
        ([0.0, 0.2775], [0.2366, 0.7634])

    Args:
        count: from 0; more than `total` counts as all.
        total: above 0.
    """
    share = min(count, total) / total
    middle = share + _Z**2 / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    scale = 1 + _Z**2 / total
    low = (middle - half) / scale if count else 0.0  # rounding would leave a share above nothing
    return max(low, 0.0), min((middle + half) / scale, 1.0)


@dataclass(frozen=True)
class SeenShare:
    """How many of those who are known to have been there are in the lake.

    Example:
        >>> share = SeenShare(pairs=40, seen=20)
        >>> share.p, [round(end, 3) for end in (share.p_low, share.p_high)]
        (0.5, [0.352, 0.648])
        >>> round(share.list_high(10), 1), SeenShare(29, 29).p
        (80.7, None)

    Attributes:
        pairs: those known from elsewhere, such as from Bluetooth.
        seen: how many of them have a stay as well.
    """

    pairs: int = 0
    seen: int = 0

    @property
    def is_identifiable(self) -> bool:
        """Whether there are enough pairs for an estimate."""
        return self.pairs >= FEWEST_PAIRS

    @property
    def p(self) -> float | None:
        """The share seen; None where it is not identifiable."""
        return self.seen / self.pairs if self.is_identifiable else None

    @property
    def p_low(self) -> float | None:
        """The lower end of its 95 % interval (Wilson)."""
        return wilson(self.seen, self.pairs)[0] if self.is_identifiable else None

    @property
    def p_high(self) -> float | None:
        """The upper end of its 95 % interval (Wilson)."""
        return wilson(self.seen, self.pairs)[1] if self.is_identifiable else None

    def list_high(self, found: int) -> float | None:
        """How many people were exposed at most, if a list found that many: found / p_low².

        None where that is not identifiable: too few pairs, none of them seen, or nobody found. A list of
        nobody would stand for nobody by the formula, which is not what it means.
        """
        low = self.p_low
        # Squared, for a contact is seen only if both of the two scan.
        return found / low**2 if low and found else None
