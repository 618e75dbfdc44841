import json

import fastavro
import pytest

from pipelines.privacy.identifiers import canonical_person
from pipelines.simulate import Knobs
from pipelines.simulate.identity_links import LINK_COLUMNS
from pipelines.simulate.others import CASE_COLUMNS, DECLARATION_COLUMNS, VENUE_COLUMNS
from schemas.contract import WIRE_FOLDER, load_contract
from schemas.stay_rules import VENUE_TYPES
from tests.simulate.worlds import VENUES, made, moment, perfect, rows_of, scans_of, truth_of


@pytest.mark.parametrize(
    ("contract", "columns"),
    [
        ("venue", VENUE_COLUMNS),
        ("case", CASE_COLUMNS),
        ("declaration", DECLARATION_COLUMNS),
        ("link", LINK_COLUMNS),
    ],
)
def test_columns_are_those_of_the_wire_contract(contract, columns):
    assert columns == tuple(field.name for field in load_contract(contract).fields)


def test_the_registry_lists_known_places_and_homes_with_a_code(usual):
    rows = rows_of(usual, "venues.csv")
    assert {row["type"] for row in rows} <= set(VENUE_TYPES)
    assert sum(row["type"] != "home" for row in rows) == VENUES - 1
    assert sum(bool(row["closed_at"]) for row in rows) == 1
    assert len({row["venue"] for row in rows}) == len(rows)


def test_places_lie_in_the_province(usual):
    for row in rows_of(usual, "venues.csv"):
        assert row["province_code"] == "51"
        assert row["venue"][2:5] == row["district_code"]
        assert 14.6 < float(row["lat"]) < 15.5
        assert 108.2 < float(row["lon"]) < 109.2
        assert int(row["capacity"]) > 0
        assert moment(row["registered_at"]) < moment("2021-08-01T00:00:00+07:00")


def test_zones_of_scans_are_zones_of_the_registry(usual):
    zones = {row["venue"]: row["zone"].split(";") for row in rows_of(usual, "venues.csv")}
    for stay in truth_of(usual, "stays"):
        if stay["venue"] in zones and stay["zone"]:
            assert stay["zone"] in zones[stay["venue"]]


def test_encounters_are_parts_of_true_contacts_and_meet_the_contract(tmp_path):
    made(tmp_path / "w", Knobs(app_users=1.0, cases=0.05))
    schema = fastavro.parse_schema(json.loads((WIRE_FOLDER / "encounter.avsc").read_text()))
    contacts = {}
    for row in truth_of(tmp_path / "w", "contacts"):
        contacts.setdefault((row["person"], row["other"]), []).append((row["start"], row["end"]))
    lines = (tmp_path / "w" / "encounters.ndjson").read_bytes().splitlines()
    assert len(lines) > 100
    for line in lines:
        seen = json.loads(line)
        assert fastavro.validate(seen, schema)
        start, end = moment(seen["started_at"]), moment(seen["ended_at"])
        assert start < end
        pair = seen["person_a"], seen["person_b"]
        assert any(begin <= start and end <= until for begin, until in contacts[pair])
        assert "distance_m" in seen or "attenuation_db" in seen


def test_nobody_with_an_app_means_no_encounters(tmp_path):
    assert made(tmp_path / "w", Knobs(app_users=0.0))["rows"]["encounters"] == 0


def test_links_join_the_card_and_the_phone_of_one_person_unless_the_phone_is_shared(tmp_path):
    report = made(tmp_path / "w", perfect(several_identifiers=0.5, shared_phones=0.2, guarded=0.5))
    card_of = {row["person"]: row["identifier"] for row in truth_of(tmp_path / "w", "identifiers")}
    assert abs(len(card_of) - 0.5 * 600) < 50
    rows = rows_of(tmp_path / "w", "links.csv")
    assert report["rows"]["links"] == len(rows) > 200
    assert all(canonical_person(row[name]) == row[name] for row in rows for name in ("person_a", "person_b"))
    same = [card_of.get(row["person_b"]) == row["person_a"] for row in rows]
    assert 0.02 < 1 - sum(same) / len(same) < 0.25  # only with people of the household who have a card too
    assert {row["source"] for row in rows} == {"personal_qr", "declaration", "registration"}
    scans = [scan for scan in scans_of(tmp_path / "w") if scan["scan_mode"] == "guard"]
    shown = {canonical_person(scan["person"]) for scan in scans}
    assert len(shown & set(card_of.values())) > 20
    assert not shown & {person for person in card_of if person.startswith("cccd")}


def test_nobody_with_several_identifiers_means_no_links(usual):
    assert rows_of(usual, "links.csv") == []
    assert truth_of(usual, "identifiers") == []


def test_declarations_come_by_their_share(tmp_path):
    report = made(tmp_path / "w", Knobs(declaring=0.2))
    rows = rows_of(tmp_path / "w", "declarations.csv")
    assert report["rows"]["declarations"] == len(rows)
    assert abs(len(rows) - 0.2 * 600 * 4) < 90
    assert len({row["event_id"] for row in rows}) == len(rows)
    assert all(canonical_person(row["person"]) == row["person"] for row in rows)
    assert {row["contact_with_case"] for row in rows} == {"", "true", "false"}
    assert any(";" in row["symptoms"] for row in rows)
    assert {row["channel"] for row in rows} == {"tokhaiyte", "bluezone"}


def test_about_one_declaration_in_a_hundred_is_symptomatic_without_an_infection(tmp_path):
    made(tmp_path / "w", Knobs(declaring=1.0, cases=0.0, infectiousness=0.0))
    rows = rows_of(tmp_path / "w", "declarations.csv")
    assert len(rows) == 600 * 4
    sick = [row for row in rows if {"fever", "cough", "breathless"} & set(row["symptoms"].split(";"))]
    assert 0.004 < len(sick) / len(rows) < 0.014  # published: 0.38 to 1.4 %
    assert 0 < sum(row["contact_with_case"] == "true" for row in rows) < 60
