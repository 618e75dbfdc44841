"""The significance of counts: Poisson and binomial tails, and Benjamini-Hochberg q-values over many of them.

Pure array functions; SciPy is not needed.
"""

import math

import numpy as np

from pipelines.kernels.types import Float64, Int64

FALSE_DISCOVERY_RATE = 0.05
"""The q-value up to which a test is called significant, unless the question says another."""

_NEGLIGIBLE = 1e-17  # of a sum: adding it changes nothing


def log_poisson_tail(count: Int64, mean: Float64) -> Float64:
    """Compute the natural logarithm of P(X ≥ count), where X is Poisson with the given mean.

    Above the mean the tail is summed upwards from its first term, which is the largest: P = pmf(k) (1 +
    m/(k+1) + m²/((k+1)(k+2)) + …), so that a tail of 1e-300 is as exact as one of 0.1. Below it the
    complement is summed in the same way. (It is the regularised incomplete gamma function P(k, m): DLMF
    8.7.1 and 8.4.10.)

    Example:
        >>> np.exp(log_poisson_tail(np.array([0, 1, 3]), np.array([1.0, 1.0, 1.0]))).round(6).tolist()
        [1.0, 0.632121, 0.080301]

    Args:
        count: int64[n], from 0.
        mean: float64[n], from 0 and finite.

    Returns:
        float64[n], at most 0; -inf where something was counted although the mean is 0.
    """
    result = np.zeros(count.size)
    positive = count > 0
    result[positive & (mean <= 0)] = -np.inf
    # The rest, a count of 0, keeps ln 1 = 0.
    above = positive & (mean > 0) & (count > mean)
    below = positive & (count <= mean)
    if above.any():
        k, m = count[above], mean[above]
        result[above] = _log_pmf(k, m) + np.log(_series(m, k, 1))
    if below.any():
        # P(X ≥ k) = 1 - P(X ≤ k - 1), summed downwards; `log1p` keeps the digits of a small complement.
        k, m = count[below] - 1, mean[below]
        result[below] = np.log1p(-np.exp(_log_pmf(k, m)) * _series(m, k, -1))
    # Rounding may leave a probability just above 1.
    return np.minimum(result, 0.0)


def binomial_tail(count: int, trials: int, share: float) -> float:
    """P(X ≥ count), where X is the number of successes among `trials` of probability `share`.

    The smaller side of the mean is summed from its largest term, as in `log_poisson_tail`.

    Example:
        >>> binomial_tail(2, 2, 0.5), round(binomial_tail(1, 3, 0.5), 3)
        (0.25, 0.875)

    Args:
        count: from 0.
        trials: from 0.
        share: from 0 to 1.
    """
    # P is 1 or 0; the series below needs a count from 1 to `trials`.
    if count <= 0 or count > trials:
        return float(count <= 0)
    if share <= 0.0 or share >= 1.0:
        return float(share >= 1.0)
    # Neighbouring terms of the pmf differ by (n - i) / (i + 1) × odds: no factorial but the first.
    odds = share / (1.0 - share)
    upwards = count > trials * share
    first = count if upwards else count - 1
    term = total = 1.0
    at = first
    while term > _NEGLIGIBLE * total and (at < trials if upwards else at > 0):
        term *= (trials - at) / (at + 1) * odds if upwards else at / ((trials - at + 1) * odds)
        total += term
        at += 1 if upwards else -1
    log_choose = math.lgamma(trials + 1) - math.lgamma(first + 1) - math.lgamma(trials - first + 1)
    log_pmf = log_choose + first * math.log(share) + (trials - first) * math.log1p(-share)
    part = min(math.exp(log_pmf) * total, 1.0)
    return part if upwards else 1.0 - part


