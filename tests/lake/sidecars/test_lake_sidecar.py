"""A sidecar of a whole lake: named by what it is made of, written once, and in place of older ones."""

import numpy as np
import pyarrow as pa
import pytest

from pipelines.lake.sidecars import lake_sidecar as module
from pipelines.lake.sidecars.lake_sidecar import DOUBT, lake_sidecar, lake_sidecar_path
from tests.lakes import new_lake, put_scans, put_stays, put_venues


@pytest.fixture
def lake(tmp_path):
    where = new_lake(tmp_path)
    put_venues(where, "venue_code | type\ncafe | restaurant")
    put_scans(where, "person | venue | occurred_at\nan | cafe | 10 08:00")
    put_stays(where, "person | venue | enter | exit\nan | cafe | 10 08:00 | 10 09:00")
    module._kept.clear()
    return where


def one_column(value):
    return lambda: pa.table({"id": pa.array([value], pa.int64())})


def test_what_was_made_is_found_by_the_next_process(lake):
    assert lake_sidecar(lake, DOUBT, one_column(5)).columns["id"].tolist() == [5]
    module._kept.clear()
    assert lake_sidecar(lake, DOUBT, one_column(6)).columns["id"].tolist() == [5]


def test_it_is_private(lake):
    lake_sidecar(lake, DOUBT, one_column(5))
    assert lake_sidecar_path(lake, DOUBT).stat().st_mode & 0o777 == 0o600


def test_any_of_its_tables_gives_it_another_name_and_others_do_not(lake):
    names = {lake_sidecar_path(lake, DOUBT).name}
    put_scans(lake, "person | venue | occurred_at\nbinh | cafe | 10 08:00")
    names.add(lake_sidecar_path(lake, DOUBT).name)
    put_venues(lake, "venue_code | type\ncafe | shop")
    names.add(lake_sidecar_path(lake, DOUBT).name)
    assert len(names) == 3


def test_a_lake_without_stays_gets_no_folder_of_them(tmp_path):
    module._kept.clear()
    lake = new_lake(tmp_path)
    assert lake_sidecar(lake, DOUBT, one_column(5)).columns["id"].tolist() == [5]
    assert not lake_sidecar_path(lake, DOUBT).parent.exists()


def test_one_without_rows_is_kept_too(lake):
    empty = pa.table({"id": pa.array([], pa.int64())})
    lake_sidecar(lake, DOUBT, lambda: empty)
    module._kept.clear()
    assert np.array_equal(lake_sidecar(lake, DOUBT, one_column(6)).columns["id"], np.empty(0, np.int64))
