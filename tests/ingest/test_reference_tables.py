"""The registry and cases: what is accepted, what repeats, what is refused, and who wins."""

import datetime as dt
import json

import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.ingest.reference_tables import CASE_SOURCE, VENUE_SOURCE, read_cases, read_venues, upsert
from pipelines.privacy.keys import create_keys, digest, token, venue_id
from schemas.stay_rules import VENUE_TYPES
from schemas.tables import CASES, VENUES
from tests.ingest.input_files import FORMS, PACK, avro_of, csv_of, ndjson_of, parquet_of, write

VENUE = {"venue": "V1", "type": "shop"}
CASE = {"case_id": "C1", "person": "phone:0905123456"}


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return create_keys(tmp_path_factory.mktemp("keys") / "k")


@pytest.fixture
def venues(tmp_path, keys):
    """Reads rows of a registry, by default from NDJSON."""

    def read(rows, current=None, form=".ndjson"):
        content = rows if isinstance(rows, bytes) else FORMS[form](rows)
        return read_venues([write(tmp_path, f"venues{form}", content)], keys, current)

    return read


@pytest.fixture
def cases(tmp_path, keys):
    def read(rows, current=None, form=".ndjson"):
        return read_cases([write(tmp_path, f"cases{form}", FORMS[form](rows))], keys, current)

    return read


FULL = {
    **VENUE,
    "name": "Quán “Bà Sáu”",
    "zone": "F1;F2",
    "province_code": "51",
    "district_code": "522",
    "commune_code": "21001",
    "lat": 15.12,
    "lon": -108.8,
    "capacity": 40,
    "timezone": "Asia/Ho_Chi_Minh",
    "registered_at": "2021-05-01T00:00:00Z",
    "closed_at": "2021-08-01T07:00:00+07:00",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", PACK)
def test_every_format_gives_the_same_row_of_the_registry(tmp_path, keys, form, pack):
    make = (lambda rows: avro_of(rows, "venue")) if form == ".avro" else FORMS[form]
    path = write(tmp_path, f"venues{form}{pack}", PACK[pack](make([FULL])))
    found = read_venues([path], keys)
    assert (found.received, found.accepted, found.duplicate, found.rejected) == (1, 1, 0, 0)
    assert found.rows.schema == VENUES.schema
    assert found.rows.to_pylist() == [
        {
            **FULL,
            "venue": venue_id("V1"),
            "venue_code": "V1",
            "registered_at": utc(2021, 5, 1),
            "closed_at": utc(2021, 8, 1),
        }
    ]


def test_empty_columns_and_absent_ones_are_null(venues):
    empty = dict.fromkeys(FULL, "") | VENUE
    bare = {**dict.fromkeys(FULL), **VENUE, "venue": venue_id("V1"), "venue_code": "V1"}
    assert venues([empty], form=".csv").rows.to_pylist() == [bare]
    assert venues([VENUE], form=".csv").rows.to_pylist() == [bare]
    assert venues([dict.fromkeys(FULL) | VENUE]).rows.to_pylist() == [bare]


def test_every_type_of_the_provincial_letter_is_accepted(venues):
    rows = [{"venue": f"V{n}", "type": name} for n, name in enumerate(VENUE_TYPES)]
    assert venues(rows).accepted == len(VENUE_TYPES)


REFUSED_VENUES = [
    ({"venue": "", "type": "shop"}, "missing_field"),
    ({"venue": "V1"}, "missing_field"),
    ({"venue": "V1", "type": "castle"}, "malformed"),
    ({"venue": "V1", "type": "Shop"}, "malformed"),
    ({"type": "castle"}, "malformed"),
    ({**VENUE, "name": "x" * 513}, "bad_text"),
    ({**VENUE, "name": "a\u202eb"}, "bad_text"),
    ({**VENUE, "zone": "F1;" + "x" * 129}, "bad_text"),
    ({**VENUE, "commune_code": "x" * 129}, "bad_text"),
    ({**VENUE, "name": "a\x07", "type": "castle"}, "malformed"),
    ({**VENUE, "timezone": "Asia/Quang_Ngai"}, "malformed"),
    ({**VENUE, "closed_at": "2021-08-01T07:00:00"}, "bad_time"),
    ({**VENUE, "closed_at": "2021-02-29"}, "bad_time"),
    ({**VENUE, "closed_at": "soon", "name": "a\x00"}, "bad_text"),
    ({**VENUE, "closed_at": "0000-01-01"}, "bad_time"),
]


@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
@pytest.mark.parametrize(("row", "reason"), REFUSED_VENUES)
def test_the_first_defect_of_a_venue_is_its_reason(venues, row, reason, form):
    found = venues([{"venue": None, "type": None} | row], form=form)
    assert found.reasons == {reason: 1}
    assert (found.received, found.accepted, found.rejected, found.rows.num_rows) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lat", 90.1), ("lat", -91), ("lon", 180.5), ("capacity", -1), ("capacity", 2**31), ("lat", 1e300)],
)
@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
def test_numbers_out_of_range_are_malformed(venues, name, value, form):
    assert venues([{**VENUE, name: value}], form=form).reasons == {"malformed": 1}


