"""Distinct texts by a hash table over bytes, against a dict of Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.text_column import Texts, column_of
from pipelines.kernels.types import read_only
from tests.ingest.reference import spans_of

TEXTS = st.lists(st.none() | st.binary(min_size=0, max_size=20), max_size=60)


def numbered(values):
    """Return what a dict says: each value's number in the order of appearance."""
    numbers = {}
    return [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values], list(
        numbers
    )


@settings(max_examples=200, deadline=None)
@given(TEXTS.map(lambda values: [value or None for value in values]))
def test_equal_texts_have_one_number_and_others_have_others(values):
    ids, texts = distinct(column_of(spans_of(values)))
    expected, known = numbered(values)
    assert ids.tolist() == expected
    assert [texts.value(number) for number in range(len(texts))] == known


def test_the_table_grows_and_long_texts_that_differ_in_one_byte_stay_apart():
    values = [b"%08d" % (number % 5000) + b"x" * (number % 23) for number in range(20_000)]
    ids, texts = distinct(column_of(spans_of(values)))
    assert [texts.value(number) for number in ids.tolist()] == values
    assert len(texts) == len(set(values))


def test_texts_of_both_buffers_meet_in_one_table():
    data, side = (read_only(np.frombuffer(raw, np.uint8)) for raw in (b"aabb", b"bbcc"))
    column = Texts(data, side, np.array([0, 2, 4, 6, 0]), np.array([2, 2, 2, 2, -1], np.int32))
    ids, texts = distinct(column)
    assert ids.tolist() == [0, 1, 1, 2, -1]
    assert [texts.value(number) for number in range(len(texts))] == [b"aa", b"bb", b"cc"]


def test_no_rows_have_no_texts():
    ids, texts = distinct(column_of(spans_of([])))
    assert ids.size == len(texts) == 0
