"""The names of all metrics: plain, distinct, and complete."""

import re

import pytest

from pipelines import metrics
from pipelines.ingest.reject_reasons import REASONS

TABLES = ("COUNTERS", "DISTRIBUTIONS", "LAND_COUNTERS", "LAND_GAUGES")


@pytest.mark.parametrize("table", TABLES)
def test_every_name_is_plain_and_has_a_line_that_explains_it(table):
    for name, text in getattr(metrics, table).items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert len(text) > 10


def test_counters_and_distributions_share_no_name():
    assert not metrics.COUNTERS.keys() & metrics.DISTRIBUTIONS.keys()
    assert not metrics.LAND_COUNTERS.keys() & metrics.LAND_GAUGES.keys()


def test_every_constant_is_in_a_table():
    constants = {value for name, value in vars(metrics).items() if name.isupper() and isinstance(value, str)}
    known = set().union(*(getattr(metrics, table) for table in TABLES))
    assert constants - known == {metrics.NAMESPACE, metrics.OLDER}


def test_every_reason_and_every_age_has_a_counter():
    reasons = {metrics.rejected_for(reason) for reason in REASONS if reason}
    assert {name for name in metrics.COUNTERS if name.startswith("rejected_")} == reasons
    ages = {metrics.accepted_at_age(age) for age in (*metrics.AGES, metrics.OLDER)}
    assert {name for name in metrics.COUNTERS if name.startswith("accepted_")} == ages
