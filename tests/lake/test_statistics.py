import datetime as dt

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake import snapshot
from pipelines.lake.statistics import from_log, statistics_of, to_delta
from schemas.tables import INSTANT, SCANS, STAYS
from tests.lake.rows import add, make_lake, scan_rows, stay_rows

INSTANTS = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2262, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=dt.UTC)
)


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


def test_what_the_log_says_is_what_the_rows_say(tmp_path):
    lake = make_lake(tmp_path)
    add(lake, STAYS, {"by": "venue", "date": "2021-07-01"}, stay_rows("venue"))
    add(lake, SCANS, {"date": "2021-07-01"}, scan_rows())
    for name, rows in (("stays", stay_rows("venue")), ("scans", scan_rows())):
        (file,) = snapshot(lake, name).files
        assert file.stats == statistics_of(rows)


@given(at=st.lists(INSTANTS, min_size=1), ids=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_every_instant_and_id_survives_the_log(at, ids):
    rows = pa.table({"at": pa.array(at, INSTANT), "id": pa.array(ids[:1] * len(at), pa.int64())})
    text = to_delta(statistics_of(rows), rows.schema)
    said = pa.scalar(max(at), INSTANT).as_py()
    assert f'"at":"{said:%Y-%m-%dT%H:%M:%S.%f}Z"' in text.replace("min", "")
    assert f'"id":{ids[0]}' in text


def test_a_file_of_another_writer_without_statistics_has_none():
    adds = pa.table(
        {"path": ["x"], "num_records": pa.array([None], pa.int64()), "min.enter": pa.nulls(1, INSTANT)}
    )
    (found,) = from_log(adds)
    assert (found.rows, found.least, found.greatest, found.nulls) == (-1, {}, {}, {})
