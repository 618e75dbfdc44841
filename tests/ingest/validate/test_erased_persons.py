"""Records of persons who were erased, and of purged days, are told by reason and to the microsecond."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipelines.ingest.events import DATED, parse_dated
from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.reference_tables import CASE_SOURCE, read_records
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.scans import ParseSettings, parse
from pipelines.lake.forgotten import Forgotten
from pipelines.privacy.keys import create_keys, erasure_hash
from pipelines.times import parse_instant

AT = "2021-07-10T08:00:00Z"
AT_US = parse_instant(AT)
BEFORE, AFTER = "2021-07-10T07:59:59.999999Z", "2021-07-10T08:00:00.000001Z"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return create_keys(tmp_path_factory.mktemp("erased") / "keys")


@pytest.fixture
def settings(keys):
    """Until `AT` An is erased, and the horizon lies a day before."""
    forgotten = Forgotten().purge(AT_US - 86_400_000_000, AT_US - 3 * 86_400_000_000)
    forgotten = forgotten.erase(erasure_hash(keys, b"device:an"), AT_US)
    limits = parse_instant("2021-07-01T00:00:00Z"), parse_instant("2021-07-20T00:00:00Z")
    return ParseSettings(keys, *limits, forgotten)


def block(records):
    data = "".join(json.dumps(one) + "\n" for one in records).encode()
    return Lines(0, np.frombuffer(data, np.uint8).copy())


TIMES = {
    AT: ("erased", ""),
    BEFORE: ("erased", ""),
    AFTER: ("", ""),
    "2021-07-09T08:00:00Z": ("erased", ""),
    "2021-07-09T07:59:59.999999Z": ("past_retention", "past_retention"),
    "2021-06-01T00:00:00Z": ("too_old", "too_old"),
    "2021-07-21T00:00:00Z": ("too_new", "too_new"),
}


@pytest.mark.parametrize(("at", "reasons"), TIMES.items())
def test_a_scan_is_refused_by_the_first_reason(settings, at, reasons):
    records = [{"person": f"device:{name}", "venue": "cafe", "occurred_at": at} for name in ("an", "binh")]
    faults = parse(block(records), 0, settings).scans["fault"].to_pylist()
    assert tuple(REASONS[fault] for fault in faults) == reasons


@pytest.mark.parametrize(("at", "reasons"), list(TIMES.items())[:6])
@pytest.mark.parametrize("side", ["person_a", "person_b"])
def test_an_encounter_with_an_erased_person_on_either_side_is_refused(settings, side, at, reasons):
    other = "person_b" if side == "person_a" else "person_a"
    records = [
        {side: f"device:{name}", other: "device:chi", "started_at": at, "ended_at": "2021-07-19T00:00:00Z"}
        for name in ("an", "binh")
    ]
    faults = parse_dated(DATED["encounters"], block(records), 0, settings).rows["fault"].to_pylist()
    assert tuple(REASONS[fault] for fault in faults) == reasons


@pytest.mark.parametrize(
    ("person", "dates", "reason"),
    [
        ("an", {"sampled_at": AT}, "erased"),
        ("an", {"sampled_at": AFTER}, ""),
        ("an", {"sampled_at": "2021-07-01T00:00:00Z", "reported_at": AFTER}, ""),
        ("an", {}, "erased"),
        ("binh", {}, ""),
        ("binh", {"sampled_at": "2021-07-07T08:00:00Z"}, ""),
        ("binh", {"sampled_at": "2021-07-07T07:59:59Z"}, "past_retention"),
        ("binh", {"sampled_at": "2021-07-01T00:00:00Z", "withdrawn_at": AT}, ""),
    ],
)
def test_a_case_goes_by_its_latest_date(settings, person, dates, reason):
    blocks = [block([{"case_id": "BN-1", "person": f"device:{person}", **dates}])]
    read = read_records(CASE_SOURCE, blocks, settings.keys, None, settings.forgotten)
    assert read.reasons == ({reason: 1} if reason else {})
    assert read.rows.num_rows == (not reason)
    assert list(read.identifiers) == ([] if reason else [f"device:{person}".encode()])


def test_the_hash_alone_decides_and_not_its_beginning(settings):
    (person,) = settings.forgotten.erased
    near = replace(settings, forgotten=Forgotten().erase(f"{person[:16]}{'0' * 48}", AT_US))
    records = [{"person": "device:an", "venue": "cafe", "occurred_at": AT}]
    assert parse(block(records), 0, near).scans["fault"].to_pylist() == [0]


def test_no_identifier_of_a_refused_scan_is_sealed(settings):
    records = [{"person": "device:an", "venue": "cafe", "occurred_at": AT}]
    assert list(parse(block(records), 0, settings).identifiers) == []
