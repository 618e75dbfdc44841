"""Rows spilled by key are read back whole, however many are reordered at a time."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runtime.spill import read_pieces, spill

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        ("zone", pa.dictionary(pa.int32(), pa.string())),
        ("scanner", pa.int64()),
    ]
)


def rows_of(numbers):
    """Rows that hold their number three times; every third has no zone, every fourth no scanner."""
    zones = pa.array([None if number % 3 == 0 else f"z{number % 5}" for number in numbers], pa.string())
    scanners = [None if number % 4 == 0 else number for number in numbers]
    columns = [pa.array(numbers, pa.int64()), zones.dictionary_encode(), pa.array(scanners, pa.int64())]
    return pa.table([columns[0], columns[1].cast(SCHEMA.field("zone").type), columns[2]], schema=SCHEMA)


AT_ONCE = pytest.mark.parametrize("at_once", [1, 3, 1 << 16], ids="{} at once".format)


@AT_ONCE
@pytest.mark.parametrize("keys", [[0], [4, 4, 4], [1, 2, 3], [0, 0, 5, 5, 5, 9], [-7, -7, 3, 3, 3, 3, 3, 8]])
def test_each_key_gets_a_piece_with_its_rows_in_the_given_order(tmp_path, keys, at_once):
    order = np.arange(len(keys))[::-1].copy()
    rows = rows_of(range(len(keys)))
    pieces = spill(str(tmp_path), "step", rows, np.array(keys), order, rows_at_once=at_once)
    assert [key for key, _ in pieces] == sorted(set(keys))
    for key, piece in pieces:
        found = read_pieces([piece])
        expected = [int(row) for row, of_row in zip(order, keys, strict=True) if of_row == key]
        assert found.to_pylist() == rows_of(expected).to_pylist()
        assert piece.rows == len(expected)


@AT_ONCE
def test_rows_in_the_order_of_their_keys_need_no_order(tmp_path, at_once):
    rows = rows_of(range(5))
    pieces = spill(str(tmp_path), "step", rows, np.array([0, 0, 1, 2, 2]), rows_at_once=at_once)
    assert read_pieces(piece for _, piece in pieces).to_pylist() == rows.to_pylist()


def test_a_row_may_go_to_several_keys_and_another_to_none(tmp_path):
    pieces = spill(str(tmp_path), "step", rows_of(range(4)), np.array([0, 1, 1, 2]), np.array([3, 3, 1, 3]))
    found = {key: read_pieces([piece])["number"].to_pylist() for key, piece in pieces}
    assert found == {0: [3], 1: [3, 1], 2: [3]}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_pieces_of_many_files_become_one_chunk_per_column_with_one_dictionary(tmp_path_factory, sizes):
    folder = str(tmp_path_factory.mktemp("scratch"))
    pieces, numbers, start = [], [], 0
    for file, size in enumerate(sizes):
        mine = range(start, start + size)
        pieces += [piece for _, piece in spill(folder, f"{file:03}", rows_of(mine), np.zeros(size, np.int64))]
        numbers += mine
        start += size
    if not numbers:
        with pytest.raises(ValueError, match="at least one piece"):
            read_pieces(pieces)
        return
    read = read_pieces(reversed(pieces))
    assert read.to_pylist() == rows_of(numbers).to_pylist()
    assert read.schema == SCHEMA
    assert {column.num_chunks for column in read.columns} == {1}
    names = read["zone"].chunk(0).dictionary.to_pylist()
    assert len(names) == len(set(names))
