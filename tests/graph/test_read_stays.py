"""Whole rows of stays are those of the data files, wherever their columns come from."""

import numpy as np
import pytest

from pipelines.graph.read_stays import read_stays
from pipelines.graph.stays_index import Span
from pipelines.lake import read_table
from schemas.tables import STAYS
from tests.lakes import new_lake, put_stays, put_venues

DRAWN = """
person | venue | enter   | exit
An     | V     | 3 08:00 | 3 10:00
An     | W     | 3 10:00 | 3 10:30
Bình   | V     | 4 09:00 | 4 11:00
Chi    | W     | 3 12:00 | 3 13:00
"""
KEY = [("person", "ascending"), ("enter", "ascending")]


@pytest.fixture
def lake(tmp_path):
    made = new_lake(tmp_path)
    put_venues(made, "venue_code|type\nV|shop\nW|market")
    put_stays(made, DRAWN)
    return made


def everybody(lake):
    rows = read_table(lake, "stays")
    return rows.filter([by == "person" for by in rows["by"].to_pylist()]).sort_by(KEY)


@pytest.mark.parametrize("without", [(), ("last_seen", "zone", "scans")])
def test_columns_that_sidecars_hold_are_those_of_the_data_files(lake, without):
    names = [name for name in STAYS.file_schema.names if name not in without]
    schema = STAYS.file_schema.empty_table().select(names).schema
    expected = everybody(lake)
    persons = np.unique(expected["person"].to_numpy())
    found = read_stays(lake, schema, persons, Span(), lambda _, row: np.ones(row.size, bool))
    assert found.sort_by(KEY).equals(expected.select(names).cast(schema))


def test_rows_that_are_not_wanted_are_left_out(lake):
    expected = everybody(lake)
    persons = np.unique(expected["person"].to_numpy())[:2]
    latest = int(expected["enter"].cast("int64").to_numpy().max())
    found = read_stays(
        lake, STAYS.file_schema, persons, Span(), lambda columns, row: columns.enter_us[row] < latest
    )
    wanted = [
        (row["person"], row["stay_id"])
        for row in expected.to_pylist()
        if row["person"] in persons.tolist() and row["enter"] < max(expected["enter"].to_pylist())
    ]
    rows = found.sort_by(KEY).to_pylist()
    assert [(row["person"], row["stay_id"]) for row in rows] == wanted
