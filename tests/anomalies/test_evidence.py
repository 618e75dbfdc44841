"""Which tests a kind of unit has."""

import numpy as np
import pytest

from pipelines.anomalies.evidence import Evidence, flag_tests, significant_units
from pipelines.anomalies.flag_definitions import FLAGS, FLAGS_BY
from pipelines.anomalies.tested_units import BY, FlagTest
from tests.anomalies.drawn_scans import drawn

NO_PEAKS = np.empty(0, np.int64), np.empty(0, np.int64)


@pytest.mark.parametrize("by", BY)
def test_each_flag_of_a_kind_is_tested_once(clean, by):
    found = flag_tests(Evidence(drawn(*clean), lambda: NO_PEAKS), by)
    assert sorted(test.flag for test in found) == sorted(FLAGS_BY[by])


def test_all_eleven_flags_are_tested_of_some_kind():
    assert {flag for flags in FLAGS_BY.values() for flag in flags} == set(FLAGS)
    assert len(FLAGS) == 11


def test_a_clean_town_has_no_flag_of_persons(clean):
    evidence = Evidence(drawn(*clean), lambda: NO_PEAKS)
    assert [significant_units(test).tolist() for test in flag_tests(evidence, "person")] == [[], [], []]


def test_significant_are_the_q_values_up_to_five_percent():
    p = np.array([0.01, 0.03, 0.04, 0.9])
    test = FlagTest("burst", np.array([5, 6, 7, 8]), p, p, np.log(p))
    assert significant_units(test).tolist() == [5]  # 0.04, 0.06, 0.053, 0.9
