"""What parsing accepts and refuses, record by record."""

import pytest

from pipelines.ingest.formats.blocks import ROW_BITS
from pipelines.ingest.validate.scans import PARSED, parse
from pipelines.privacy.keys import token, venue_id
from schemas.codes import DIRECTIONS, SCAN_MODES
from tests.ingest.reference import GOOD, KEYS, SETTINGS, block, columns_of, kept, line, of, scanner_token

PERSON = '"person":"phone:0905123456"'
VENUE = '"venue":"QNG-0001"'
TIME = '"occurred_at":"2021-07-01T08:30:00+07:00"'
REASONS_OF_LINES = """
    kept          | {$P,$V,$T}
    kept          |  { $P , $V , $T }
    kept          | {$P,$V,$T,"venue":"QNG-2"}
    kept          | {$P,$V,$T,"note":{"a":[1,2.5e3,true,null,"}"]}}
    kept          | {$P,$V,$T,"weight":1e5,"count":123456789012345678901234567890}
    kept          | {$P,$V,$T,"code":null,"zone":"","event_id":null}
    kept          | {$P,$V,$T,"pers\\u006fn":"phone:+84905123456"}
    missing_field | {$P,$V,$T,"person":null}
    malformed     | {$P,$V,$T,"venue":12}
    malformed     | {$P,$V,$T,"event_id":true}
    malformed     | {$P,$V,$T,"zone":["T1"]}
    malformed     | {$P,$V,$T,"scanner":{}}
    malformed     | {$P,$V,"occurred_at":1625103000}
    malformed     | {$P,$V,$T,"note":NaN}
    malformed     | {$P,$V,$T,"note":Infinity}
    malformed     | {$P,$V,$T,"note":-Infinity}
    malformed     | {$P,$V,$T,"note":1e999}
    malformed     | {$P,$V,$T,"note":01}
    malformed     | {$P,$V,$T,"note":1.}
    malformed     | {$P,$V,$T,"note":+1}
    malformed     | {$P,$V,$T,"note":tru}
    malformed     | {$P,$V,$T,"note":"\\ud800"}
    malformed     | {$P,$V,$T,"zone":"\\ud800"}
    malformed     | {$P,$V,$T,"zone":"\\udc00\\ud800"}
    malformed     | {$P,$V,$T,"zone":"\\x41"}
    malformed     | {$P,$V,$T,}
    malformed     | {$P,$V,$T
    malformed     | {$P,$V,$T}}
    malformed     | {$P,$V,$T} {}
    malformed     | {$P $V,$T}
    malformed     | {'person':'phone:0905123456'}
    malformed     | [{$P,$V,$T}]
    malformed     | "text"
    malformed     | null
    malformed     | 12
    malformed     | hello
    malformed     | person,venue,occurred_at
    malformed     | {$P,$V,$T,"direction":"In"}
    malformed     | {$P,$V,$T,"direction":"vào"}
    malformed     | {$P,$V,$T,"scan_mode":"photo"}
    kept          | {$P,$V,$T,"scan_mode":"self ","direction":"\\u00a0in"}
    malformed     | {$P,$V,$T,"direction":"in in"}
    kept          | {$P,$V,$T,"direction":"unknown","scan_mode":"nfc"}
    kept          | {$P,$V,$T,"zone":"T\\u1ea7ng 2"}
    bad_text      | {$P,$V,$T,"zone":"a\\u0000b"}
    bad_text      | {$P,$V,$T,"zone":"a\\nb"}
    bad_text      | {$P,$V,$T,"scanner":"a\\u007fb"}
    bad_text      | {$P,$V,$T,"venue":"a\\u0085b"}
    bad_text      | {$P,$V,$T,"event_id":"a\\u202eb"}
    bad_text      | {$P,$V,$T,"code":"a\\u2066b"}
    bad_text      | {$V,$T,"person":"qid:\\u061c"}
    bad_text      | {$P,$V,"occurred_at":"2021-07-01T08:30:00Z\\u0000"}
    missing_field | {$V,$T}
    missing_field | {$P,$T}
    missing_field | {$P,$V}
    missing_field | {}
    missing_field | {$P,$V,"occurred_at":""}
    missing_field | {$V,$T,"person":""}
    missing_field | {"person":"nobody",$V}
    bad_person    | {$V,$T,"person":"0905123456"}
    bad_person    | {$V,$T,"person":"Phone:0905123456"}
    bad_person    | {$V,$T,"person":"phone:090512345"}
    bad_person    | {$V,$T,"person":"cccd:12"}
    bad_person    | {$V,$T,"person":"qid:"}
    bad_person    | {$V,$T,"person":"qid:12*34"}
    bad_person    | {$V,"person":"phone","occurred_at":"never"}
    bad_time      | {$P,$V,"occurred_at":"2021-07-01T08:30:00"}
    bad_time      | {$P,$V,"occurred_at":"2021-07-01"}
    bad_time      | {$P,"code":"x","occurred_at":"2021-07-01"}
    bad_time      | {$P,$V,"occurred_at":"1625103000"}
    bad_code      | {$P,$T,"code":"NZCOVIDTRACER:e30"}
    bad_code      | {$P,$V,$T,"code":"QNG-0001"}
    too_old       | {$P,$V,"occurred_at":"0001-01-01T00:00:00+14:00"}
    too_new       | {$P,$V,"occurred_at":"9999-12-31T23:59:59-23:59"}
"""


