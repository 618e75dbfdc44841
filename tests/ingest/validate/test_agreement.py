"""The kernels say of every record what the plain reference says, however hostile it is."""

import dataclasses
import json

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.formats.json_fallback import decode
from pipelines.ingest.formats.ndjson_kernel import READ, read_lines
from pipelines.ingest.validate.scans import parse
from pipelines.kernels.types import read_only
from tests.ingest.reference import (
    FIELDS,
    SETTINGS,
    Row,
    columns_of,
    judge_line,
    judge_record,
    outcomes,
)

CHUNK = 5
often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

NOTHING = ["nan", "NaN", "N/A", "na", "None", "NULL", "-", " - ", "\u200b", " ", "\t", "nann", "n/"]
ODD_TEXT = st.sampled_from(NOTHING) | st.text(
    st.sampled_from(
        "aZ09 \t\u00a0:;*+-.()ếệ\u0302\u0301\u202e\u200b\u0000\u001f\u007f\u0085\u2066\u212a😀Tầng"
    ),
    max_size=12,
)
LONG_TEXT = st.tuples(st.sampled_from("aế"), st.integers(20, 140)).map(lambda pair: pair[0] * pair[1])
DIGITS = st.text("0123456789", min_size=3, max_size=14)
PHONES = st.tuples(
    st.sampled_from(["phone:", "phone:+", "phone:0", "phone:84", "phone:+84", "phone:0084", "phone:(0"]),
    st.lists(st.sampled_from(["905", "123", "456", "0", "84", "7", " ", "-", ".", ")"]), max_size=8),
).map(lambda pair: pair[0] + "".join(pair[1]))
PERSONS = st.one_of(
    st.sampled_from(["phone:0905123456", "phone:+84 905 123 456", "qid:Nguyễn", "cccd:001234567890"]),
    PHONES,
    st.tuples(st.sampled_from(["cccd:", "bhyt:dn", "bhyt:", "passport:c ", "passport:"]), DIGITS).map(
        "".join
    ),
    st.tuples(st.sampled_from(["qid:", "device:", "Phone:", ""]), ODD_TEXT | LONG_TEXT).map("".join),
)
TIMES = st.one_of(
    st.sampled_from(
        [
            "2021-07-01T08:30:00+07:00",
            "\u00a02021-07-01T01:30:00Z",
            "2021-02-29T00:00:00Z",
            "2020-02-29T00:00:00z",
        ]
    ),
    st.tuples(
        st.sampled_from(["2021-06-30", "2021-07-01", "0001-01-01", "9999-12-31", "0000-01-01", "1900-02-29"]),
        st.sampled_from(["T", "t", " ", "_"]),
        st.sampled_from(["08:30:00", "23:59:59", "24:00:00", "08:30:60", "8:30:00", "08:30:0a"]),
        st.sampled_from(["", "", ".5", ".", ".123456789", "." + "1" * 120]),
        st.sampled_from(
            ["Z", "z", "Z ", "+07:00", "-00:00", "", "+24:00", "-07:60", "+0700", "+14:00", "-23:59"]
        ),
    ).map("".join),
    ODD_TEXT,
)
VALUES = {
    "event_id": st.one_of(st.uuids().map(str), ODD_TEXT, LONG_TEXT),
    "person": PERSONS,
    "venue": st.one_of(st.sampled_from(["QNG-0001", "Chợ"]), ODD_TEXT, LONG_TEXT),
    "person_code": st.one_of(ODD_TEXT, st.integers(4094, 4099).map(lambda size: "x" * size)),
    "code": st.one_of(ODD_TEXT, st.integers(4094, 4099).map(lambda size: "x" * size)),
    "direction": st.sampled_from(["in", "out", "unknown", "In", "", "in ", "\u00a0out", "nan", "-", "In "]),
    "occurred_at": TIMES,
    "zone": st.one_of(
        st.sampled_from(["Tầng 2", "Tâ\u0300ng 2", "TẦNG 2 ", "T1", "t1", "ΐ" * 40, "ß" * 64]),
        ODD_TEXT,
        LONG_TEXT,
    ),
    "scan_mode": st.sampled_from(["self", "guard", "kiosk", "manual", "nfc", "", "SELF", " self", "N/A"]),
    "scanner": st.one_of(ODD_TEXT, LONG_TEXT),
}
GOOD = {"person": "phone:0905123456", "venue": "QNG-0001", "occurred_at": "2021-07-01T08:30:00+07:00"}
CHANGES = st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in VALUES.items()})
TEXT_RECORDS = st.tuples(CHANGES, st.sets(st.sampled_from(FIELDS), max_size=3)).map(
    lambda pair: {**GOOD, **{name: value for name, value in pair[0].items() if name in pair[1]}}
)
OTHERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    ODD_TEXT,
    st.just([1, {"a": [2]}]),
    st.integers(12, 18).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)
