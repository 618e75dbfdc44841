import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.row_order import in_order, is_in_order, sort_columns, words
from schemas.tables import FOOTFALL, INSTANT, SCANS, STAYS
from tests.lake.rows import scan_rows, stay_rows

ROWS = st.lists(
    st.tuples(st.integers(-2, 2), st.sampled_from(["", "a", "b", "é"]), st.binary(min_size=16, max_size=16)),
    max_size=12,
)


def columns(rows):
    numbers, texts, keys = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "n": pa.array(numbers, pa.int64()),
            "t": pa.array(texts, pa.string()),
            "k": pa.array(keys, pa.binary()),
        }
    )


@given(ROWS, st.permutations(["n", "t", "k"]))
def test_rows_are_in_order_exactly_when_sorting_changes_nothing(rows, names):
    table = columns(rows)
    keys = [tuple(row[name] for name in names) for row in table.to_pylist()]
    comparable = [tuple(key.encode() if isinstance(key, str) else key for key in row) for row in keys]
    assert is_in_order(table, tuple(names)) is (comparable == sorted(comparable))
    in_names = table.sort_by([(name, "ascending") for name in names])
    assert is_in_order(in_names, tuple(names))


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=8), st.integers(0, 3))
def test_words_order_like_the_bytes(keys, start):
    column = pa.chunked_array([pa.array(keys, pa.binary())]).slice(start)
    high, low = words(column)
    as_bytes = [int(h).to_bytes(8, "big") + int(w).to_bytes(8, "big") for h, w in zip(high, low, strict=True)]
    assert as_bytes == keys[start:]


def test_times_are_compared_as_instants():
    later_first = pa.table({"at": pa.array([2, 1], pa.int64()).cast(INSTANT)})
    assert not is_in_order(later_first, ("at",))


@pytest.mark.parametrize("by", ["venue", "person"])
def test_one_set_of_stays_has_one_order_ties_included(by):
    rows = stay_rows(by, count=30)
    tied = pa.concat_tables([rows, rows.set_column(9, rows.schema.field(9), pa.array(np.arange(30)))])
    shuffled = tied.take(pa.array(np.random.default_rng(1).permutation(60)))
    assert in_order(STAYS, {"by": by}, shuffled).equals(in_order(STAYS, {"by": by}, tied))


def test_scans_are_sorted_by_what_the_table_names():
    rows = scan_rows()
    assert sort_columns(SCANS, {"date": "2021-07-01"}) == ("venue", "occurred_at", "event_key")
    assert in_order(SCANS, {}, rows.take(pa.array(np.arange(50)[::-1]))).equals(rows)
    assert sort_columns(FOOTFALL, {"date": "2021-07-01"}) == ("venue", "window_start")
