"""Lakes for tracing: two dense weeks of 200,000 people, and one crowded venue."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.dense_stays import SECOND_US, Int64, commit_stays, kept_lake, stays_of_day, tokens
from pipelines.lake import Lake, commit, write_data_file
from pipelines.times import DAY_US, day_number
from schemas.tables import CASES, VENUES, Table

CASES_AT_MOST = 10_000

_START = day_number(dt.date(2021, 7, 1))
_DAYS = 14
_PEOPLE = 200_000
_VENUES = 20_000
_SEED = 5
_FIRST_ONSET, _LAST_ONSET = 4, 10  # days after the start
_ISOLATED_AFTER_DAYS = 4


def dense_world(work: Path, stays: int) -> Path:
    """Make a lake of this many stays in 14 days and 10,000 cases; reused if `work` already holds it."""

    def fill(lake: Lake) -> None:
        random = np.random.default_rng(_SEED)
        persons, venues = tokens(random, _PEOPLE), tokens(random, _VENUES)
        dates = range(_START, _START + _DAYS)
        commit_stays(
            lake, [(date, stays_of_day(random, date, stays // _DAYS, persons, venues)) for date in dates]
        )
        onset = random.integers(_FIRST_ONSET * DAY_US, _LAST_ONSET * DAY_US, CASES_AT_MOST)
        ill = random.choice(persons, CASES_AT_MOST, replace=False)
        _commit_cases(lake, ill, _START * DAY_US + onset, random)
        _commit_venues(lake, venues)

    return kept_lake(work / f"dense-world-{stays}", f"a fortnight of {stays:,} stays", fill)


def crowd(work: Path, visitors: int) -> Path:
    """Return the lake with one day at one venue, one stay per visitor; reused if `work` already holds it."""

    def fill(lake: Lake) -> None:
        random = np.random.default_rng(_SEED)
        venue, persons = tokens(random, 1), tokens(random, visitors)
        rows = stays_of_day(random, _START, visitors, persons, venue)
        rows = rows.set_column(0, rows.schema.field("person"), pa.array(persons))
        commit_stays(lake, [(_START, rows)])
        _commit_cases(lake, persons[:1], np.array([_START * DAY_US]), random)
        _commit_venues(lake, venue)

    return kept_lake(work / f"crowd-{visitors}", f"a venue of {visitors:,} visitors", fill)


def case_ids(count: int) -> list[str]:
    """Return the numbers of the first cases of these lakes."""
    return [f"C{number:05}" for number in range(count)]


def _commit_cases(lake: Lake, persons: Int64, onset_us: Int64, random: np.random.Generator) -> None:
    isolated_us = onset_us + random.integers(DAY_US, _ISOLATED_AFTER_DAYS * DAY_US, persons.size)
    columns = {
        "case_id": case_ids(persons.size),
        "person": persons,
        "onset_at": onset_us // SECOND_US * SECOND_US,
        "isolated_at": isolated_us // SECOND_US * SECOND_US,
    }
    _commit(lake, CASES, columns, persons.size)


def _commit_venues(lake: Lake, venues: Int64) -> None:
    """Write a registry in which each venue is named by its token."""
    venues = np.sort(venues)
    codes = [venue.to_bytes(8, "big", signed=True).hex() for venue in venues.tolist()]
    columns = {"venue": venues, "venue_code": codes, "type": ["other"] * venues.size}
    _commit(lake, VENUES, columns, venues.size)


def _commit(lake: Lake, table: Table, columns: dict[str, object], count: int) -> None:
    """Write a table as one file; columns that are not given stay empty."""
    arrays = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in table.file_schema
    ]
    rows = pa.table(arrays, schema=table.file_schema)
    commit(lake, table.name, [write_data_file(lake, table, {}, rows)], after=-1)
