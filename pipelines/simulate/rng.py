"""Counter-based random numbers: each depends only on what it is used for.

A number is a hash of the seed, a stream (the decision) and the subjects of the
decision, so neither the order of the work nor the number of threads changes a
world. Only integer arithmetic, products and sums are used, because the last
digit of a function such as `log` may differ between machines.

The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
"""

import numpy as np
from numba import njit

from pipelines.simulate.dtypes import Floats, Int64, Words

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd
_TO_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@njit(cache=True, nogil=True)
def mix(word: np.uint64) -> np.uint64:
    """Apply a bijection of 64 bits in which every output bit depends on every input bit."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@njit(cache=True, nogil=True)
def key(seed: int, stream: int, first: int, second: int) -> np.uint64:
    """Start the sequence of a stream and two numbers."""
    # Unsigned arithmetic wraps around; a negative number is taken by its bits.
    word = mix(np.uint64(seed) + np.uint64(stream) * _STEP)
    # Mixed between the two subjects, so that swapping them gives another number.
    word = mix(word ^ (np.uint64(first) * _STEP))
    return mix(word + np.uint64(second) * _STEP)


@njit(cache=True, nogil=True)
def unit(word: np.uint64) -> float:
    """Map the word to a number in [0, 1)."""
    # The 53 highest bits, as many as a float64 holds exactly.
    return np.float64(word >> np.uint64(11)) * _TO_UNIT


@njit(cache=True, nogil=True)
def draw(dice: Words) -> float:
    """Draw the next number in [0, 1) of the sequence whose state is `dice[0]`."""
    dice[0] += _STEP
    return unit(mix(dice[0]))


@njit(cache=True, nogil=True)
def chance(dice: Words, share: float) -> bool:
    """Return True with probability `share`."""
    return draw(dice) < share


@njit(cache=True, nogil=True)
def between(dice: Words, low: int, high: int) -> int:
    """Draw an integer in [low, high), with a triangular distribution."""
    # The sum of two draws is triangular, which needs no log or sqrt.
    return int(low + (high - low) * 0.5 * (draw(dice) + draw(dice)))


@njit(cache=True, nogil=True)
def below(dice: Words, count: int) -> int:
    """Draw an integer in [0, count), uniform."""
    return int(draw(dice) * count)


@njit(cache=True, nogil=True)
def units(seed: int, stream: int, count: int, which: int = 0) -> Floats:
    """Draw one number in [0, 1) for each subject 0 … count - 1.

    Args:
        seed: of the world.
        stream: the decision.
        count: number of subjects.
        which: distinguishes several numbers for one subject.
    """
    result = np.empty(count, np.float64)
    for thing in range(count):
        result[thing] = unit(key(seed, stream, thing, which))
    return result


@njit(cache=True, nogil=True)
def units_of(seed: int, stream: int, things: Int64, which: int) -> Floats:
    """Draw the numbers that `units` has for certain subjects."""
    result = np.empty(things.size, np.float64)
    for row in range(things.size):
        result[row] = unit(key(seed, stream, things[row], which))
    return result


@njit(cache=True, nogil=True)
def words(seed: int, stream: int, count: int) -> Words:
    """Draw 64 random bits for each subject 0 … count - 1."""
    result = np.empty(count, np.uint64)
    for thing in range(count):
        result[thing] = key(seed, stream, thing, 0)
    return result
