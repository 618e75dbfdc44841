"""Units, and what others let expect of them."""

import numpy as np
import pytest

from pipelines.anomalies.tested_units import of_worst_day, others_median, others_share, units_by
from tests.anomalies.drawn_scans import drawn, venues


def test_units_hold_their_scans_in_order_of_time():
    scans = drawn(
        [(9, 0, 3, "in", "guard", 77), (8, 0, 1, "in", "guard", 66), (9, 1, 2, "in", "guard", 66), (9, 1, 0)],
        venues(["shop", "school"]),
    )
    found = units_by(scans, "scanner")
    assert found.ids.tolist() == [66, 77]
    assert found.count.tolist() == [2, 1]
    assert scans.person[found.rows].tolist() == [8, 9, 9]
    persons = units_by(scans, "person")
    assert (persons.ids.tolist(), persons.count.tolist()) == ([8, 9], [1, 3])
    assert [scans.venues.types[kind] for kind in persons.kind] == ["shop", "school"]


def test_what_is_expected_is_the_share_of_the_others_of_the_type():
    share = others_share(np.array([10, 40, 0]), np.array([100, 50, 100]), np.array([0, 0, 1]))
    assert share.tolist() == [40 / 50, 10 / 100, 50 / 150]  # the only one of its type: all others


def test_where_others_have_too_little_nothing_is_expected():
    assert np.isnan(others_share(np.array([1, 2]), np.array([10, 19]), np.array([0, 0]))).tolist() == [
        True,
        True,
    ]


def test_a_median_of_others_leaves_out_the_unit_itself():
    values = np.random.default_rng(1).random(9)
    expected = [sorted(np.delete(values, one))[3] for one in range(9)]
    assert others_median(values).tolist() == expected
    assert np.isnan(others_median(np.array([0.5]))).all()


def test_the_worst_of_several_days_counts_for_as_many_tries():
    row, log_p = of_worst_day(np.arange(3), 3, np.array([0, 0, 2]), np.log([0.5, 0.01, 0.2]))
    assert row.tolist() == [1, -1, 2]
    assert np.exp(log_p).tolist() == pytest.approx([0.02, 1.0, 0.2])
