"""An answer is its rows as a table, notes, and a statement of quality that is computed once and late."""

import copy
import pickle
import threading

import duckdb
import pyarrow as pa
import pytest

from pipelines.answer import NOT_SAFETY, Answer, started

ROWS = pa.table({"venue": ["cafe", "shop"], "seconds": [900, 60]})


class Stated:
    def __init__(self, *lines):
        self._lines = lines

    def lines(self):
        return iter(self._lines)


def test_an_answer_is_used_as_the_table_of_its_rows():
    answer = Answer(ROWS)
    assert (answer.num_rows, len(answer), answer.column_names) == (2, 2, ["venue", "seconds"])
    assert answer["seconds"].to_pylist() == [900, 60]
    assert answer.to_pylist() == ROWS.to_pylist()
    assert answer.schema == ROWS.schema
    assert answer.filter(pa.array([False, True])).to_pylist() == [{"venue": "shop", "seconds": 60}]
    assert "to_pandas" in dir(answer)
    with pytest.raises(AttributeError, match="no_such_thing"):
        answer.no_such_thing  # noqa: B018


def test_arrow_and_duckdb_read_an_answer_without_a_copy_by_hand():
    answer = Answer(ROWS)
    assert pa.table(answer).equals(ROWS)
    assert duckdb.sql("SELECT sum(seconds) FROM answer").fetchall() == [(960,)]
    assert pa.RecordBatchReader.from_stream(answer).read_all().equals(ROWS)


def test_answers_and_tables_are_compared_by_their_rows():
    answer, other = Answer(ROWS), Answer(ROWS.slice(1))
    assert answer.equals(Answer(ROWS))
    assert answer.equals(ROWS)
    assert not answer.equals(other)
    assert answer == Answer(ROWS, ("a note",))
    assert answer == ROWS
    assert ROWS.__eq__(answer) is NotImplemented  # so Python asks the answer
    assert answer != other
    with pytest.raises(TypeError, match="unhashable"):
        hash(answer)


def test_an_answer_can_be_copied_and_pickled():
    answer = Answer(ROWS, ("a note",))
    for again in (copy.copy(answer), copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        assert (again.rows, again.notes) == (ROWS, ("a note",))


def test_the_text_of_an_answer_shows_no_value_of_a_row():
    assert repr(Answer(ROWS)) == "Answer(2 rows: venue seconds)"


def test_quality_is_computed_at_first_use_and_once():
    calls = []
    answer = Answer(ROWS, (), lambda: calls.append(1) or Stated("lake version 0"))
    assert answer.num_rows == 2
    assert calls == []
    assert list(answer.lines()) == list(answer.lines()) == ["lake version 0"]
    assert calls == [1]


def test_notes_come_first_and_an_empty_answer_is_said_to_be_no_safety():
    quality = Stated("lake version 0")
    assert list(Answer(ROWS, ("a note",), lambda: quality).lines()) == ["a note", "lake version 0"]
    empty = Answer(ROWS.slice(0, 0), ("a note",), lambda: quality)
    assert list(empty.lines()) == ["a note", "lake version 0", NOT_SAFETY]


def test_an_answer_that_rests_on_no_scans_has_no_quality_and_no_warning():
    answer = Answer(ROWS.slice(0, 0))
    assert answer.quality is None
    assert list(answer.lines()) == []


def test_an_eager_quality_is_computed_on_a_thread_while_the_rows_are():
    begun, rows_done = threading.Event(), threading.Event()

    def find():
        begun.set()
        assert rows_done.wait(30)
        return Stated("lake version 0")

    quality = started(find, eager=True)
    assert begun.wait(30)
    rows_done.set()
    assert list(Answer(ROWS, (), quality).lines()) == ["lake version 0"]
    assert started(find, eager=False) is find


def test_what_goes_wrong_on_the_thread_is_raised_where_the_quality_is_asked_for():
    def find():
        raise ValueError("damaged")

    answer = Answer(ROWS, (), started(find, eager=True))
    assert answer.num_rows == 2
    with pytest.raises(ValueError, match="damaged"):
        answer.quality  # noqa: B018
