"""Poisson tails against sums of 60 digits, and q-values against their definition."""

from decimal import Decimal, localcontext
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.kernels.significance import binomial_tail, log_binomial_tail, log_poisson_tail, q_values


def tail(count, mean):
    return float(np.exp(log_poisson_tail(np.array([count]), np.array([mean], float)))[0])


def exact_log_tail(count, mean):
    """ln P(X ≥ count), summed term by term."""
    with localcontext() as context:
        context.prec = 60
        m = Decimal(mean)
        term = (-m).exp()
        for k in range(1, count + 1):
            term = term * m / k
        total, k = Decimal(0), count
        while term > total * Decimal("1e-40"):
            total += term
            k += 1
            term = term * m / k
        return float(total.ln())


@pytest.mark.parametrize(
    ("count", "mean", "expected"),
    [
        (0, 0.0, 1.0),
        (0, 7.0, 1.0),
        (1, 0.1, 0.09516258196404043),
        (3, 1.0, 0.08030139707139418),
        (5, 5.0, 0.5595067149347875),
        (10, 3.0, 0.0011024881301154815),
        (1, 100.0, 1.0),
    ],
)
def test_tails_known_from_tables(count, mean, expected):
    assert tail(count, mean) == pytest.approx(expected, rel=1e-12)


def test_what_cannot_be_has_no_chance():
    assert tail(1, 0.0) == 0.0


@given(count=st.integers(1, 400), mean=st.floats(1e-9, 300))
def test_every_tail_agrees_with_sixty_digits(count, mean):
    found = log_poisson_tail(np.array([count]), np.array([mean]))[0]
    assert found == pytest.approx(exact_log_tail(count, mean), rel=1e-10, abs=1e-13)


def test_tails_far_below_what_a_float_holds_keep_their_logarithm():
    assert log_poisson_tail(np.array([400]), np.array([0.5]))[0] == pytest.approx(exact_log_tail(400, 0.5))


def test_large_counts_near_their_mean_are_about_a_half():
    found = np.exp(log_poisson_tail(np.array([10_000, 10_001]), np.array([10_000.0, 10_000.0])))
    assert found == pytest.approx([0.5013298, 0.4973406], abs=1e-6)


def test_columns_are_answered_row_by_row_and_nothing_is_an_answer():
    count, mean = np.array([0, 3, 10, 1, 5]), np.array([2.0, 1.0, 3.0, 0.0, 50.0])
    assert log_poisson_tail(count, mean).tolist() == [
        log_poisson_tail(count[[row]], mean[[row]])[0] for row in range(5)
    ]
    assert log_poisson_tail(np.empty(0, np.int64), np.empty(0)).size == 0


def test_more_is_never_likelier():
    logs = log_poisson_tail(np.arange(200), np.full(200, 40.0))
    assert (np.diff(logs) < 0).all()


def test_q_values_of_the_textbook():
    p = np.array([0.205, 0.001, 0.041, 0.008, 0.039])
    assert q_values(p, 5).tolist() == pytest.approx([0.205, 0.005, 0.05125, 0.02, 0.05125])


def test_tests_that_are_not_listed_count():
    p = np.array([0.001, 0.02])
    full = np.concatenate([p, np.ones(98)])
    assert q_values(p, 100).tolist() == q_values(full, 100)[:2].tolist()


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 50), st.floats(0.01, 0.5))
def test_q_values_name_the_rows_that_the_step_up_procedure_rejects(p, others, level):
    p, tests = np.array(p), len(p) + others
    ranked = np.sort(p)
    passing = np.flatnonzero(ranked * tests <= level * np.arange(1, p.size + 1) * (1 - 1e-12))
    limit = ranked[passing[-1]] if passing.size else -1.0
    clear = np.abs(q_values(p, tests) - level) > 1e-9
    assert (((q_values(p, tests) <= level) == (p <= limit)) | ~clear).all()


@given(st.integers(0, 60), st.integers(0, 60), st.fractions(0, 1, max_denominator=997))
def test_every_binomial_tail_agrees_with_fractions(count, trials, share):
    exact = sum(comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(count, trials + 1))
    assert binomial_tail(count, trials, float(share)) == pytest.approx(float(exact), rel=1e-9, abs=1e-12)


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 50), st.floats(0, 1, allow_subnormal=False)), min_size=1
    )
)
def test_many_binomial_tails_at_once_are_those_of_one_each(cases):
    count, trials, share = (np.array(values) for values in zip(*cases, strict=True))
    found = np.exp(log_binomial_tail(count, trials, share.astype(float)))
    expected = [binomial_tail(*case) for case in cases]
    assert found == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)


def test_a_binomial_tail_far_below_the_smallest_float_keeps_its_logarithm():
    found = log_binomial_tail(np.array([2_000]), np.array([2_000]), np.array([0.25]))
    assert found.tolist() == pytest.approx([2_000 * np.log(0.25)])
