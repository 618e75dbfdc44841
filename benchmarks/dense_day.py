"""A lake with one dense day of stays: 714,000 stays, of which about 62 million pairs overlap."""

import datetime as dt
from pathlib import Path

import numpy as np

from benchmarks.dense_stays import commit_stays, kept_lake, stays_of_day, tokens
from pipelines.lake import Lake
from pipelines.times import day_number

DATE = day_number(dt.date(2021, 7, 8))

_SEED = 11
_PEOPLE_A_STAY = 0.28
_VENUES = 20_000


def dense_day(work: Path, stays: int) -> Path:
    """Make a lake of this many stays at venues of Zipf popularity; reused if `work` already holds it."""

    def fill(lake: Lake) -> None:
        random = np.random.default_rng(_SEED)
        persons, venues = tokens(random, max(2, round(stays * _PEOPLE_A_STAY))), tokens(random, _VENUES)
        commit_stays(lake, [(DATE, stays_of_day(random, DATE, stays, persons, venues))])

    return kept_lake(work / f"dense-day-{stays}", f"a day of {stays:,} stays", fill)
