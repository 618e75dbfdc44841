"""The register: one cut of the same counts, with no less protection, and the same bytes again."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import statistics
from pipelines.errors import DataError, RefusedError
from tests.disclosure.test_published_counts import VENUES, crowd
from tests.lakes import new_lake, put_scans, put_venues


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_scans(lake, crowd()[0])
    return lake


def hidden_of(answer):
    return {
        (number, name)
        for number, row in enumerate(answer.to_pylist())
        for name, count in row.items()
        if count is None
    }


def test_the_same_question_is_answered_with_the_table_that_was_released(lake):
    first = statistics(lake)
    put_venues(lake, VENUES.replace("524", "527"))  # what is counted now would be another table
    assert statistics(lake).equals(first)


@pytest.mark.parametrize(
    "question",
    [
        {"rows": "type"},
        {"columns": "day"},
        {"rows": "week", "columns": "district"},
        {"rows": "type", "k": 50},
    ],
)
def test_another_cut_of_the_same_counts_is_refused(lake, question):
    statistics(lake)
    with pytest.raises(RefusedError, match="two cuts of the same counts can be subtracted"):
        statistics(lake, **question)
    with pytest.raises(RefusedError):
        statistics(lake, **question, audit=True)


@pytest.mark.parametrize("question", [{"k": 10}, {"base": 4}, {"k": 20, "base": 1}, {"k": 1, "base": 10}])
def test_less_protection_is_refused(lake, question):
    statistics(lake)
    with pytest.raises(RefusedError, match="less protection"):
        statistics(lake, **question)


def test_more_protection_hides_what_was_hidden_before_and_more(lake):
    first = statistics(lake)
    second = statistics(lake, k=40, base=10)
    assert hidden_of(first) <= hidden_of(second)
    assert statistics(lake).equals(first)
    with pytest.raises(RefusedError, match="--k 40 --round 10"):
        statistics(lake, k=20, base=10)


def test_more_protection_of_counts_that_have_changed_is_refused(lake):
    statistics(lake)
    put_venues(lake, VENUES.replace("524", "527"))
    with pytest.raises(RefusedError, match="stays or venues have changed"):
        statistics(lake, k=40)


def test_other_measures_and_other_scans_are_counts_of_their_own(lake):
    statistics(lake)
    statistics(lake, "type", "week", measure="scans")
    put_scans(lake, "person|venue|occurred_at\nan|cafe|30 01:00")
    answer = statistics(lake, "type", "day")
    assert any("released as people by district and week" in note for note in answer.notes)


def test_the_register_is_private_and_holds_only_what_was_published(lake):
    statistics(lake)
    folder = f"{lake.url}.releases"
    assert sorted(os.listdir(folder)) == ["lock", "people-0.json"]
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{folder}/people-0.json").st_mode) == 0o600
    release = json.loads(Path(folder, "people-0.json").read_bytes())[0]
    assert sorted(release) == ["columns", "cut", "protection", "rows", "versions"]


def test_nothing_is_published_when_the_register_cannot_be_written(lake):
    Path(f"{lake.url}.releases").touch()
    with pytest.raises(RefusedError, match="nothing is published without its line"):
        statistics(lake)


@pytest.mark.parametrize("text", ["", "{", "[{}]", "[1]", '{"cut": 1}', "[[]]"])
def test_a_damaged_register_is_named(lake, text):
    statistics(lake)
    Path(f"{lake.url}.releases", "people-0.json").write_text(text)
    with pytest.raises(DataError, match=r"people-0\.json is damaged"):
        statistics(lake)


def test_of_two_cuts_at_once_one_is_released(lake):
    def ask(rows):
        try:
            return statistics(lake, rows, "week")
        except RefusedError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, ["district", "type"]))
    assert sorted(isinstance(answer, RefusedError) for answer in answers) == [False, True]


def test_two_releases_that_are_allowed_cannot_be_subtracted(lake):
    """A cell that the first hides and the second shows would tell the first's small ones."""
    first, second = statistics(lake, base=1), statistics(lake, k=60, base=1)
    assert isinstance(second.rows, pa.Table)
    shown_twice = [
        (one, two)
        for row, other in zip(first.to_pylist(), second.to_pylist(), strict=True)
        for one, two in zip(row.values(), other.values(), strict=True)
        if two is not None
    ]
    assert shown_twice
    assert all(one == two for one, two in shown_twice)
