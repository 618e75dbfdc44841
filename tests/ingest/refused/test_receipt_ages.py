"""Ages of scans at their receipt: a bound belongs to the younger class."""

import numpy as np
import pytest

from pipelines.ingest.refused.receipt_ages import ReceiptAges
from pipelines.times import SECOND_US

NOW_US = 1_700_000_000 * SECOND_US
HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("age_us", "expected"),
    [
        (-5 * SECOND_US, "1h"),
        (HOUR * SECOND_US, "1h"),
        (HOUR * SECOND_US + 1, "1d"),
        (DAY * SECOND_US, "1d"),
        (3 * DAY * SECOND_US, "3d"),
        (7 * DAY * SECOND_US, "7d"),
        (7 * DAY * SECOND_US + 1, "older"),
    ],
)
def test_each_scan_is_in_one_class(age_us, expected):
    counts = ReceiptAges(NOW_US).by_class(np.array([NOW_US - age_us]))
    assert {name: count for name, count in counts.items() if count} == {expected: 1}


def test_no_scans_are_in_no_class():
    assert set(ReceiptAges(NOW_US).by_class(np.empty(0, np.int64)).values()) == {0}


@pytest.mark.parametrize(("late_seconds", "late"), [(0, 2), (10, 1), (10.5, 1), (11, 0)])
def test_a_scan_is_late_beyond_the_allowed_lateness(late_seconds, late):
    occurred_us = NOW_US - np.array([0, 10, 11]) * SECOND_US
    assert ReceiptAges(NOW_US, late_seconds).late(occurred_us) == late
