"""Encounters and declarations: what one record must be, and what a repeat of it is."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.dedupe import CONFLICT, DUPLICATE, NEW, OUT_OF_RANGE
from pipelines.ingest.events import DATED, dated_order, event_marks, judge_dated, parse_dated
from pipelines.ingest.formats.blocks import ROW_BITS
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.scans import ParseSettings
from pipelines.privacy.keys import create_keys, token
from pipelines.times import parse_instant
from tests.ingest.input_files import FORMS, PACK, avro_of, write
from tests.ingest.reference import KEYS

MEETING = {
    "event_id": "e1",
    "person_a": "phone:0905123456",
    "person_b": "device:x",
    "started_at": "2021-07-01T08:00:00+07:00",
    "ended_at": "2021-07-01T08:10:00.25+07:00",
    "distance_m": 1.5,
}
DECLARED = {"person": "qid:Nguyễn A", "declared_at": "2021-07-01T08:00:00+07:00"}
OLDEST, NEWEST = "2021-06-01T00:00:00Z", "2021-07-02T00:00:00Z"


@pytest.fixture(scope="module")
def how(tmp_path_factory):
    keys = create_keys(tmp_path_factory.mktemp("keys") / "k")
    return ParseSettings(keys, parse_instant(OLDEST), parse_instant(NEWEST))


@pytest.fixture
def parsed(tmp_path, how):
    """What becomes of records of an input, by default NDJSON."""

    def read(name, rows, form=".ndjson", pack=""):
        source = DATED[name]
        make = (lambda given: avro_of(given, source.contract)) if form == ".avro" else FORMS[form]
        content = rows if isinstance(rows, bytes) else PACK[pack](make(rows))
        (chunk,) = list_chunks([write(tmp_path, f"{name}{form}{pack}", content)])
        (block,) = read_blocks(chunk, source.contract)
        return parse_dated(source, block, 3, how)

    return read


def outcomes(block):
    """Return the reason of each record in its order; the empty text is none."""
    refused = zip(block.refused_row.tolist(), block.refused_reason.tolist(), strict=True)
    kept = zip(block.rows["row"].to_pylist(), block.rows["fault"].to_pylist(), strict=True)
    reasons = dict(sorted([*refused, *kept]))
    assert len(reasons) == block.received
    return [REASONS[reason] for reason in reasons.values()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", PACK)
def test_every_format_gives_the_same_encounter(parsed, how, form, pack):
    block = parsed("encounters", [MEETING], form, pack)
    one, other = token(how.keys, "phone:+84905123456"), token(how.keys, "device:x")
    (row,) = block.rows.select(DATED["encounters"].table.file_schema.names).to_pylist()
    assert (row["person_a"], row["person_b"]) == (min(one, other), max(one, other))
    assert (row["started_at"].isoformat(), row["ended_at"].isoformat()) == (
        "2021-07-01T01:00:00+00:00",
        "2021-07-01T01:10:00.250000+00:00",
    )
    assert (row["event_id"], row["distance_m"], row["attenuation_db"]) == ("e1", 1.5, None)
    assert dict(zip(block.tokens.tolist(), block.identifiers, strict=True)) == {
        one: b"phone:+84905123456",
        other: b"device:x",
    }


LINK = {
    "person_a": "cccd:051200000001",
    "person_b": "phone:0905123456",
    "seen_at": "2021-07-01T08:00:00+07:00",
    "source": "personal_qr",
    "self": True,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_link_whichever_identifier_comes_first(parsed, how, form):
    turned = {**LINK, "person_a": LINK["person_b"], "person_b": LINK["person_a"]}
    given = [{**one, "self": "Có"} if form == ".csv" else one for one in (LINK, turned)]
    card, phone = token(how.keys, "cccd:051200000001"), token(how.keys, "phone:+84905123456")
    block = parsed("links", given, form)
    for row in block.rows.to_pylist():
        kinds = {row["person_a"]: row["kind_a"], row["person_b"]: row["kind_b"]}
        assert kinds == {card: "cccd", phone: "phone"}
        assert row["person_a"] < row["person_b"]
        assert row["seen_at"].isoformat() == "2021-07-01T01:00:00+00:00"
        assert (row["event_id"], row["source"], row["self"]) == (None, "personal_qr", True)
    assert judge_dated(block.rows).tolist() == [NEW, DUPLICATE]
    assert sorted(block.identifiers) == [b"cccd:051200000001", b"phone:+84905123456"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"person_b": "cccd:051200000001"}, "malformed"),
        ({"person_a": "phone:+84905123456"}, "malformed"),
        ({"source": "gossip"}, "malformed"),
        ({"source": None}, "missing_field"),
        ({"self": "perhaps"}, "malformed"),
        ({"person_b": "phone:12"}, "bad_person"),
        ({"person_a": "phone:13", "person_b": "phone:12"}, "bad_person"),  # two of them are not one person
        ({"seen_at": "2021-07-01"}, "bad_time"),
        ({"seen_at": "2021-05-01T08:00:00Z"}, "too_old"),
        ({"seen_at": "2021-08-01T08:00:00Z"}, "too_new"),
        ({"self": None}, ""),
    ],
)
def test_a_link_is_refused_for_its_first_defect(parsed, change, reason):
    assert outcomes(parsed("links", [{**LINK, **change}])) == [reason]


def test_who_does_not_say_that_he_showed_both_identifiers_did_not(parsed):
    assert parsed("links", [{**LINK, "self": None}]).rows["self"].to_pylist() == [False]


FULL = {
    **DECLARED,
    "event_id": "d1",
    "symptoms": "fever;cough",
    "contact_with_case": True,
    "contact_with_ill": False,
    "contact_abroad": True,
    "travelled_from": "Đà Nẵng",
    "district_code": "522",
    "channel": "tokhaiyte",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_declaration(parsed, how, form):
    words = {"contact_with_case": "true", "contact_with_ill": "Không", "contact_abroad": "Có"}
    given = {**FULL, **words} if form == ".csv" else FULL
    (row,) = parsed("declarations", [given], form).rows.drop(["row", "fault"]).to_pylist()
    assert row.pop("declared_at").isoformat() == "2021-07-01T01:00:00+00:00"
    assert row == {
        **{name: value for name, value in FULL.items() if name != "declared_at"},
        "person": token(how.keys, "qid:Nguyễn A"),
    }


def test_symptoms_may_be_a_list_and_what_may_be_empty_may_be_absent(parsed):
    rows = [{**DECLARED, "symptoms": ["fever", "cough"]}, DECLARED]
    block = parsed("declarations", rows)
    assert block.rows["symptoms"].to_pylist() == ["fever;cough", None]
    assert block.rows["contact_with_case"].to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *((word, True) for word in ("true", "TRUE", "yes", "1", "có", "Có")),
        *((word, False) for word in ("false", "No", "0", "không", "KHÔNG")),
        ("", None),
    ],
)
def test_a_csv_form_may_answer_in_words_of_either_language(parsed, word, value):
    block = parsed("declarations", [{**DECLARED, "contact_with_case": word}], ".csv")
    assert outcomes(block) == [""]
    assert block.rows["contact_with_case"].to_pylist() == [value]


@pytest.mark.parametrize(("word", "form"), [("maybe", ".csv"), ("2", ".csv"), ("yes", ".ndjson")])
def test_an_answer_that_is_neither_yes_nor_no_is_malformed(parsed, word, form):
    block = parsed("declarations", [{**DECLARED, "contact_with_case": word}], form)
    assert outcomes(block) == ["malformed"]


WRONG_ENCOUNTERS = [
    ({"person_a": None}, "missing_field"),
    ({"ended_at": ""}, "missing_field"),
    ({"person_b": "nobody"}, "bad_person"),
    ({"person_b": "phone:+84 905 123 456"}, "bad_person"),  # himself, in another spelling
    ({"started_at": "2021-07-01T08:00:00"}, "bad_time"),
    ({"started_at": "2021-07-01"}, "bad_time"),
    ({"ended_at": "2021-07-01T08:00:00+07:00"}, "bad_time"),  # no length
    ({"ended_at": "2021-07-01T07:59:59+07:00"}, "bad_time"),
    ({"ended_at": "2021-07-01T07:59:59+07:00", "person_b": "phone:0905123456"}, "bad_person"),
    ({"distance_m": -0.1}, "malformed"),
    ({"distance_m": "1.5"}, "malformed"),  # a text in JSON
    ({"attenuation_db": True}, "malformed"),
    ({"attenuation_db": 55}, ""),
    ({"distance_m": None}, ""),
    ({"event_id": "x" * 64}, ""),
    ({"event_id": "x" * 65}, "bad_text"),
    ({"event_id": 7}, "malformed"),
    ({"unknown": {"deep": [1]}}, ""),
    ({"started_at": "2021-05-31T23:59:59.999999Z"}, "too_old"),
    ({"started_at": "2021-06-01T00:00:00Z"}, ""),
    ({"ended_at": "2021-07-02T00:00:00Z"}, ""),
    ({"ended_at": "2021-07-02T00:00:00.000001Z"}, "too_new"),
    ({"started_at": "2021-05-31T00:00:00Z", "ended_at": "2021-07-03T00:00:00Z"}, "too_old"),
]


def test_the_first_defect_of_an_encounter_counts(parsed):
    rows = [{**MEETING, **change} for change, _ in WRONG_ENCOUNTERS]
    assert outcomes(parsed("encounters", rows)) == [reason for _, reason in WRONG_ENCOUNTERS]


@pytest.mark.parametrize("text", ["infinity", "inf", "-1", "1e999", "1,5", "0x1", "1 2"])
def test_a_measure_is_a_finite_number_from_0_in_text_as_well(parsed, text):
    rows = [{**MEETING, "distance_m": text}, {**MEETING, "distance_m": "-0.0"}]
    block = parsed("encounters", rows, ".csv")
    assert outcomes(block) == ["malformed", ""]
    assert str(block.rows["distance_m"][0].as_py()) == "0.0"


@pytest.mark.parametrize("text", ["nan", "N/A", "-", " ", "\u00a0", "None"])
def test_a_measure_that_was_not_taken_is_empty(parsed, text):
    block = parsed("encounters", [{**MEETING, "distance_m": text}], ".csv")
    assert (outcomes(block), block.rows["distance_m"].to_pylist()) == ([""], [None])


def test_blanks_around_a_measure_an_instant_and_an_id_do_not_count(parsed):
    padded = {name: f" {value}\u00a0" for name, value in MEETING.items()}
    plain, blank = (parsed("encounters", [rows], ".csv").rows for rows in (MEETING, padded))
    assert plain.equals(blank)


def test_floats_that_are_not_finite_are_empty_or_refused_in_parquet(parsed):
    rows = [{**MEETING, "distance_m": value} for value in (float("nan"), float("inf"), -1.0, 0.1 + 0.2)]
    block = parsed("encounters", rows, ".parquet")
    assert outcomes(block) == ["", "malformed", "malformed", ""]
    assert block.rows["distance_m"].to_pylist() == [None, 0.1 + 0.2]


WRONG_DECLARATIONS = [
    ({"declared_at": None}, "missing_field"),
    ({"declared_at": "2021-07-01"}, "bad_time"),
    ({"person": "qid:*"}, "bad_person"),
    ({"contact_with_case": "yes"}, "malformed"),
    ({"symptoms": "x" * 129}, "bad_text"),
    ({"symptoms": "x" * 128 + ";fever"}, ""),
    ({"travelled_from": "a\u202eb"}, "bad_text"),
    ({"declared_at": "2021-07-03T00:00:00Z"}, "too_new"),
    ({"declared_at": "2021-01-01T00:00:00Z"}, "too_old"),
]


def test_the_first_defect_of_a_declaration_counts(parsed):
    rows = [{**DECLARED, **change} for change, _ in WRONG_DECLARATIONS]
    assert outcomes(parsed("declarations", rows)) == [reason for _, reason in WRONG_DECLARATIONS]


def test_malformed_lines_are_refused_by_their_place(parsed):
    block = parsed("encounters", b'\n{"broken\n' + b"[" * 20 + b"]" * 20 + b"\n" + b"x" * 17_000 + b"\n")
    assert outcomes(block) == ["malformed", "too_deep", "too_large"]
    assert (block.refused_row >> ROW_BITS).tolist() == [3, 3, 3]


def test_nobody_of_a_record_that_is_refused_is_sealed(parsed):
    rows = [{**MEETING, "ended_at": MEETING["started_at"]}, {**MEETING, "started_at": "2021-05-01T00:00:00Z"}]
    assert len(parsed("encounters", rows).identifiers) == 0


@pytest.fixture
def judged(parsed):
    """The verdicts on records; those before the bar lie in the lake already."""

    def judge(name, rows):
        held = rows.index("|") if "|" in rows else 0
        block = parsed(name, [row for row in rows if row != "|"])
        row = np.arange(block.received)
        row[:held] = -1
        place = block.rows.column_names.index("row")
        return judge_dated(block.rows.set_column(place, "row", pa.array(row))).tolist()

    return judge


def test_a_repeat_of_an_event_is_a_duplicate_and_another_content_a_conflict(judged):
    turned = {**MEETING, "person_a": MEETING["person_b"], "person_b": MEETING["person_a"]}
    rows = [MEETING, turned, {**MEETING, "distance_m": 2}, {**MEETING, "distance_m": None}, MEETING]
    assert judged("encounters", rows) == [NEW, DUPLICATE, CONFLICT, CONFLICT, DUPLICATE]


def test_the_lake_was_first(judged):
    other = {**MEETING, "attenuation_db": 60}
    assert judged("encounters", [MEETING, "|", other, MEETING, other]) == [NEW, CONFLICT, DUPLICATE, CONFLICT]


def test_without_an_event_id_the_content_tells(judged):
    bare = {name: value for name, value in MEETING.items() if name != "event_id"}
    rows = [bare, bare, {**bare, "distance_m": 2}, MEETING, {**bare, "event_id": ""}]
    assert judged("encounters", rows) == [NEW, DUPLICATE, NEW, NEW, DUPLICATE]


def test_a_record_out_of_time_is_refused_for_its_time_unless_it_repeats_one_that_was_accepted(judged):
    late = {**MEETING, "ended_at": "2021-07-03T00:00:00Z"}
    assert judged("encounters", [late, MEETING, late]) == [OUT_OF_RANGE, NEW, CONFLICT]
    assert judged("encounters", [late, "|", late]) == [OUT_OF_RANGE, OUT_OF_RANGE]


def test_every_field_of_a_declaration_is_content(judged):
    changes = [
        {"symptoms": "fever"},
        {"contact_with_case": False},
        {"travelled_from": "Huế"},
        {"district_code": "529"},
        {"person": "qid:other"},
        {"declared_at": "2021-07-01T08:00:00.000001+07:00"},
    ]
    rows = [FULL, FULL, *({**FULL, **change} for change in changes)]
    assert judged("declarations", rows) == [NEW, DUPLICATE, *[CONFLICT] * len(changes)]


few = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from([None, "a", "b"]),
        "row": st.sampled_from([-1, 0, 1, 2]),
        "content": st.integers(0, 2),
        "fault": st.sampled_from([0, 0, 10]),
    }
)


def expected(rows):
    """Return the rule once more, one event at a time."""
    verdicts, accepted = {}, {}
    for number in sorted(range(len(rows)), key=lambda number: (rows[number]["row"], number)):
        row = rows[number]
        event = row["event_id"] or ("content", row["content"])
        if event not in accepted:
            verdicts[number] = OUT_OF_RANGE if row["fault"] else NEW
            if not row["fault"]:
                accepted[event] = row["content"]
        else:
            verdicts[number] = DUPLICATE if accepted[event] == row["content"] else CONFLICT
    return [verdicts[number] for number in range(len(rows))]


@settings(max_examples=200, deadline=None)
@given(st.lists(few, min_size=1, max_size=8))
def test_verdicts_are_those_of_a_plain_reference(drawn):
    rows = [{**row, "row": -1 if row["row"] < 0 else number} for number, row in enumerate(drawn)]
    schema = DATED["declarations"].rows_schema
    cells = [
        {
            "event_id": row["event_id"],
            "person": row["content"],
            "declared_at": 0,
            "row": row["row"],
            "fault": 0 if row["row"] < 0 else row["fault"],
        }
        for row in rows
    ]
    rows = [{**row, "fault": cell["fault"]} for row, cell in zip(rows, cells, strict=True)]
    assert judge_dated(pa.Table.from_pylist(cells, schema=schema)).tolist() == expected(rows)


def test_rows_of_one_event_share_a_mark_no_matter_whom_they_name(parsed):
    rows = [MEETING, {**MEETING, "person_b": "device:y"}, {**MEETING, "event_id": "e2"}]
    rows += [{**MEETING, "event_id": None}, {**MEETING, "event_id": None, "distance_m": 9}]
    marks = event_marks(parsed("encounters", rows).rows, KEYS).tolist()
    assert marks[0] == marks[1] != marks[2]
    assert marks[3] == marks[4]


def test_rows_are_put_in_the_order_of_the_table_and_ties_in_that_of_the_input(parsed):
    later = {**MEETING, "started_at": "2021-07-01T08:00:01+07:00"}
    rows = [later, {**MEETING, "distance_m": 2}, {**MEETING, "person_b": "device:y"}, MEETING]
    table = parsed("encounters", rows).rows
    table = table.take(pa.array(dated_order(DATED["encounters"], table)))
    keys = [tuple(row[name] for name in DATED["encounters"].table.sorted_by) for row in table.to_pylist()]
    assert keys == sorted(keys)
    assert table["row"].to_pylist()[-1] & 0xFFFF == 0
    of_pair = [row for row in table["row"].to_pylist() if row & 0xFFFF in (1, 3)]
    assert of_pair == sorted(of_pair)


@pytest.mark.slow
@pytest.mark.parametrize("form", [".ndjson", ".csv"])
def test_encounters_of_many_blocks_are_parsed_and_judged(tmp_path, how, form):
    rows = [
        {**MEETING, "event_id": f"e{n}", "person_a": f"device:{n % 9973}", "distance_m": n % 500 / 100}
        for n in range(200_000)
    ]
    (chunk, *more) = list_chunks([write(tmp_path, f"many{form}", FORMS[form](rows))])
    blocks = [block for one in (chunk, *more) for block in read_blocks(one, "encounter")]
    parts = [parse_dated(DATED["encounters"], block, n, how).rows for n, block in enumerate(blocks)]
    assert (judge_dated(pa.concat_tables(parts)) == NEW).sum() == len(rows)
