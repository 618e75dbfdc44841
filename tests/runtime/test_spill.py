"""Rows that are spilled by key come back whole, whatever is held at once."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runtime import spill as scratch
from pipelines.runtime.spill import read_pieces, spill

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        ("zone", pa.dictionary(pa.int32(), pa.string())),
        ("scanner", pa.int64()),
    ]
)


def rows_of(numbers):
    """Rows of which each says its number three times; every third has no zone, every fourth no scanner."""
    zones = pa.array([None if number % 3 == 0 else f"z{number % 5}" for number in numbers], pa.string())
    scanners = [None if number % 4 == 0 else number for number in numbers]
    columns = [pa.array(numbers, pa.int64()), zones.dictionary_encode(), pa.array(scanners, pa.int64())]
    return pa.table([columns[0], columns[1].cast(SCHEMA.field("zone").type), columns[2]], schema=SCHEMA)


@pytest.fixture(params=[1, 3, 1 << 16], ids="{} at once".format)
def at_once(request, monkeypatch):
    monkeypatch.setattr(scratch, "_ROWS_AT_ONCE", request.param)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("keys", [[0], [4, 4, 4], [1, 2, 3], [0, 0, 5, 5, 5, 9], [-7, -7, 3, 3, 3, 3, 3, 8]])
def test_each_key_has_a_piece_of_its_rows_in_the_order_asked_for(tmp_path, keys):
    order = np.arange(len(keys))[::-1].copy()
    pieces = spill(str(tmp_path), "step", rows_of(range(len(keys))), np.array(keys), order)
    assert [key for key, _ in pieces] == sorted(set(keys))
    for key, piece in pieces:
        found = read_pieces([piece])
        expected = [int(row) for row, of_row in zip(order, keys, strict=True) if of_row == key]
        assert found.to_pylist() == rows_of(expected).to_pylist()
        assert piece.rows == len(expected)


@pytest.mark.usefixtures("at_once")
def test_rows_already_in_order_need_none(tmp_path):
    rows = rows_of(range(5))
    pieces = spill(str(tmp_path), "step", rows, np.array([0, 0, 1, 2, 2]))
    assert read_pieces(piece for _, piece in pieces).to_pylist() == rows.to_pylist()


def test_a_row_may_go_to_several_keys_and_another_to_none(tmp_path):
    pieces = spill(str(tmp_path), "step", rows_of(range(4)), np.array([0, 1, 1, 2]), np.array([3, 3, 1, 3]))
    found = {key: read_pieces([piece])["number"].to_pylist() for key, piece in pieces}
    assert found == {0: [3], 1: [3, 1], 2: [3]}


@pytest.mark.usefixtures("at_once")
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_pieces_of_many_files_become_one_chunk_a_column_over_one_dictionary(tmp_path_factory, sizes):
    folder = str(tmp_path_factory.mktemp("scratch"))
    pieces, numbers, start = [], [], 0
    for file, size in enumerate(sizes):
        mine = range(start, start + size)
        pieces += [piece for _, piece in spill(folder, f"{file:03}", rows_of(mine), np.zeros(size, np.int64))]
        numbers += mine
        start += size
    if not numbers:
        with pytest.raises(ValueError, match="no piece"):
            read_pieces(pieces)
        return
    read = read_pieces(reversed(pieces))
    assert read.to_pylist() == rows_of(numbers).to_pylist()
    assert read.schema == SCHEMA
    assert {column.num_chunks for column in read.columns} == {1}
    names = read["zone"].chunk(0).dictionary.to_pylist()
    assert len(names) == len(set(names))
