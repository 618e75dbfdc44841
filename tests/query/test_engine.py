"""One DuckDB answers all questions of a process, also at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from pipelines.query import engine
from pipelines.query.engine import answer, column, no_pattern

LIMITS = {"from_us": None, "to_us": None, "min_us": 1}
TIMES = ("enter_us", "exit_us", "imputed_from_us", "own_enter_us", "own_exit_us", "own_imputed_from_us")


def beside(person, rows):
    numbers = {"enter_us": 0, "exit_us": 10**6, "imputed_from_us": 0}
    columns = {name: [numbers[name.removeprefix("own_")]] * rows for name in TIMES}
    return pa.table(
        {"person": [person] * rows, "venue": ["v"] * rows, "zone": pa.nulls(rows, pa.string()), **columns}
    )


def test_questions_of_several_threads_do_not_see_each_others_rows():
    def ask(person):
        rows = answer("overlaps", {"beside": beside(person, person)}, **LIMITS)
        return rows["person"].to_pylist() == [person] * person

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(1, 60)))


def test_parameters_are_values_and_never_text():
    with pytest.raises(Exception, match=r"(?i)conver|cast|type|bind"):
        answer("overlaps", {"beside": beside(1, 1)}, from_us="0; DROP TABLE x", to_us=None, min_us=1)


def test_a_column_is_the_same_memory(monkeypatch):
    values = np.arange(5, dtype=np.int64)
    made = column(values)
    assert made.to_pylist() == [0, 1, 2, 3, 4]
    assert made.buffers()[1].address == values.ctypes.data
    assert column(np.arange(10, dtype=np.int64)[::2]).to_pylist() == [0, 2, 4, 6, 8]
    assert column(np.empty(0, np.int64)).to_pylist() == []


@pytest.mark.parametrize(("path", "told"), [("/a/b.parquet", "/a/b.parquet"), ("/a[1]/*?", "/a[[]1]/[*][?]")])
def test_signs_of_a_pattern_stand_for_themselves(path, told):
    assert no_pattern(path) == told


def test_no_extension_is_ever_loaded_by_itself():
    settings = engine._CONNECTION.sql(
        "SELECT name, value FROM duckdb_settings() "
        "WHERE name LIKE 'auto%load%extensions' OR name = 'TimeZone'"
    ).fetchall()
    assert dict(settings)["TimeZone"] == "UTC"
    assert {value for name, value in settings if name != "TimeZone"} == {"false"}