@pytest.mark.parametrize(("name", "value"), [("lat", 90), ("lat", -90.0), ("lon", 180), ("capacity", 0)])
@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
def test_the_ends_of_a_range_belong_to_it(venues, name, value, form):
    assert venues([{**VENUE, name: value}], form=form).rows[name].to_pylist() == [value]


@pytest.mark.parametrize("text", ["infinity", "inf", "1_0", "1 2", "0x1", "1,5", "١", "true", "1e999"])
@pytest.mark.parametrize("name", ["lat", "capacity"])
def test_a_text_that_is_no_number_is_malformed(venues, name, text):
    assert venues([{**VENUE, name: text}], form=".csv").reasons == {"malformed": 1}


@pytest.mark.parametrize("text", ["nan", "NaN", "n/a", "NA", "None", "null", "-", " ", "\u00a0-\u200b"])
@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
def test_words_for_nothing_are_empty_in_optional_fields_alone(venues, text, form):
    optional = {"name": text, "zone": text, "timezone": text, "closed_at": text, "commune_code": text}
    [row] = venues([{**VENUE, **optional}], form=form).rows.to_pylist()
    assert {row[name] for name in optional} == {None}
    found = venues([{**VENUE, "venue": text}], form=form)
    tidy = text.strip(" \u00a0\u200b")
    assert found.rows["venue_code"].to_pylist() == ([tidy] if tidy else [])


def test_texts_and_the_items_of_lists_are_trimmed(venues):
    padded = {"venue": "\u00a0V1 ", "name": "\u200bChợ\ufeff", "zone": " F1 ; F2;", "type": "shop "}
    [row] = venues([{**VENUE, **padded}]).rows.to_pylist()
    assert [row[name] for name in ("venue_code", "name", "zone", "type")] == ["V1", "Chợ", "F1;F2", "shop"]


def test_a_case_id_is_trimmed_so_that_a_case_is_one(cases):
    found = cases([{**CASE, "onset_at": "2021-07-01"}, {**CASE, "case_id": "C1 ", "onset_at": "2021-07-01"}])
    assert (found.accepted, found.duplicate) == (1, 1)
    assert found.rows["case_id"].to_pylist() == ["C1"]


@pytest.mark.parametrize(
    "row",
    [
        {"venue": 5},
        {"name": 5},
        {"lat": "15.1"},
        {"lat": True},
        {"capacity": 1.5},
        {"capacity": "4"},
        {"closed_at": 1_625_101_200_000_000},
        {"zone": ["F1"]},
        {"type": None, "name": {}},
    ],
)
def test_a_value_of_another_type_is_malformed(venues, row):
    assert venues([{**VENUE, **row}]).reasons == {"malformed": 1}


def test_lines_that_are_no_record_are_counted_by_reason(venues):
    deep = b"[" * 20 + b"]" * 20
    lines = [
        b"{",
        b"[]",
        b"NaN",
        b'{"lat":NaN}',
        b"\xff",
        b'{"a":' + deep + b"}",
        b'{"a":"' + b"x" * 16_384 + b'"}',
    ]
    assert venues(b"\n".join(lines)).reasons == {"malformed": 5, "too_large": 1, "too_deep": 1}


def test_a_record_over_16_kb_is_too_large_in_a_format_with_columns(venues):
    large = {**VENUE, "name": "x" * 17_000}
    assert venues([large], form=".csv").reasons == {"too_large": 1}
    assert venues([large], form=".parquet").reasons == {"too_large": 1}


@pytest.mark.parametrize(
    ("zone", "instant"),
    [
        (None, utc(2021, 7, 31, 17)),
        ("Asia/Ho_Chi_Minh", utc(2021, 7, 31, 17)),
        ("UTC", utc(2021, 8, 1)),
        ("America/New_York", utc(2021, 8, 1, 4)),
    ],
)
def test_a_date_alone_is_the_start_of_the_day_where_the_venue_is(venues, zone, instant):
    row = {**VENUE, "closed_at": "2021-08-01", "registered_at": "2021-08-01", "timezone": zone}
    (found,) = venues([row]).rows.to_pylist()
    assert found["closed_at"] == found["registered_at"] == instant


