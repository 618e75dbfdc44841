"""Clocks of phones and readers; most are right."""

import numpy as np

from pipelines.simulate.dtypes import Int64
from pipelines.simulate.rng import units, words
from pipelines.simulate.settings import Settings


def clocks(settings: Settings, stream: int, count: int) -> Int64:
    """Draw the seconds by which the clock of each device is ahead.

    A clock that is minutes off is at most 45 minutes off. Broken clocks are, one
    third each, one to three days off, 70 days to two years behind, or two days
    to a year ahead.
    """
    broken, off = settings.knobs.clocks_broken, settings.knobs.clocks_off
    # One draw decides the state, another its size: changing a share does not move the sizes.
    state = units(settings.seed, stream, count, 0)
    size = units(settings.seed, stream, count, 1)
    # Bit 0 is the sign, the bits above choose among three kinds of broken clocks.
    bits = words(settings.seed, stream, count)
    sign = np.where(bits & np.uint64(1), 1, -1)
    minutes = sign * np.floor(60 + size * 2_640).astype(np.int64)
    days = sign * np.floor((1 + 2 * size) * 86_400).astype(np.int64)
    behind = -np.floor((70 + 660 * size) * 86_400).astype(np.int64)
    ahead = np.floor((2 + 363 * size) * 86_400).astype(np.int64)
    far = np.choose(((bits >> np.uint64(1)) % np.uint64(3)).astype(np.int64), [days, behind, ahead])
    return np.where(state < broken, far, np.where(state < broken + off, minutes, 0))
