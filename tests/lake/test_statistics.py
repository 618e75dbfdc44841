"""Statistics in the log: exact for times and venues, wide for tokens."""

import datetime as dt
import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake import snapshot
from pipelines.lake.checkpoints import write_checkpoint
from pipelines.lake.log import checkpoint_file, log_entry
from pipelines.lake.statistics import TOKEN_COLUMNS, from_log, statistics_of, to_delta
from schemas.tables import INSTANT, SCANS, STAYS, TABLES
from tests.lake.rows import add, add_stays, make_lake, scan_rows, stay_rows

INSTANTS = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2262, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=dt.UTC)
)
INT64 = st.integers(-(2**63), 2**63 - 1)


def test_times_are_microseconds_and_nulls_are_counted():
    rows = pa.table(
        {
            "at": pa.array([5, None, 3], pa.int64()).cast(INSTANT),
            "n": pa.array([None] * 3, pa.int64()),
            "text": ["a", "b", "c"],
        }
    )
    found = statistics_of(rows)
    assert (found.rows, found.least, found.greatest) == (3, {"at": 3}, {"at": 5})
    assert found.nulls == {"at": 1, "n": 3}


def test_the_log_says_what_the_rows_say_but_for_the_bounds_of_tokens(tmp_path):
    lake = make_lake(tmp_path)
    add(lake, STAYS, {"by": "venue", "date": "2021-07-01"}, stay_rows("venue"))
    add(lake, SCANS, {"date": "2021-07-01"}, scan_rows())
    for name, rows in (("stays", stay_rows("venue")), ("scans", scan_rows())):
        (file,) = snapshot(lake, name).files
        assert file.stats == statistics_of(rows).widened()
        assert file.stats != statistics_of(rows)


def test_every_token_of_a_table_is_widened():
    marked = {field.name for table in TABLES.values() for field in table.schema if b"token" in field.metadata}
    assert marked <= TOKEN_COLUMNS


@given(values=st.lists(INT64, min_size=1))
def test_wide_bounds_hold_every_value_and_show_twelve_bits(values):
    rows = pa.table({"person": pa.array(values, pa.int64()), "venue": pa.array(values, pa.int64())})
    wide = statistics_of(rows).widened()
    least, greatest = wide.least["person"], wide.greatest["person"]
    assert -(2**63) <= least <= min(values)
    assert max(values) <= greatest < 2**63
    assert (least >> 52, greatest >> 52) == (min(values) >> 52, max(values) >> 52)
    assert (least % 2**52, greatest % 2**52) == (0, 2**52 - 1)
    assert (wide.least["venue"], wide.greatest["venue"]) == (min(values), max(values))


@given(at=st.lists(INSTANTS, min_size=1), ids=st.lists(INT64, min_size=1))
def test_every_instant_and_id_survives_the_log(at, ids):
    rows = pa.table({"at": pa.array(at, INSTANT), "id": pa.array(ids[:1] * len(at), pa.int64())})
    text = to_delta(statistics_of(rows), rows.schema)
    said = pa.scalar(max(at), INSTANT).as_py()
    assert f'"at":"{said:%Y-%m-%dT%H:%M:%S.%f}Z"' in text.replace("min", "")
    assert f'"id":{ids[0]}' in text


@pytest.mark.parametrize(("name", "tight"), [("person", False), ("venue", None)])
def test_bounds_that_are_wide_are_said_to_be(name, tight):
    rows = pa.table({name: pa.array([7], pa.int64())})
    assert json.loads(to_delta(statistics_of(rows), rows.schema)).get("tightBounds") is tight


def test_no_token_stands_in_the_log_or_in_a_checkpoint(tmp_path):
    lake = make_lake(tmp_path)
    rows = add_stays(lake)
    assert write_checkpoint(lake, "stays", 0)
    url = lake.table_url("stays")
    content = b"".join(Path(path).read_bytes() for path in (log_entry(url, 0), checkpoint_file(url, 0)))
    # What a checkpoint compresses is looked at in plain as well.
    content += json.dumps(pq.ParquetFile(checkpoint_file(url, 0)).read().to_pylist(), default=str).encode()
    tokens = [value for name in ("person", "stay_id") for value in rows[name].to_pylist()]
    for token in tokens:
        for spelling in (str(token).encode(), struct.pack(">q", token), struct.pack("<q", token)):
            assert spelling not in content
        assert f"{token % 2**64:016x}".encode() not in content
    assert str(min(rows["person"].to_pylist()) & ~(2**52 - 1)).encode() in content


def test_a_footer_keeps_exact_bounds_for_it_goes_with_its_file(tmp_path):
    lake = make_lake(tmp_path)
    rows = add_stays(lake)
    (file,) = [file for file in snapshot(lake, "stays").files if file.partition["by"] == "venue"]
    person = pq.ParquetFile(file.path).metadata.row_group(0).column(0)
    assert person.path_in_schema == "person"
    assert person.statistics.min == min(rows["person"].to_pylist())


def test_a_file_of_another_writer_without_statistics_has_none():
    adds = pa.table(
        {"path": ["x"], "num_records": pa.array([None], pa.int64()), "min.enter": pa.nulls(1, INSTANT)}
    )
    (found,) = from_log(adds)
    assert (found.rows, found.least, found.greatest, found.nulls) == (-1, {}, {}, {})
