"""Round counts to a base, and say which counts a rounded one may stand for."""

from pipelines.disclosure.linked_cells import Counts


def rounded(counts: Counts, base: int) -> Counts:
    """Round to the nearest multiple of a base, halves up.

    Example:
        >>> import numpy as np
        >>> rounded(np.array([0, 11, 12, 13, 17]), 5).tolist()
        [0, 10, 10, 15, 15]
    """
    return (counts + base // 2) // base * base


def least_of(shown: int, base: int, k: int) -> int:
    """The least count that is shown like this, knowing that those from 1 to k - 1 are hidden.

    Example:
        >>> least_of(10, 5, 11), least_of(15, 5, 11), least_of(0, 5, 11)
        (11, 13, 0)
    """
    # base // 2 below rounds up to it (halves go up), but nothing below k is shown at all.
    return max(shown - base // 2, k) if shown else 0


def greatest_of(shown: int, base: int, k: int) -> int:
    """The greatest count that is shown like this; a 0 is 0 unless `k` is below half the base.

    Example:
        >>> greatest_of(15, 5, 11), greatest_of(0, 5, 11), greatest_of(0, 5, 1)
        (17, 0, 2)
    """
    # (base - 1) // 2 above still rounds down to it.
    above = (base - 1) // 2
    return shown + above if shown or above >= k else 0
