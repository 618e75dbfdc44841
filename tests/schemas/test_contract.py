import json

import fastavro
import pytest

from schemas.contract import INPUTS, WIRE_FOLDER, load_contract
from schemas.stay_rules import VENUE_TYPES

FIELDS = {
    "scan": "event_id person person_code venue code direction occurred_at* zone scan_mode scanner",
    "venue": "venue* name type* zone province_code district_code commune_code lat lon capacity timezone "
    "registered_at closed_at",
    "case": "case_id* person* onset_at sampled_at reported_at isolated_at withdrawn_at",
    "encounter": "event_id person_a* person_b* started_at* ended_at* distance_m attenuation_db",
    "link": "event_id person_a* person_b* seen_at* source* self",
    "declaration": "event_id person* declared_at* symptoms contact_with_case contact_with_ill contact_abroad "
    "travelled_from district_code channel",
}
"""The contract, in its order; a star marks what is required."""


def test_every_contract_file_is_an_input():
    assert sorted(path.stem for path in WIRE_FOLDER.glob("*.avsc")) == sorted(INPUTS)


@pytest.mark.parametrize("name", INPUTS)
def test_a_contract_has_the_fields_of_the_design_in_their_order(name):
    contract = load_contract(name)
    shown = [field.name + "*" * field.required for field in contract.fields]
    assert shown == FIELDS[name].split()
    assert all(field.doc for field in contract.fields)


@pytest.mark.parametrize("name", INPUTS)
def test_a_contract_is_avro_whose_optional_fields_are_null_by_default(name):
    schema = json.loads((WIRE_FOLDER / f"{name}.avsc").read_text(encoding="utf-8"))
    fastavro.parse_schema(schema)
    for field in schema["fields"]:
        optional = field["type"][0] == "null"
        assert optional is ("default" in field)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field.name)
        for name in INPUTS
        for field in load_contract(name).fields
        if field.name.endswith("_at")
    ],
)
def test_a_time_is_a_text_or_utc_microseconds(name, field):
    types = {one.name: one.types for one in load_contract(name).fields}
    assert types[field] == ("string", "timestamp-micros")


def test_the_registry_names_all_venue_types():
    doc = {field.name: field.doc for field in load_contract("venue").fields}["type"]
    assert " ".join(VENUE_TYPES) in doc
