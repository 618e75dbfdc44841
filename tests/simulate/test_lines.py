import json
import re

import fastavro
import numpy as np

from pipelines.simulate.lines import fields_of, names_of, write_lines
from pipelines.simulate.observe import ABSENT, IN, OUT, SCAN
from pipelines.simulate.people import make_households, make_people
from pipelines.simulate.places import make_places
from pipelines.simulate.settings import DEFAULT_START, Knobs, Settings
from schemas.contract import WIRE_FOLDER, load_contract
from tests.simulate.worlds import lines_of

SETTINGS = Settings(50, 30, 4, 1, DEFAULT_START, Knobs())
SCAN_SCHEMA = fastavro.parse_schema(json.loads((WIRE_FOLDER / "scan.avsc").read_text()))


def some_scans():
    """Scans of all shapes, and what their lines need."""
    household, households = make_households(SETTINGS)
    places = make_places(SETTINGS, households)
    people = make_people(SETTINGS, places, household)
    scans = np.zeros(200, SCAN)
    row = np.arange(200)
    scans["event_id"] = np.where(row % 7, row * 0x123456789ABCDEF, 0)
    scans["person"], scans["place"], scans["spelling"] = row % 50, row % 30, row % 8
    scans["zone"], scans["mode"], scans["scanner"] = row % 21, row % 6, row % 4
    scans["direction"] = np.array([IN, OUT, ABSENT, 0])[row % 4]
    scans["written"] = row * 1_234_567 - 100_000_000
    return scans, people, names_of(SETTINGS, places)


def test_the_kernel_writes_what_the_standard_library_writes():
    scans, people, names = some_scans()
    lines = write_lines(scans, people, names).tobytes().splitlines()
    plain = [json.dumps(fields_of(scan, people, names), separators=(",", ":")).encode() for scan in scans]
    assert lines == plain


def test_flawed_lines_keep_their_place_among_the_others():
    scans, people, names = some_scans()
    usual = write_lines(scans, people, names).tobytes().splitlines()
    scans["flaw"][[3, 4, 150]] = 3
    mixed = write_lines(scans, people, names).tobytes().splitlines()
    assert [row for row in range(200) if mixed[row] != usual[row]] == [3, 4, 150]
    assert mixed[150] == b"<html><h1>502 Bad Gateway</h1></html>"


def test_no_scans_give_no_bytes():
    scans, people, names = some_scans()
    assert write_lines(scans[:0], people, names).size == 0


def test_every_line_of_a_world_without_malformed_records_meets_the_wire_contract(perfect_world):
    folder, _ = perfect_world(unusual=0.05, without_id=0.1, one_way=0.2, guarded=0.2)
    known = {field.name for field in load_contract("scan").fields}
    for line in lines_of(folder):
        scan = json.loads(line)
        record = {name: value for name, value in scan.items() if name in known}
        assert fastavro.validate(record, SCAN_SCHEMA)


def test_usual_lines_have_their_fields_in_the_order_of_the_contract(perfect_world):
    folder, _ = perfect_world(without_id=0.1, guarded=0.2)
    order = [field.name for field in load_contract("scan").fields if "code" not in field.name]
    for line in lines_of(folder):
        names = list(json.loads(line))
        # The contract names direction and time before the zone, the simulator behind it.
        assert names == [name for name in LINE_ORDER if name in names]
    assert sorted(order) == sorted(LINE_ORDER)


LINE_ORDER = ("event_id", "person", "venue", "zone", "direction", "occurred_at", "scan_mode", "scanner")


def test_times_carry_the_offset_of_vietnam(perfect_world):
    folder, _ = perfect_world()
    pattern = re.compile(r"2021-08-0[1-4]T\d\d:\d\d:\d\d\+07:00")
    assert all(pattern.fullmatch(json.loads(line)["occurred_at"]) for line in lines_of(folder))
