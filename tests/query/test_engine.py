"""One DuckDB answers all questions of a process, also at once."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from pipelines.query import engine
from pipelines.query.engine import answer, no_pattern

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
