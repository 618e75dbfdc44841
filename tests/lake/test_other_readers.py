"""Other readers of Delta tables see the same rows, whatever they skip by the wide bounds of tokens."""

import duckdb
import polars as pl
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from pipelines.lake import read_table
from pipelines.lake.checkpoints import write_checkpoint
from schemas.tables import SCANS, STAYS
from tests.lake.rows import DATES, add, make_lake, scan_rows, stay_rows

ENDS = [-(2**63), -1, 0, 2**63 - 1]
"""Tokens at the ends of int64 and around zero, where a bound may be rounded the wrong way."""


def with_tokens(rows, tokens):
    column = pa_column(tokens[: rows.num_rows] + rows["person"].to_pylist()[len(tokens) :])
    return rows.set_column(rows.schema.get_field_index("person"), rows.schema.field("person"), column)


def pa_column(values):
    import pyarrow as pa

    return pa.array(values, pa.int64())


@pytest.fixture(scope="module", params=["entries", "a checkpoint"])
def lake(request, tmp_path_factory):
    """Scans of several files, each with few persons, read from log entries or from a checkpoint."""
    lake = make_lake(tmp_path_factory.mktemp("lake"))
    for seed, token in enumerate(ENDS):
        rows = with_tokens(scan_rows(count=3, seed=seed), [token] * 2)
        version = add(lake, SCANS, {"date": DATES[seed % 2]}, rows)
    add(lake, STAYS, {"by": "person", "date": DATES[0]}, stay_rows("person"))
    if request.param == "a checkpoint":
        assert write_checkpoint(lake, "scans", version)
    return lake


def by_delta_rs(url, person):
    table = DeltaTable(url).to_pyarrow_dataset().to_table(filter=ds.field("person") == person)
    return sorted(table["event_key"].to_pylist())


def by_duckdb(url, person):
    connection = duckdb.connect()
    connection.register("scans", DeltaTable(url).to_pyarrow_dataset())
    rows = connection.execute("SELECT event_key FROM scans WHERE person = ?", [person]).fetchall()
    return sorted(key for (key,) in rows)


def by_polars(url, person):
    rows = pl.scan_delta(url).filter(pl.col("person") == person).collect()
    return sorted(rows["event_key"].to_list())


@pytest.mark.parametrize("read", [by_delta_rs, by_duckdb, by_polars])
def test_a_reader_finds_each_person_s_rows(lake, read):
    rows = read_table(lake, "scans")
    persons = set(rows["person"].to_pylist())
    assert persons > set(ENDS)
    for person in persons:
        expected = rows.filter(pc.equal(rows["person"], person))["event_key"].to_pylist()
        assert read(lake.table_url("scans"), person) == sorted(expected)
    assert read(lake.table_url("scans"), 12345) == []


@pytest.mark.parametrize("name", ["scans", "stays"])
def test_readers_see_all_rows_and_the_true_extremes(lake, name):
    """Nobody answers MIN or MAX from the log, for its bounds are said not to be tight."""
    url, rows = lake.table_url(name), read_table(lake, name)
    persons = rows["person"].to_pylist()
    extremes = (min(persons), max(persons), len(persons))
    dataset = DeltaTable(url).to_pyarrow_dataset()
    connection = duckdb.connect()
    connection.register("t", dataset)
    assert connection.execute("SELECT min(person), max(person), count(*) FROM t").fetchone() == extremes
    lazy = pl.scan_delta(url).select(
        pl.col("person").min().alias("least"), pl.col("person").max().alias("greatest"), pl.len()
    )
    assert lazy.collect().row(0) == extremes
    found = dataset.to_table()["person"].to_pylist()
    assert (min(found), max(found), len(found)) == extremes
