import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.lake.statistics import Statistics, statistics_of
from pipelines.maintenance.row_checks import (
    RowSum,
    broken_laws,
    false_statistics,
    misshapen,
    repeated_keys,
    row_sum,
)
from schemas.tables import CONTACTS, ENCOUNTERS, FOOTFALL, SCANS, STAYS, VENUES
from tests.lake.rows import (
    DAY_US,
    MINUTE_US,
    footfall_rows,
    instants,
    midnight_us,
    scan_rows,
    stay_rows,
    venue_rows,
)

DATE = {"date": "2021-07-01"}
BY_VENUE = {"by": "venue", **DATE}


def with_values(rows, name, values):
    place = rows.column_names.index(name)
    field = rows.schema.field(name)
    array = values if isinstance(values, pa.Array) else pa.array(values, field.type)
    return rows.set_column(place, field, array)


def with_value(rows, name, value, row=0):
    values = rows[name].cast(pa.int64()).to_pylist() if pa.types.is_timestamp(rows[name].type) else None
    values = values or rows[name].to_pylist()
    values[row] = value
    array = pa.array(values) if not pa.types.is_timestamp(rows[name].type) else instants(values)
    return with_values(rows, name, array.cast(rows[name].type))


def shifted(rows, name, by_us):
    return with_values(rows, name, instants(rows[name].cast(pa.int64()).to_numpy() + by_us))


def contact_rows(person_a, person_b, start=0, end=MINUTE_US):
    start, end = midnight_us("2021-07-01") + start, midnight_us("2021-07-01") + end
    columns = [[person_a], [person_b], [1], instants([start]), instants([end]), [(end - start) // 1_000_000]]
    return pa.table(columns, schema=CONTACTS.file_schema)


def encounter_rows(person_a, person_b, length_us=5, distance_m=1.0):
    start = midnight_us("2021-07-01")
    times = instants([start]), instants([start + length_us])
    columns = [["e"], [person_a], [person_b], *times, [distance_m], [None]]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, ENCOUNTERS.file_schema, strict=True)
    ]
    return pa.table(arrays, schema=ENCOUNTERS.file_schema)


