import pyarrow as pa
import pytest

from schemas.tables import INSTANT, STAY_ORDERS, STAYS, TABLES

COLUMNS = {
    "scans": "event_key person venue zone direction occurred_at scan_mode scanner authenticity received_at",
    "rejects": "reason source digest received_at",
    "retries": "kind source hash received_at",
    "venues": "venue venue_code name type zone province_code district_code commune_code lat lon capacity "
    "timezone registered_at closed_at",
    "cases": "case_id person onset_at sampled_at reported_at isolated_at withdrawn_at",
    "encounters": "event_id person_a person_b started_at ended_at distance_m attenuation_db",
    "declarations": "event_id person declared_at symptoms contact_with_case contact_with_ill contact_abroad "
    "travelled_from district_code channel",
    "links": "event_id person_a kind_a person_b kind_b seen_at source self",
    "humans": "person human links",
    "stays": "person venue zone enter exit enter_kind exit_kind last_seen scans stay_id",
    "footfall": "venue window_start window_end entries exits people peak person_seconds",
    "contacts": "person_a person_b venue start end seconds",
    "crowds": "venue window_start window_end people",
    "vault": "person sealed key_id",
}
"""The contract, in its order; partition columns follow."""

every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_the_lake_has_the_tables_of_the_contract():
    assert list(TABLES) == list(COLUMNS)


@every_table
def test_a_file_holds_the_columns_of_the_contract_in_their_order(table):
    assert table.file_schema.names == COLUMNS[table.name].split()


@every_table
def test_partition_columns_come_last_and_are_never_null(table):
    last = table.schema.names[len(table.file_schema) :]
    assert tuple(last) == table.partition
    assert not any(table.schema.field(name).nullable for name in last)


@every_table
def test_rows_are_sorted_by_columns_that_lie_in_the_file(table):
    assert set(table.sorted_by) <= set(table.file_schema.names)


@every_table
def test_every_column_is_explained(table):
    assert all(field.metadata[b"doc"] for field in table.schema)


@every_table
def test_times_are_utc_microseconds_and_persons_marked_tokens(table):
    for field in table.schema:
        if pa.types.is_timestamp(field.type):
            assert field.type == INSTANT
        if (field.name.startswith("person") and field.name != "person_seconds") or field.name == "scanner":
            assert (field.type, field.metadata[b"token"]) == (pa.int64(), b"1")


def test_stays_have_both_orders_by_the_value_of_their_partition():
    assert STAYS.partition == ("by", "date")
    assert STAY_ORDERS == {"venue": ("venue", "enter"), "person": ("person", "enter")}
