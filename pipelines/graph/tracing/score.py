"""The rank of an exposed person: whom a tracer calls first.

    score = dose × venue weight × tier × recency

    dose          1 − exp(−minutes / 60): how much contact, levelling off beyond some hours.
                  minutes = direct + 0.5 × indirect; of their imputed share a half counts.
    venue weight  the mean of the weights of the venues of the contact, 1 for encounters alone.
    tier          0.2 ^ (tier − 1): each hop is infected with a fifth of the chance of the one before.
    recency       0.5 ^ (days from `exposed_at` to `until` / 5): an exposure five days ago weighs half,
                  since a call can only prevent what lies ahead of it.

A symptomatic contact, who declared a symptom within 21 days of `exposed_at`,
has twice that score.

The weights of venues follow the warnings of luca in October 2021 (49 % from
clubs, 23 % from bars, 11 % from restaurants, 1 % from retail): entertainment
3, restaurant 1.5, shops, supermarkets, bookshops and markets 0.5. Homes, where
most is passed on, have 2; every other type has 1. The factors are a choice
that ranks calls; a score is not a probability.
"""

import numpy as np

from pipelines.kernels.types import Bool, Float64, Int64
from pipelines.times import DAY_US, MINUTE_US

WEIGHTS = {
    "entertainment": 3.0,
    "home": 2.0,
    "restaurant": 1.5,
    "shop": 0.5,
    "supermarket": 0.5,
    "bookshop": 0.5,
    "market": 0.5,
}
"""The weight of each type of venue; every other type has 1."""

_DOSE_MINUTES = 60.0
_INDIRECT_SHARE = 0.5
_IMPUTED_SHARE = 0.5
_TIER_SHARE = 0.2
_HALF_LIFE_DAYS = 5.0
_SYMPTOMATIC_FACTOR = 2.0


def scores(
    tier: int,
    direct_us: Int64,
    indirect_us: Int64,
    imputed_us: Int64,
    venue_weight: Float64,
    exposed_us: Int64,
    until_us: int,
    symptomatic: Bool | None = None,
) -> Float64:
    """Return the score of each row, by the formula above.

    Example:
        >>> hour, none = np.array([3_600_000_000]), np.zeros(1, np.int64)
        >>> scores(1, hour, none, none, np.ones(1), none, 0).round(3).tolist()
        [0.632]

    Args:
        tier: of all rows; 1 is F1.
        direct_us: int64[n], microseconds of direct contact.
        indirect_us: int64[n], of indirect contact.
        imputed_us: int64[n], the imputed part of both.
        venue_weight: float64[n], the mean weight of the venues.
        exposed_us: int64[n], when the exposure began, microseconds UTC.
        until_us: the instant that recency is measured from.
        symptomatic: bool[n], who declared a symptom since; None is nobody.
    """
    together_us = direct_us + indirect_us
    # At least 1 µs, against a division by zero: of no contact nothing is imputed.
    seen = 1.0 - (1.0 - _IMPUTED_SHARE) * imputed_us / np.maximum(together_us, 1)
    minutes = (direct_us + _INDIRECT_SHARE * indirect_us) * seen / MINUTE_US
    days = (until_us - exposed_us) / DAY_US
    result: Float64 = (
        # 1 − exp(−x) without the loss of digits that the difference has for short contacts.
        -np.expm1(-minutes / _DOSE_MINUTES)
        * venue_weight
        * _TIER_SHARE ** (tier - 1)
        * 0.5 ** (days / _HALF_LIFE_DAYS)
    )
    return result if symptomatic is None else result * np.where(symptomatic, _SYMPTOMATIC_FACTOR, 1.0)
