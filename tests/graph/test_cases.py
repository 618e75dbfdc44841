"""How far a lake reaches: the largest exit of stays and end of encounters."""

import pyarrow as pa

from pipelines.graph.cases import last_instant_us
from schemas.tables import ENCOUNTERS, INSTANT
from tests.lakes import at, new_lake, person_token, put, put_stays


def test_a_lake_reaches_to_the_largest_exit(tmp_path):
    lake = new_lake(tmp_path)
    put_stays(lake, "person|venue|enter|exit\nan|cafe|1 08:00|3 10:00\nbinh|cafe|2 09:00|2 11:00:00.5")
    assert last_instant_us(lake) == at("3 10:00")


def test_or_to_the_end_of_an_encounter(tmp_path):
    lake = new_lake(tmp_path)
    put_stays(lake, "person|venue|enter|exit\nan|cafe|1 08:00|3 10:00")
    rows = {
        "event_id": pa.nulls(1, pa.string()),
        "person_a": [person_token(lake, "an")],
        "person_b": [person_token(lake, "binh")],
        "started_at": pa.array([at("5 08:00")]).cast(INSTANT),
        "ended_at": pa.array([at("5 08:10:00.000001")]).cast(INSTANT),
        "distance_m": pa.nulls(1, pa.float64()),
        "attenuation_db": pa.nulls(1, pa.float64()),
    }
    put(lake, "encounters", pa.table(rows, schema=ENCOUNTERS.file_schema), day_of="started_at")
    assert last_instant_us(lake) == at("5 08:10:00.000001")


def test_an_empty_lake_reaches_nowhere(tmp_path):
    assert last_instant_us(new_lake(tmp_path)) == 0