def test_text_is_kept_in_nfc_so_that_scans_find_their_venue(venues):
    (found,) = venues([{**VENUE, "venue": "Cho\u031b\u0323"}]).rows.to_pylist()
    assert found["venue_code"] == "Ch\u1ee3"
    assert found["venue"] == venue_id("Ch\u1ee3")


def test_the_last_received_wins_in_the_order_of_paths_not_of_flags(tmp_path, keys):
    first = write(tmp_path, "a.ndjson", ndjson_of([{**VENUE, "name": "old"}, {**VENUE, "name": "newer"}]))
    second = write(tmp_path, "b.ndjson", ndjson_of([{**VENUE, "name": "newest"}]))
    found = read_venues([second, first], keys)
    assert (found.accepted, found.duplicate) == (3, 0)
    assert found.rows["name"].to_pylist() == ["newest"]


def test_a_row_that_repeats_what_stands_is_a_duplicate_and_one_that_brings_it_back_is_not(venues):
    a, b = {**VENUE, "name": "a"}, {**VENUE, "name": "b"}
    found = venues([a, a, b, a, a])
    assert (found.received, found.accepted, found.duplicate) == (5, 3, 2)
    assert found.rows["name"].to_pylist() == ["a"]


def test_rows_are_judged_against_the_lake_too(venues):
    lake = venues([VENUE, {**VENUE, "venue": "V2"}]).rows
    again = venues([VENUE, {**VENUE, "venue": "V2", "name": "new"}, {**VENUE, "venue": "V3"}], lake)
    assert (again.accepted, again.duplicate) == (2, 1)
    assert sorted(again.rows["venue_code"].to_pylist()) == ["V2", "V3"]
    after = upsert(lake, again, VENUE_SOURCE)
    assert after.schema == VENUES.schema
    names = dict(zip(after["venue_code"].to_pylist(), after["name"].to_pylist(), strict=True))
    assert names == {"V1": None, "V2": "new", "V3": None}
    assert after["venue"].to_pylist() == sorted(after["venue"].to_pylist())
    assert venues([VENUE], after).rows.num_rows == 0


def test_a_second_reading_of_the_same_file_is_all_duplicates(venues):
    rows = [{**FULL, "venue": f"V{n}", "capacity": n or None} for n in range(50)]
    first = venues(rows, form=".csv")
    again = venues(rows, first.rows, form=".parquet")
    assert (again.accepted, again.duplicate, again.rejected) == (0, 50, 0)


def test_the_digest_is_of_the_line_or_of_the_row_as_json(venues, keys):
    bad = {"venue": "V1", "type": "castle", "lat": 1.5, "closed_at": "x"}
    line = json.dumps(bad).encode()
    assert venues(line + b"\r\n").refused == [("malformed", digest(keys, line))]
    as_json = b'{"venue":"V1","type":"castle","lat":1.5,"closed_at":"x"}'
    assert venues([bad], form=".csv").refused == [("malformed", digest(keys, as_json))]
    assert venues([bad], form=".parquet").refused == [("malformed", digest(keys, as_json))]
    assert venues(b"venue,type\nV1\n", form=".csv").refused == [("malformed", digest(keys, b"V1"))]


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_case(tmp_path, keys, form):
    case = {
        **CASE,
        "onset_at": "2021-07-02",
        "sampled_at": "2021-07-04T09:30:00+07:00",
        "isolated_at": "2021-07-05",
    }
    make = (lambda rows: avro_of(rows, "case")) if form == ".avro" else FORMS[form]
    found = read_cases([write(tmp_path, f"cases{form}", make([case]))], keys)
    canonical = "phone:+84905123456"
    assert found.rows.schema == CASES.schema
    assert found.rows.to_pylist() == [
        {
            "case_id": "C1",
            "person": token(keys, canonical),
            "onset_at": utc(2021, 7, 1, 17),
            "sampled_at": utc(2021, 7, 4, 2, 30),
            "reported_at": None,
            "isolated_at": utc(2021, 7, 5, 17),
            "withdrawn_at": None,
        }
    ]
    assert (found.tokens.tolist(), found.identifiers) == ([token(keys, canonical)], [canonical.encode()])


