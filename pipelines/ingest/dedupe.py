"""Deduplicate scans: which are new, which repeat an accepted scan, which conflict with one.

The event key covers the UTC day and either scanner and event id or the content, so
rows to be compared carry the same key and lie in the same date.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.kernels.sort import order_by_key
from pipelines.kernels.types import Int64, UInt8, UInt64

NEW, DUPLICATE, CONFLICT, OUT_OF_RANGE = 0, 1, 2, 3
"""What `verdicts` returns; OUT_OF_RANGE is a scan refused by the time check only."""


@dataclass(frozen=True)
class Scans:
    """Columns of scans to be compared, all of one length.

    `row` orders the scans of a batch (input, row) and is -1 for scans that the lake
    already holds. `fault` is the reason code of the time check, or 0.
    """

    person: Int64
    venue: Int64
    occurred_us: Int64
    event_high: UInt64
    event_low: UInt64
    direction: UInt8
    zone: npt.NDArray[np.int32]
    row: Int64
    fault: UInt8


def verdicts(scans: Scans) -> UInt8:
    """Return a verdict for each row: NEW, DUPLICATE, CONFLICT or OUT_OF_RANGE.

    Among the rows of one event key, in the order of `row`, the first that passes the
    time check is accepted; a later one with the same content is a duplicate and any
    other a conflict. Rows that fail the time check before one is accepted stay
    refused for their time. Rows of the lake are accepted.
    """
    # Row + 1 unsigned: rows of the lake, -1, become 0 and come first among those of their event.
    order = order_by_key(scans.event_high.view(np.int64), scans.event_low, (scans.row + 1).view(np.uint64))
    return _verdicts(
        order,
        scans.person,
        scans.venue,
        scans.occurred_us,
        scans.event_high,
        scans.event_low,
        scans.direction,
        scans.zone,
        scans.fault,
    )


def judge_codes(key: Int64, content: Int64, row: Int64, fault: UInt8) -> UInt8:
    """Return verdicts of rows whose event and content are numbers.

    >>> new, repeat, other = np.array([5, 5, 5]), np.array([1, 1, 2]), np.array([0, 1, 2])
    >>> judge_codes(new, repeat, other, np.zeros(3, np.uint8)).tolist() == [NEW, DUPLICATE, CONFLICT]
    True

    Args:
        key: int64[n], equal for the rows of one event.
        content: int64[n], equal for equal content.
        row: int64[n], as in `Scans`.
        fault: uint8[n], as in `Scans`.
    """
    # The content stands in for the person; in all other columns rows are alike.
    blank = np.zeros(key.size, np.int64)
    small = np.zeros(key.size, np.uint8)
    return verdicts(
        Scans(
            person=content,
            venue=blank,
            occurred_us=blank,
            event_high=key.view(np.uint64),
            event_low=blank.view(np.uint64),
            direction=small,
            zone=blank.astype(np.int32),
            row=row,
            fault=fault,
        )
    )


@njit(cache=True, nogil=True)
def _verdicts(
    order: Int64,
    person: Int64,
    venue: Int64,
    occurred_us: Int64,
    high: UInt64,
    low: UInt64,
    direction: UInt8,
    zone: npt.NDArray[np.int32],
    fault: UInt8,
) -> UInt8:
    verdicts = np.empty(order.size, np.uint8)
    # Rows of one event are neighbours, in their order; `accepted` is the one that stands, -1 for none yet.
    accepted = -1
    for position in range(order.size):
        row = order[position]
        # The next event begins: nothing of it stands yet.
        if accepted >= 0 and (high[accepted] != high[row] or low[accepted] != low[row]):
            accepted = -1
        if accepted < 0:
            # A fault only refuses while nothing stands: later rows are compared with the accepted one.
            if fault[row] == 0:
                accepted = row
                verdicts[row] = NEW
            else:
                verdicts[row] = OUT_OF_RANGE
        # Without an event id the key is a hash of the content, so rows of one key are alike.
        elif (
            person[row] == person[accepted]
            and venue[row] == venue[accepted]
            and occurred_us[row] == occurred_us[accepted]
            and direction[row] == direction[accepted]
            and zone[row] == zone[accepted]
        ):
            verdicts[row] = DUPLICATE
        else:
            verdicts[row] = CONFLICT
    return verdicts