def log_binomial_tail(count: Int64, trials: Int64, share: Float64) -> Float64:
    """Compute the natural logarithm of P(X ≥ count), X the successes among `trials` of probability `share`.

    As `binomial_tail`, for many tests at once and for tails far below the smallest float.

    Example:
        >>> np.exp(log_binomial_tail(np.array([2, 1]), np.array([2, 3]), np.array([0.5, 0.5]))).tolist()
        [0.25, 0.875]

    Args:
        count: int64[n].
        trials: int64[n], from 0.
        share: float64[n], from 0 to 1.

    Returns:
        float64[n], at most 0; -inf where the count is impossible.
    """
    # Rows that no case below names keep ln 1 = 0: a count of 0, or a share of 1 with a possible count.
    result = np.zeros(count.size)
    result[(count > trials) | ((count > 0) & (share <= 0.0))] = -np.inf
    inside = (count > 0) & (count <= trials) & (share > 0.0) & (share < 1.0)
    upwards = inside & (count > trials * share)
    downwards = inside & ~upwards
    if upwards.any():
        k, n, s = count[upwards], trials[upwards], share[upwards]
        result[upwards] = _log_binomial_pmf(k, n, s) + np.log(_binomial_series(k, n, s, 1))
    if downwards.any():
        k, n, s = count[downwards] - 1, trials[downwards], share[downwards]
        part = np.exp(_log_binomial_pmf(k, n, s)) * _binomial_series(k, n, s, -1)
        # Rounding must not turn the complement into 1, whose log1p is -inf.
        result[downwards] = np.log1p(-np.minimum(part, 1.0 - 1e-16))
    return np.minimum(result, 0.0)


def q_values(p: Float64, tests: int) -> Float64:
    """Compute the Benjamini-Hochberg q-value of each test.

    Among the tests with q ≤ α the expected share of false discoveries is at most α, if the tests are
    independent or positively dependent (Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001).

    Example:
        >>> q_values(np.array([0.01, 0.04]), tests=4).tolist()
        [0.04, 0.08]

    Args:
        p: float64[n], the p-values below 1.
        tests: the number of all tests; those that are not in `p` had p = 1.
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * tests / np.arange(1, p.size + 1)
    # Step-up: a test's q is the least of the scaled values at its rank and above, so q ascends with p.
    q = np.empty(p.size)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def _log_pmf(count: Int64, mean: Float64) -> Float64:
    """Compute ln P(X = count), for means above 0."""
    logs: Float64 = count * np.log(mean) - mean - _log_factorial(count)
    return logs


def _log_binomial_pmf(count: Int64, trials: Int64, share: Float64) -> Float64:
    """Compute ln P(X = count), for shares strictly between 0 and 1."""
    choices = _log_factorial(trials) - _log_factorial(count) - _log_factorial(trials - count)
    logs: Float64 = choices + count * np.log(share) + (trials - count) * np.log1p(-share)
    return logs


def _log_factorial(count: Int64) -> Float64:
    """Compute ln(count!) once for each distinct count."""
    # NumPy has no lgamma; counts repeat, so few calls of the scalar one are made.
    distinct, which = np.unique(count, return_inverse=True)
    logs: Float64 = np.array([math.lgamma(value + 1.0) for value in distinct.tolist()], np.float64)[which]
    return logs


def _series(mean: Float64, count: Int64, step: int) -> Float64:
    """Sum the pmf from `count` on, upwards (1) or down to 0 (-1), as a multiple of pmf(count).

    Each term is smaller than the one before. Rows whose terms have become negligible are dropped.
    """
    # `total` is by row; `open_rows`, `term` and `at` shrink together to the rows still summed. Down to 0 a
    # term becomes 0 by itself (at = 0), so every row ends.
    total = np.ones(count.size)
    open_rows = np.arange(count.size)
    term = np.ones(count.size)
    at = count.astype(np.float64)
    while open_rows.size:
        m, at = mean[open_rows], at + max(step, 0)
        term = term * (m / at if step > 0 else at / m)
        at = at + min(step, 0)
        total[open_rows] += term
        lasting = term > _NEGLIGIBLE * total[open_rows]
        open_rows, term, at = open_rows[lasting], term[lasting], at[lasting]
    return total


def _binomial_series(count: Int64, trials: Int64, share: Float64, step: int) -> Float64:
    """Sum the pmf from `count` on as `_series` does; a share lies strictly between 0 and 1."""
    # Ends at `trials` upwards and at 0 downwards, where the factor and so the term is 0.
    total, term = np.ones(count.size), np.ones(count.size)
    open_rows = np.arange(count.size)
    at, odds = count.astype(np.float64), share / (1.0 - share)
    while open_rows.size:
        n, o = trials[open_rows], odds[open_rows]
        term = term * ((n - at) / (at + 1) * o if step > 0 else at / ((n - at + 1) * o))
        at = at + step
        total[open_rows] += term
        lasting = term > _NEGLIGIBLE * total[open_rows]
        open_rows, term, at = open_rows[lasting], term[lasting], at[lasting]
    return total
