"""A slip in a column's name is told with the nearest field, and a value is never taken for a name."""

import json

import numpy as np
import pytest

from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.formats.column_names import (
    SAMPLED_LINES,
    fields_of,
    in_any_case,
    nearest_field,
    sampled_names,
    unknown_among,
)
from tests.ingest.input_files import SCANS, avro_of, blocks, csv_of, ndjson_of, parquet_of, write

CASE = {"case_id": "C1", "person": "phone:0905123456", "isolated_date": "2021-07-01"}
SCAN = {**SCANS[0], "Direction": "in"}


@pytest.mark.parametrize(
    ("name", "contract", "near"),
    [
        ("isolated_date", "case", "isolated_at"),
        ("Direction", "scan", "direction"),
        ("onset date", "case", "onset_at"),
        ("capasity", "venue", "capacity"),
        ("CaseID", "case", "case_id"),
        ("occured_at", "scan", "occurred_at"),
        ("nhiệt độ", "scan", None),
        ("x", "scan", None),
    ],
)
def test_the_nearest_field_is_named(name, contract, near):
    assert nearest_field(name, contract) == near


@pytest.mark.parametrize("form", [".ndjson", ".parquet", ".avro"])
def test_an_unknown_column_is_named_in_every_format(tmp_path, form):
    make = {".ndjson": ndjson_of, ".parquet": parquet_of, ".avro": avro_of}[form]
    fields = {
        contract: [{"name": name, "type": "string"} for name in record]
        for contract, record in (("case", CASE), ("scan", SCAN))
    }
    for contract, record, unknown in (("case", CASE, "isolated_date"), ("scan", SCAN, "Direction")):
        schema = {"type": "record", "name": "R", "fields": fields[contract]}
        content = make([record], schema) if form == ".avro" else make([record])
        (block,) = blocks(write(tmp_path, f"{contract}{form}", content), contract=contract)
        found = sampled_names(block, contract) if isinstance(block, Lines) else block.names
        assert found.unknown == (unknown,)


def test_in_csv_case_does_not_count_and_is_told(tmp_path):
    (block,) = blocks(write(tmp_path, "a.csv", csv_of([SCAN])))
    assert (block.names.unknown, block.names.taken) == ((), (("Direction", "direction"),))


def test_an_exact_name_goes_before_one_of_another_case():
    names, said = in_any_case(["zone", "Zone", "PERSON"], "scan")
    assert names == ["zone", "Zone", "person"]
    assert (said.unknown, said.taken) == (("Zone",), (("PERSON", "person"),))


@pytest.mark.parametrize(
    "name",
    [
        "phone:0905123456",
        "0905123456",
        "a@b.vn",
        "x" * 65,
        "a\nb",
        "a\u202eb",
        "Lan 051099777111",
        '{"a":1}',
        "-",
    ],
)
def test_a_name_that_may_be_a_value_is_not_shown(name):
    assert unknown_among([name], "scan") == ("…",)


def test_of_very_many_unknown_names_some_are_told():
    assert len(unknown_among((f"key_{number}" for number in range(5_000)), "scan")) == 32


def test_known_empty_and_repeated_names_are_not_named_again():
    assert unknown_among([*fields_of("scan"), "", "note", "note"], "scan") == ("note",)


def test_the_first_lines_of_a_block_are_looked_at_and_rubbish_is_passed_over():
    records = [json.dumps({"person": "p", f"key_{chr(97 + number % 26)}": 1}) for number in range(200)]
    text = "\n".join(["", "rubbish", "[1]", '"text"', '{"a":', *records])
    block = Lines(0, np.frombuffer(text.encode(), np.uint8))
    assert len(sampled_names(block, "scan").unknown) == 26
    late = "\n".join(['{"person": "p"}'] * SAMPLED_LINES + ['{"late": 1}'])
    assert sampled_names(Lines(0, np.frombuffer(late.encode(), np.uint8)), "scan").unknown == ()
    assert sampled_names(Lines(0, np.empty(0, np.uint8)), "scan").unknown == ()