@pytest.mark.parametrize("row", REASONS_OF_LINES.strip().splitlines(), ids=str.strip)
def test_a_line_is_refused_for_its_first_defect_or_kept(row):
    reason, _, text = (part.strip() for part in row.partition("|"))
    for short, long in (("$P", PERSON), ("$V", VENUE), ("$T", TIME)):
        text = text.replace(short, long)
    assert of(text) == [reason]


@pytest.mark.parametrize(
    "spelling",
    ["0905123456", "84905123456", "+84905123456", "+84 905 123 456", "(0905) 123-456", "0084905.123.456"],
)
def test_every_spelling_of_a_phone_is_one_person_and_one_content(spelling):
    assert kept(person=f"phone:{spelling}") == kept()
    assert kept().identifier == "phone:+84905123456"


def test_decomposed_vietnamese_is_the_same_zone_venue_event_and_person():
    composed = {"zone": "Tầng 2", "venue": "Chợ Quảng Ngãi", "event_id": "lượt-1", "person": "qid:Nguyễn"}
    decomposed = {
        "zone": "Tâ\u0300ng 2",
        "venue": "Cho\u031b\u0323 Qua\u0309ng Nga\u0303i",
        "event_id": "lu\u031bo\u031b\u0323t-1",
        "person": "qid:Nguye\u0302\u0303n",
    }
    assert kept(**composed) == kept(**decomposed)
    assert kept(**decomposed).zone == "Tầng 2"


@pytest.mark.parametrize("zone", ["Tầng k1", "TẦNG K1", " tầng k1\u00a0", "ta\u0302\u0300ng K1"])
def test_zones_are_compared_without_case_and_kept_in_one_spelling(zone):
    assert kept(zone=zone) == kept(zone="Tầng K1")
    assert kept(zone=zone).zone == "Tầng K1"


@pytest.mark.parametrize("word", ["nan", "N/A", "na", "None", "NULL", "-", " ", "\u200b"])
def test_a_word_for_nothing_is_an_absent_field(word):
    names = ("event_id", "zone", "direction", "scan_mode", "scanner", "code", "person_code")
    for name in names:
        assert kept(**{name: word}) == kept()
    assert of(line(venue=word)) == ["missing_field"]
    assert of(line(person=word)) == ["missing_field"]
    assert of(line(occurred_at=word)) == ["bad_time" if word.strip(" \u200b") else "missing_field"]


def test_blanks_around_a_field_do_not_count():
    padded = {name: f" \u00a0{value}\ufeff\t" for name, value in GOOD.items()}
    rest = {"event_id": "e 1", "zone": "T1", "direction": "in", "scan_mode": "nfc", "scanner": "R-1"}
    assert kept(**padded, **{name: f"\u2003{value} " for name, value in rest.items()}) == kept(**rest)
    assert kept(event_id="1", scanner=" R1 ").event_key == kept(event_id="1", scanner="R1").event_key