@pytest.mark.parametrize(
    ("table", "partition", "rows"),
    [
        (STAYS, BY_VENUE, stay_rows("venue")),
        (STAYS, {"by": "person", **DATE}, stay_rows("person")),
        (SCANS, DATE, scan_rows()),
        (FOOTFALL, DATE, footfall_rows(stay_rows("venue"))),
        (VENUES, {}, venue_rows()),
        (CONTACTS, DATE, contact_rows(-1, 1)),
        (ENCOUNTERS, DATE, encounter_rows(1, 2)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_rows_that_obey_the_laws_have_no_problems(table, partition, rows):
    assert misshapen(table, rows) is None
    assert list(broken_laws(table, partition, rows)) == []


STAY, FOOT = stay_rows("venue"), footfall_rows(stay_rows("venue"))
MIDNIGHT = midnight_us("2021-07-01")


@pytest.mark.parametrize(
    ("table", "partition", "rows", "problem"),
    [
        (STAYS, {"by": "person", **DATE}, STAY, "rows are not sorted by person, enter"),
        (STAYS, BY_VENUE, STAY.take(pa.array(np.arange(40)[::-1])), "rows are not sorted by venue, enter"),
        (
            STAYS,
            BY_VENUE,
            with_values(STAY, "exit", STAY["enter"].combine_chunks()),
            "exit too early after enter",
        ),
        (
            STAYS,
            {"by": "venue", "date": "2021-07-02"},
            STAY,
            "enter on another UTC day than the partition: 40 rows",
        ),
        (STAYS, BY_VENUE, with_value(STAY, "enter_kind", "guessed"), "unknown enter_kind: 1 rows"),
        (STAYS, BY_VENUE, with_value(STAY, "scans", 0), "scans below 1: 1 rows"),
        (STAYS, BY_VENUE, shifted(STAY, "last_seen", -1), "last_seen too early after enter"),
        (STAYS, BY_VENUE, shifted(STAY, "last_seen", DAY_US), "exit too early after last_seen"),
        (SCANS, DATE, with_value(scan_rows(), "direction", "up"), "unknown direction"),
        (SCANS, DATE, with_value(scan_rows(), "scan_mode", ""), "unknown scan_mode"),
        (SCANS, DATE, shifted(scan_rows(), "occurred_at", DAY_US), "occurred_at on another UTC day"),
        (FOOTFALL, DATE, with_value(FOOT, "peak", 4), "peak above people: 1 rows"),
        (FOOTFALL, DATE, with_value(FOOT, "entries", -1), "entries below 0"),
        (FOOTFALL, DATE, with_value(FOOT, "window_end", MIDNIGHT), "window_end too early after window_start"),
        (VENUES, {}, pa.concat_tables([venue_rows(1)] * 2), "the same venue twice"),
        (VENUES, {}, with_value(venue_rows(), "type", "den"), "unknown type"),
        (CONTACTS, DATE, contact_rows(1, 1), "person_a not below person_b: 1 rows"),
        (CONTACTS, DATE, contact_rows(2, 1), "person_a not below person_b: 1 rows"),
        (CONTACTS, DATE, contact_rows(1, 2, end=0), "end too early after start"),
        (CONTACTS, DATE, with_value(contact_rows(1, 2), "seconds", 61), "seconds not its length: 1 rows"),
        (ENCOUNTERS, DATE, encounter_rows(1, 1), "person_a not below person_b: 1 rows"),
        (ENCOUNTERS, DATE, encounter_rows(2, 1), "person_a not below person_b: 1 rows"),
        (ENCOUNTERS, DATE, encounter_rows(1, 2, length_us=0), "ended_at too early after started_at"),
        (ENCOUNTERS, DATE, encounter_rows(1, 2, distance_m=-0.5), "distance_m must be a number ≥ 0: 1 rows"),
        (ENCOUNTERS, DATE, encounter_rows(1, 2, distance_m=float("inf")), "distance_m must be a number ≥ 0"),
    ],
)
def test_rows_that_break_a_law_are_named(table, partition, rows, problem):
    assert misshapen(table, rows) is None
    assert any(found.startswith(problem) for found in broken_laws(table, partition, rows))


def test_a_stay_of_exactly_a_second_is_long_enough_and_one_microsecond_less_is_not():
    second = with_values(STAY, "exit", instants(STAY["enter"].cast(pa.int64()).to_numpy() + 1_000_000))
    assert list(broken_laws(STAYS, BY_VENUE, second)) == []
    assert list(broken_laws(STAYS, BY_VENUE, shifted(second, "exit", -1))) == [
        "exit too early after enter: 40 rows"
    ]


def test_the_first_and_last_instant_of_a_day_belong_to_it():
    edges = pa.concat_tables([STAY.slice(0, 1)] * 2)
    for at, count in (([0, DAY_US - 1], 0), ([-1, DAY_US], 2)):
        rows = with_values(edges, "enter", instants([MIDNIGHT + offset for offset in at]))
        problems = [found for found in broken_laws(STAYS, BY_VENUE, rows) if "UTC day" in found]
        assert problems == ([f"enter on another UTC day than the partition: {count} rows"] if count else [])


@pytest.mark.parametrize(
    ("table", "rows", "problem"),
    [
        (STAYS, STAY.drop_columns("zone"), "columns are not those of the table"),
        (STAYS, STAY.rename_columns(["x", *STAY.column_names[1:]]), "columns are not those of the table"),
        (SCANS, with_value(scan_rows(), "event_key", b"short"), "event_key is not of 16 bytes"),
        (
            STAYS,
            pa.table([pa.nulls(40, STAY["person"].type), *STAY.columns[1:]], names=STAY.column_names),
            "nulls in person",
        ),
    ],
)
def test_rows_that_break_the_schema_are_named(table, rows, problem):
    assert misshapen(table, rows) == problem


def test_statistics_that_are_true_or_missing_are_accepted():
    assert list(false_statistics(STAY, statistics_of(STAY).widened())) == []
    assert list(false_statistics(STAY, Statistics(40, {}, {}, {}))) == []


def test_exact_bounds_of_tokens_are_a_problem_for_the_log_shows_them():
    assert list(false_statistics(STAY, statistics_of(STAY))) == [
        "statistics are false: least of person, stay_id",
        "statistics are false: greatest of person, stay_id",
    ]


def test_false_statistics_are_named_by_column():
    true = statistics_of(STAY).widened()
    false = Statistics(
        39, {**true.least, "enter": true.least["enter"] - 1}, {**true.greatest, "person": 0}, {"exit": 1}
    )
    assert list(false_statistics(STAY, false)) == [
        "40 rows, and the log says 39",
        "statistics are false: least of enter",
        "statistics are false: greatest of person",
        "statistics are false: nulls of exit",
    ]


@given(st.integers(0, 2**32), st.integers(0, 40))
@settings(deadline=None)  # the first call may wait for an import
def test_the_sum_of_rows_is_the_same_in_any_order_and_any_files(seed, cut):
    # A seed, not a permutation: to draw one takes forty draws, and the health check of Hypothesis
    # has failed for their slowness on a busy machine.
    shuffled = STAY.take(pa.array(np.random.default_rng(seed).permutation(STAY.num_rows)))
    assert row_sum(shuffled.slice(0, cut)) + row_sum(shuffled.slice(cut)) == row_sum(STAY)


@pytest.mark.parametrize("column", STAY.column_names)
def test_the_sum_of_rows_changes_with_every_column(column):
    first, last = STAY[column][0].as_py(), STAY[column].to_pylist()
    other = next(value for value in last if value != first)
    other = int(other.timestamp()) * 1_000_000 if hasattr(other, "timestamp") else other
    assert row_sum(with_value(STAY, column, other)) != row_sum(STAY)


def test_the_sum_of_rows_sees_rows_that_swapped_a_value():
    swapped = STAY["stay_id"].to_pylist()
    swapped[0], swapped[1] = swapped[1], swapped[0]
    assert row_sum(with_values(STAY, "stay_id", swapped)) != row_sum(STAY)


def test_no_rows_sum_to_nothing():
    assert row_sum(STAY.slice(0, 0)) == RowSum()


@given(st.lists(st.lists(st.sampled_from([b"a" * 16, b"a" * 15 + b"b", b"b" * 16, b"c" * 16]))))
def test_repeated_event_keys_are_counted_over_files(files):
    keys = [key for file in files for key in file]
    columns = [pa.chunked_array([pa.array(file, pa.binary())]) for file in files]
    assert repeated_keys(columns) == len(keys) - len(set(keys))