def test_a_date_alone_begins_the_day_for_all_but_isolation_which_it_ends(cases):
    names = ["onset_at", "sampled_at", "reported_at", "isolated_at", "withdrawn_at"]
    (found,) = cases([CASE | dict.fromkeys(names, "2021-12-31")]).rows.to_pylist()
    begin, end = utc(2021, 12, 30, 17), utc(2021, 12, 31, 17)
    assert [found[name] for name in names] == [begin, begin, begin, end, begin]


def test_days_and_instants_of_parquet_need_no_text(tmp_path, keys):
    table = pa.table(
        {
            "case_id": ["C1"],
            "person": ["qid:a"],
            "onset_at": [dt.date(2021, 7, 2)],
            "isolated_at": [dt.date(2021, 7, 5)],
            "sampled_at": [utc(2021, 7, 4)],
            "reported_at": pa.nulls(1),
        }
    )
    (found,) = read_cases([write(tmp_path, "c.parquet", parquet_of(table))], keys).rows.to_pylist()
    assert found["onset_at"] == utc(2021, 7, 1, 17)
    assert found["isolated_at"] == utc(2021, 7, 5, 17)
    assert found["sampled_at"] == utc(2021, 7, 4)


@pytest.mark.parametrize("us", [2**62, -(2**62)])
def test_an_instant_that_no_calendar_has_is_refused(tmp_path, keys, us):
    table = pa.table(
        {"case_id": ["C1"], "person": ["qid:a"], "onset_at": pa.array([us], pa.timestamp("us", "UTC"))}
    )
    assert read_cases([write(tmp_path, "c.parquet", parquet_of(table))], keys).reasons == {"bad_time": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"person": "phone:0905123456"}, "missing_field"),
        ({"case_id": "C1", "person": None}, "missing_field"),
        ({"case_id": "C1", "person": "0905123456"}, "bad_person"),
        ({"case_id": "C1", "person": "phone:12"}, "bad_person"),
        ({"case_id": "C1", "person": "qid:\x07"}, "bad_text"),
        ({"case_id": "C1", "person": "qid:" + "a" * 129}, "bad_text"),
        ({"case_id": "C" * 129, "person": "nobody"}, "bad_text"),
        ({**CASE, "onset_at": "2021-07-02T00:00:00"}, "bad_time"),
        ({**CASE, "onset_at": "02/07/2021"}, "bad_time"),
        ({**CASE, "isolated_at": "9999-12-31"}, "bad_time"),
        ({"case_id": "C1", "person": "nobody", "onset_at": "x"}, "bad_person"),
    ],
)
@pytest.mark.parametrize("form", [".ndjson", ".csv"])
def test_the_first_defect_of_a_case_is_its_reason(cases, row, reason, form):
    found = cases([{"case_id": None, "person": None} | row], form=form)
    assert found.reasons == {reason: 1}
    assert found.identifiers == []


def test_a_case_is_corrected_and_withdrawn_by_its_id(cases):
    first = cases([{**CASE, "onset_at": "2021-07-02"}])
    later = cases([{**CASE, "person": "phone:+84 905 123 456", "onset_at": "2021-07-02"}], first.rows)
    assert (later.accepted, later.duplicate) == (0, 1)
    withdrawn = cases([{**CASE, "withdrawn_at": "2021-07-09T00:00:00Z"}], first.rows)
    (row,) = upsert(first.rows, withdrawn, CASE_SOURCE).to_pylist()
    assert (row["onset_at"], row["withdrawn_at"]) == (None, utc(2021, 7, 9))


def test_every_record_is_accepted_repeated_or_refused(cases):
    rows = [{**CASE, "case_id": f"C{n % 7}", "person": f"phone:09051234{n % 5:02}"} for n in range(60)]
    rows += [{"case_id": "x"}, {"case_id": "y", "person": "z"}]
    found = cases(rows)
    assert found.received == 62 == found.accepted + found.duplicate + found.rejected
    assert found.rows.num_rows == 7


@pytest.mark.parametrize("content", [b"", b"venue,name\nV1,secret\n"])
def test_a_registry_without_its_columns_is_unreadable(tmp_path, keys, content):
    with pytest.raises(DataError, match=r"v\.csv has no (header|column `type`)") as refusal:
        read_venues([write(tmp_path, "v.csv", content)], keys)
    assert "secret" not in str(refusal.value)


def test_a_registry_of_a_header_alone_changes_nothing(tmp_path, keys):
    found = read_venues([write(tmp_path, "v.csv", csv_of([VENUE]).split(b"\r\n")[0])], keys)
    assert (found.received, found.rows.num_rows) == (0, 0)
    assert found.rows.schema == VENUES.schema