@pytest.mark.parametrize(
    ("field", "size"),
    [("event_id", 64), ("venue", 128), ("zone", 128), ("scanner", 128), ("code", 4096), ("occurred_at", 128)],
)
def test_a_text_is_refused_from_one_byte_over_its_limit_on(field, size):
    fits = {"code": "bad_code", "occurred_at": "bad_time"}.get(field, "kept")
    assert of(line(**{field: "x" * size})) == [fits]
    assert of(line(**{field: "x" * (size + 1)})) == ["bad_text"]
    assert of(line(**{field: "ă" * (size // 2)})) == [fits]
    assert of(line(**{field: "ă" * (size // 2) + "x"})) == ["bad_text"]


def test_the_limit_of_a_person_holds_for_the_value_behind_a_known_kind():
    assert of(line(person="device:" + "x" * 128)) == ["kept"]
    assert of(line(person="device:" + "x" * 129)) == ["bad_text"]
    assert of(line(person="machine:" + "x" * 120)) == ["bad_person"]
    assert of(line(person="machine:" + "x" * 121)) == ["bad_text"]


def test_the_limit_holds_for_the_composed_text():
    assert of(line(zone="e\u0302\u0301" * 42)) == ["kept"]
    assert of(line(zone="e\u0302\u0301" * 43)) == ["bad_text"]


def test_a_line_of_16_kilobytes_is_read_and_a_longer_one_is_not():
    room = 16 * 1024 - len(line(note=""))
    assert of(line(note="x" * room)) == ["kept"]
    assert of(line(note="x" * (room + 1))) == ["too_large"]
    assert of("x" * (16 * 1024 + 1), "\n", line(note="x" * 100_000), "\n", line()) == [
        "too_large",
        "too_large",
        "kept",
    ]


@pytest.mark.parametrize(
    ("nested", "reason"),
    [
        ("[" * 15 + "]" * 15, "kept"),
        ("[" * 16 + "]" * 16, "too_deep"),
        ('{"a":' * 15 + "1" + "}" * 15, "kept"),
        ('{"a":' * 16 + "1" + "}" * 16, "too_deep"),
        ("[" * 8000 + "]" * 8000, "too_deep"),
        ("[" * 8000, "malformed"),
        ("[" * 17 + "}" * 17, "malformed"),
        ('"' + "[" * 100 + '"', "kept"),
        ('"' + '\\"[' * 100 + '"', "kept"),
        ("[" * 8 + "]" * 8 + "," + '"b":' + "[" * 9 + "]" * 9, "kept"),
    ],
)
def test_a_record_may_hold_16_levels_of_brackets(nested, reason):
    assert of(line()[:-1] + ', "a": ' + nested + "}") == [reason]


def test_bytes_that_are_not_utf8_are_malformed_wherever_they_stand():
    for raw in (b"\xff", b"\xc3(", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe1\xba"):
        for field in ("zone", "venue", "event_id", "scanner", "note", "direction", "occurred_at", "code"):
            text = line(**{field: "a@b"}).encode().replace(b"@", raw)
            assert of(text) == ["malformed"], (raw, field)
        assert of(line().encode().replace(b'"person"', b'"person' + raw + b'"')) == ["malformed"]


def test_a_byte_order_mark_is_not_json_because_the_reader_strips_it():
    assert of(b"\xef\xbb\xbf" + line().encode()) == ["malformed"]


def test_a_raw_nul_or_tab_in_a_text_is_malformed():
    assert of(line().replace("QNG", "Q\0G")) == ["malformed"]
    assert of(line().replace("QNG", "Q\tG")) == ["malformed"]


def test_no_record_at_all_is_an_empty_table():
    for nothing in (block(), block("\n"), block(" \n\r\n"), columns_of([])):
        parsed = parse(nothing, 0, SETTINGS)
        assert parsed.scans.schema == PARSED
        assert parsed.scans.num_rows == parsed.received == parsed.refused_row.size == parsed.tokens.size == 0
        assert list(parsed.identifiers) == []


def test_rows_are_packed_with_their_chunk_and_their_place_in_it():
    lines = block(line(), "\n\n", "hello", "\n", line(), first_row=100)
    text = lines.data.tobytes().decode()
    parsed = parse(lines, 3, SETTINGS)
    first, hello = (3 << ROW_BITS) + 100, text.index("hello")
    assert parsed.scans["row"].to_pylist() == [first, first + text.index("{", hello)]
    assert parsed.refused_row.tolist() == [first + hello]
    columns = parse(columns_of([GOOD, GOOD], 7), 1, SETTINGS)
    assert columns.scans["row"].to_pylist() == [(1 << ROW_BITS) + 7, (1 << ROW_BITS) + 8]


def test_tokens_and_ids_are_those_of_the_keys_module():
    row = kept(scanner="R-1", venue="Chợ")
    assert row.person == token(KEYS, "phone:+84905123456")
    assert row.scanner == scanner_token("R-1")
    assert row.venue == venue_id("Chợ")


def test_absent_fields_are_null_and_words_are_codes():
    parsed = parse(
        block(line(), "\n", line(zone="T1", direction="out", scan_mode="kiosk", scanner="R")), 0, SETTINGS
    )
    parsed.scans.validate(full=True)
    assert parsed.scans.schema == PARSED
    assert parsed.scans["zone"].to_pylist() == [None, "T1"]
    assert parsed.scans["direction"].to_pylist() == [DIRECTIONS.index("unknown"), DIRECTIONS.index("out")]
    assert parsed.scans["scan_mode"].to_pylist() == [0, SCAN_MODES.index("kiosk")]
    assert parsed.scans["scanner"].null_count == 1


def test_an_event_key_keeps_an_event_id_and_a_content_apart():
    same_day = kept(event_id="e", occurred_at="2021-07-01T20:00:00Z")
    assert kept(event_id="e").event_key == same_day.event_key
    assert kept(event_id="e").event_key != kept(event_id="e", occurred_at="2021-06-30T20:00:00Z").event_key
    contents = [
        kept(),
        kept(zone="T1"),
        kept(venue="QNG-0001T1"),
        kept(direction="in"),
        kept(occurred_at="2021-07-01T08:30:00.000001+07:00"),
        kept(person="phone:0905123457"),
    ]
    assert len({row.event_key for row in contents}) == len(contents)
    assert kept().event_key == kept(direction="unknown", zone="", scan_mode="self", scanner="R").event_key


def test_each_scanner_numbers_its_scans_for_itself_and_none_is_a_scanner_too():
    rows = [kept(event_id="1", scanner=name) for name in (None, "R1", "R2", "R")] + [kept(event_id="1R")]
    assert len({row.event_key for row in rows}) == len(rows)
    assert kept(event_id="1", scanner="").event_key == kept(event_id="1").event_key
    assert kept(event_id="1R", scanner="R").event_key != kept(event_id="R1", scanner="R").event_key
    assert kept(event_id="R1").event_key != kept(event_id="1", scanner="R").event_key


def test_the_longest_event_id_of_the_longest_scanner_has_a_key_of_its_own():
    longest = {"event_id": "e" * 64, "scanner": "s" * 128}
    assert kept(**longest).event_key != kept(**{**longest, "scanner": "s" * 127}).event_key


def test_persons_of_refused_and_untimely_scans_are_not_handed_to_the_vault():
    lines = [
        line(person="qid:a"),
        line(person="qid:b", occurred_at="2019-01-01T00:00:00Z"),
        line(person="qid:c", zone="x" * 200),
        line(person="qid:d", scanner="qid:e"),
        line(person="qid:a"),
    ]
    parsed = parse(block("\n".join(lines)), 0, SETTINGS)
    assert sorted(parsed.identifiers) == [b"qid:a", b"qid:d"]
    assert parsed.tokens.tolist() == [token(KEYS, name.decode()) for name in parsed.identifiers]


def test_the_last_of_two_equal_keys_counts():
    assert of(line()[:-1] + ', "venue": null}') == ["missing_field"]
    assert of(line(venue=None)[:-1] + ', "venue": "QNG-0001"}') == ["kept"]
    assert of(line()[:-1] + ', "zone": "a\\u0000", "zone": "b"}') == ["kept"]
