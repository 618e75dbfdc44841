"""The score of a row, and that the README says the same of it as the module."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from pipelines.graph.tracing import score
from pipelines.graph.tracing.score import WEIGHTS, scores
from pipelines.times import DAY_US
from schemas.stay_rules import VENUE_TYPES

MINUTE = 60_000_000
UNTIL = 18_809 * DAY_US
README = Path(__file__).parents[3] / "README.md"
TEXTS = {"docstring": score.__doc__, "README": README.read_text(encoding="utf-8")}
FACTORS = {
    "dose": r"exp\(−minutes / ([\d.]+)\)",
    "indirect": r"minutes = direct \+ ([\d.]+) × indirect",
    "tier": r"([\d.]+) \^ \(tier − 1\)",
    "recency": r"([\d.]+) \^ \(days",
    "half_life": r"\(days [^)]*/ ([\d.]+)\)",
}
NAMED = {
    "entertainment": r"entertainment (\d[\d.]*)",
    "home": r"[Hh]omes?(?:, where most is passed on, have)? (\d[\d.]*)",
    "restaurant": r"restaurant (\d[\d.]*)",
    "shop": r"shops,?(?: supermarkets, bookshops)? and markets (\d[\d.]*)",
    "office": r"(?:others|every other type has) (\d[\d.]*)",
}


def numbers(text, patterns):
    """Return the number that each pattern finds in a text."""
    flat = " ".join(text.split())
    return {name: float(re.search(pattern, flat).group(1).rstrip(".")) for name, pattern in patterns.items()}


def scored(*, tier=1, direct=0.0, indirect=0.0, imputed=0.0, weight=1.0, days=0.0):
    """Return the score of one row; times in minutes."""
    lengths = (np.array([round(minutes * MINUTE)]) for minutes in (direct, indirect, imputed))
    exposed_us = np.array([UNTIL - round(days * DAY_US)])
    (value,) = scores(tier, *lengths, np.array([weight]), exposed_us, UNTIL)
    return float(value)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_formula_in_words_is_the_one_that_is_computed(text):
    assert "score = dose × venue weight × tier × recency" in " ".join(text.split())
    said = numbers(text, FACTORS)
    assert re.search(r"half of what is imputed counts|imputed share a half counts", text)
    for tier, direct, indirect, imputed, days in (
        (1, 60, 0, 0, 5),
        (3, 15, 20, 10, 2.5),
        (2, 240, 60, 300, 13),
    ):
        seen = 1 - 0.5 * imputed / (direct + indirect)
        minutes = (direct + said["indirect"] * indirect) * seen
        expected = 1 - math.exp(-minutes / said["dose"])
        expected *= said["tier"] ** (tier - 1) * said["recency"] ** (days / said["half_life"])
        found = scored(tier=tier, direct=direct, indirect=indirect, imputed=imputed, days=days)
        assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_weights_in_words_are_those_of_the_table(text):
    assert numbers(text, NAMED) == {name: WEIGHTS.get(name, 1.0) for name in NAMED}
    assert {WEIGHTS[name] for name in ("shop", "supermarket", "bookshop", "market")} == {WEIGHTS["shop"]}


def test_every_type_that_has_a_weight_is_a_type():
    assert set(WEIGHTS) <= set(VENUE_TYPES)


def test_an_hour_of_contact_five_days_ago_scores_half_of_one_today():
    assert scored(direct=60) == pytest.approx(1 - 1 / math.e)
    assert scored(direct=60, days=5) == pytest.approx(scored(direct=60) / 2)
    assert scored(direct=60, weight=3.0) == pytest.approx(3 * scored(direct=60))
    assert scored(direct=60, tier=2) == pytest.approx(scored(direct=60) / 5)


def test_more_contact_is_worth_more_and_imputed_or_indirect_contact_less():
    values = [scored(direct=minutes) for minutes in (0, 1, 15, 60, 600, 6000)]
    assert values == sorted(values)
    assert values[0] == 0
    assert scored(direct=60, imputed=60) == pytest.approx(scored(direct=30))
    assert scored(indirect=60) == pytest.approx(scored(direct=30))
    assert scored(direct=60, imputed=30) < scored(direct=60)


def test_no_amount_of_contact_scores_above_one():
    assert scored(direct=1e6) == pytest.approx(1.0)
