import numpy as np

from pipelines.simulate.rng import below, between, mix, units, units_of, words


def test_mixing_is_the_finaliser_of_splitmix64():
    # The first output of SplitMix64 with seed 0, as published with the generator.
    assert int(mix(np.uint64(0x9E3779B97F4A7C15))) == 0xE220A8397B1DCDAF


def test_numbers_lie_evenly_in_the_unit_interval():
    values = units(1, 2, 100_000)
    assert values.min() >= 0.0
    assert values.max() < 1.0
    counts = np.bincount((values * 10).astype(int), minlength=10)
    assert np.abs(counts - 10_000).max() < 500


def test_a_thing_has_the_same_number_alone_and_among_others():
    some = np.array([7, 3, 99], np.int64)
    assert (units_of(1, 2, some, 0) == units(1, 2, 100)[some]).all()


def test_seeds_streams_and_questions_give_different_numbers():
    first = units(1, 2, 1_000, 0)
    for other in (units(2, 2, 1_000, 0), units(1, 3, 1_000, 0), units(1, 2, 1_000, 1)):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.1


def test_words_are_all_different():
    assert np.unique(words(1, 2, 100_000)).size == 100_000


def test_whole_numbers_stay_within_their_bounds():
    dice = np.array([1], np.uint64)
    assert {below(dice, 3) for _ in range(200)} == {0, 1, 2}
    assert all(10 <= between(dice, 10, 20) < 20 for _ in range(200))
