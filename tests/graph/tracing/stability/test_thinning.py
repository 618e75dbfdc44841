"""Draws are the hash that the data dictionary writes down, and nothing else."""

import hashlib
import random

import numpy as np
import pytest

from pipelines.graph.tracing.stability.thinning import UNITS, kept, keys_of, keys_of_events, masks_of


def keeps(unit, draw, key, share=0.9):
    """The same with the standard library; exact fractions are not needed for random numbers."""
    message = (0).to_bytes(8, "big") + unit.encode("ascii") + draw.to_bytes(8, "big") + key
    return int.from_bytes(hashlib.sha256(message).digest()[:8], "big") < share * 2**64


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("draw", [0, 1, 19, 300])
def test_a_draw_is_the_hash_of_seed_unit_number_and_key(unit, draw):
    chosen = random.Random(draw)
    numbers = [chosen.randrange(-(2**63), 2**63) for _ in range(500)]
    keys = [number.to_bytes(8, "big", signed=True) for number in numbers]
    expected = [keeps(unit, draw, key) for key in keys]
    assert kept(unit, draw, keys_of(np.array(numbers, np.int64))).tolist() == expected
    assert 0.85 < sum(expected) / 500 < 0.95


def test_event_keys_are_sixteen_bytes():
    high, low = np.array([1, 2**64 - 1], np.uint64), np.array([7, 2**63], np.uint64)
    keys = [
        int(one).to_bytes(8, "big") + int(other).to_bytes(8, "big")
        for one, other in zip(high, low, strict=True)
    ]
    assert [bytes(key) for key in keys_of_events(high, low)] == keys
    assert kept("scans", 5, keys_of_events(high, low)).tolist() == [keeps("scans", 5, key) for key in keys]


def test_draws_are_nested_and_all_and_nothing_can_be_kept():
    keys = keys_of(np.arange(2_000))
    fewer, more = (kept("visits", 4, keys, share) for share in ((8, 10), (9, 10)))
    assert not (fewer & ~more).any()
    assert fewer.sum() < more.sum()
    assert kept("visits", 4, keys, (1, 1)).all()
    assert not kept("visits", 4, keys, (0, 1)).any()
    assert kept("visits", 4, keys_of(np.empty(0, np.int64))).size == 0


def test_a_mask_has_a_bit_for_each_draw_that_is_wanted():
    keys = keys_of(np.arange(300))
    mask = masks_of("visits", range(5, 69), keys)
    for bit in (0, 1, 63):
        is_set = (mask >> np.uint64(bit)) & np.uint64(1) == 1
        assert is_set.tolist() == kept("visits", 5 + bit, keys).tolist()
    wanted = np.random.default_rng(1).integers(0, 2**64, 300, np.uint64)
    wanted[:20] = 0
    for share in ((9, 10), (1, 1)):
        every = masks_of("visits", range(5, 69), keys, share)
        assert masks_of("visits", range(5, 69), keys, share, wanted).tolist() == (every & wanted).tolist()