KEYS = st.sampled_from([*FIELDS, "extra", "zone2", "ế", "", "Person", "person\u0000", "occurred_by"])


@st.composite
def lines(draw):
    """Return a line that says a record in one of the many ways of JSON, now and then damaged."""
    pairs = list(draw(TEXT_RECORDS).items())
    pairs += draw(st.lists(st.tuples(KEYS, OTHERS), max_size=2))
    pairs = draw(st.permutations(pairs))
    blank = draw(st.sampled_from(["", "", " ", "\t", " \r "]))
    write = json.JSONEncoder(ensure_ascii=draw(st.booleans())).encode
    parts = [f"{write(key)}{blank}:{blank}{write(value)}" for key, value in pairs]
    line = (blank + "{" + blank + f"{blank},{blank}".join(parts) + blank + "}" + blank).encode()
    return draw(damaged(line))


def damaged(line):
    odd = st.sampled_from(
        [b"", b'"', b"\\", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00", b"\x1f", b"{", b"}", b",", b"0"]
    )
    place = st.integers(0, len(line))
    cut = st.tuples(place, st.integers(0, 2), odd).map(
        lambda change: line[: change[0]] + change[2] + line[change[0] + change[1] :]
    )
    return st.one_of(st.just(line), st.just(line), cut).map(lambda found: found.replace(b"\n", b""))


def block_of(raw_lines, end=b"\n"):
    return Lines(7, np.frombuffer(b"\n".join(raw_lines) + end, np.uint8))


def is_blank(raw):
    return not raw.strip(b" \t\r")


def without_unsealed(outcome):
    """Drop the identifier of a row that is refused for its time: nothing of it is sealed."""
    faulty = isinstance(outcome, Row) and outcome.fault
    return dataclasses.replace(outcome, identifier="") if faulty else outcome


def agree(expected, parsed):
    sealed = {row.identifier for row in expected if isinstance(row, Row) and not row.fault}
    assert {identifier.decode() for identifier in parsed.identifiers} == sealed
    found = [without_unsealed(outcome) for outcome in outcomes(parsed)]
    assert found == [without_unsealed(outcome) for outcome in expected]


@often
@given(st.lists(lines(), max_size=6), st.sampled_from([b"", b"\n", b"\r\n", b"\n" * 40]))
def test_every_line_is_judged_as_the_reference_judges_it(raw_lines, end):
    parsed = parse(block_of(raw_lines, end), CHUNK, SETTINGS)
    records = [raw.removesuffix(b"\r") for raw in raw_lines if not is_blank(raw)]
    agree([judge_line(raw) for raw in records], parsed)


@often
@given(st.lists(TEXT_RECORDS, max_size=6))
def test_every_row_of_columns_is_judged_as_the_reference_judges_it(records):
    parsed = parse(columns_of(records), CHUNK, SETTINGS)
    agree([judge_record(record) for record in records], parsed)


@often
@given(st.lists(lines(), max_size=6))
def test_the_fast_parser_reads_what_the_strict_one_reads_or_leaves_the_line_to_it(raw_lines):
    data = read_only(np.frombuffer(b"\n".join(raw_lines) + b"\n", np.uint8))
    begin, end, state, start, length, side = read_lines(data)
    both = np.concatenate((data, side))
    assert state.size == sum(not is_blank(raw) for raw in raw_lines)
    for row in range(state.size):
        raw = data[begin[row] : end[row]].tobytes()
        spans = {
            field: both[start[field, row] :][: length[field, row]].tobytes()
            for field in range(len(FIELDS))
            if length[field, row] >= 0
        }
        values, reason = decode(raw)
        if state[row] == READ:
            assert spans == values or not is_utf8(raw)
            assert reason == 0 or not is_utf8(raw)
        else:
            assert spans == {}


def is_utf8(raw):
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_lines_of_the_common_forms_are_not_in_doubt():
    extras = [
        {},
        {"zone": "Tầng 2"},
        {"person": "phone:+84 905 123 456"},
        {"app": "bản 2", "battery": 0.5, "retries": -3, "debug": True, "old": False, "note": None},
        {"event_id": None, "scanner": ""},
        {"zone": 'Tầng "2"', "note": "a\n\\\t😀"},
    ]
    text = "".join(
        json.dumps(GOOD | extra, ensure_ascii=ascii_only) + "\r\n"
        for extra in extras
        for ascii_only in (True, False)
    )
    state = read_lines(read_only(np.frombuffer(text.encode(), np.uint8)))[2]
    assert state.tolist() == [READ] * 2 * len(extras)
