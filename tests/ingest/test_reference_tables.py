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
    ({**VENUE, "name": "a\x07", "type": "castle"}, "malformed"),
    ({**VENUE, "timezone": "Asia/Quang_Ngai"}, "malformed"),
    ({**VENUE, "closed_at": "2021-08-01T07:00:00"}, "bad_time"),
    ({**VENUE, "closed_at": "2021-02-29"}, "bad_time"),
    ({**VENUE, "closed_at": "soon", "timezone": "a\x00"}, "bad_text"),
    ({**VENUE, "closed_at": "0000-01-01"}, "bad_time"),
]


@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
@pytest.mark.parametrize(("row", "reason"), REFUSED_VENUES)
def test_the_first_defect_of_a_venue_is_its_reason(venues, row, reason, form):
    found = venues([{"venue": None, "type": None} | row], form=form)
    assert found.reasons == {reason: 1}
    assert (found.received, found.accepted, found.rejected, found.rows.num_rows) == (1, 0, 1, 0)


UNREADABLE = [
    *[("lat", value) for value in (90.1, -91, 1e300, "15,12", "1_0", "0x1", "true", "\u0661", "1e999")],
    *[("lon", value) for value in (180.5, "108,8")],
    *[("capacity", value) for value in (-1, 2**31, 50.5, "1,5", "50.05", "0x1")],
    *[("registered_at", value) for value in ("01/08/2021", "soon", "2021-08-01T07:00:00")],
    *[("zone", value) for value in ("Tầng 1\nTầng 2", "F1;" + "x" * 129)],
    *[("name", value) for value in ("Chợ\nThu Lộ", "a\u202eb", "x" * 513)],
    *[(f"{area}_code", "x" * 129) for area in ("province", "district", "commune")],
]


@pytest.mark.parametrize(("name", "value"), UNREADABLE)
@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
def test_a_venue_stands_without_an_informational_cell_that_cannot_be_read(venues, name, value, form):
    found = venues([{**VENUE, "closed_at": "2021-08-01T00:00:00Z", name: value}], form=form)
    assert (found.accepted, found.rejected, found.dropped) == (1, 0, {name: 1})
    [row] = found.rows.to_pylist()
    assert (row[name], row["closed_at"], row["type"]) == (None, utc(2021, 8, 1), "shop")
    [note] = found.notes
    assert note.startswith(f"venues: 1 cell of {name} cannot be read and is left out, first /")
    place = {".ndjson": "line 1", ".csv": "line 2", ".parquet": "record 1"}[form]
    _, _, remedy = note.partition(f"{place}: write ")
    assert remedy
    assert str(value) not in remedy


@pytest.mark.parametrize("value", [50, 50.0, "50", "50.0", "50.000"])
@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
def test_a_whole_number_that_a_spreadsheet_has_written_as_a_decimal_is_read(venues, value, form):
    found = venues([{**VENUE, "capacity": value}], form=form)
    assert (found.rows["capacity"].to_pylist(), found.dropped) == ([50], {})


def test_local_times_of_registration_are_dropped_and_the_file_is_read(tmp_path, keys):
    table = pa.table({"venue": ["V1"], "type": ["shop"], "registered_at": pa.array([0], pa.timestamp("ns"))})
    found = read_venues([write(tmp_path, "v.parquet", parquet_of(table))], keys)
    assert (found.accepted, found.dropped) == (1, {"registered_at": 1})


def test_cells_of_refused_rows_are_not_counted_as_dropped(venues):
    found = venues([{**VENUE, "lat": "x"}, {"venue": "V2", "type": "castle", "lat": "x"}])
    assert (found.accepted, found.rejected, found.dropped) == (1, 1, {"lat": 1})


def test_an_unreadable_cell_leaves_what_is_known(venues):
    first = venues([FULL])
    again = venues([{**FULL, "lat": "15,12"}], first.rows)
    assert (again.accepted, again.duplicate, again.dropped) == (0, 1, {"lat": 1})
    assert upsert(first.rows, again, VENUE_SOURCE).to_pylist() == first.rows.to_pylist()


@pytest.mark.parametrize(
    ("name", "value"), [("timezone", "Asia/Hanoi"), ("type", "castle"), ("closed_at", "x")]
)
def test_a_row_that_is_refused_for_a_field_is_named_with_the_field(venues, name, value):
    found = venues([{**VENUE, "venue": "V0"}, {**VENUE, name: value}], form=".csv")
    [note] = found.notes
    assert note.startswith(f"venues: 1 row is refused for {name}, first /")
    assert "venues.csv line 3: write " in note
    assert value not in note.partition(": write ")[0].partition("first")[0].replace(name, "")
    assert found.rejected == 1


@pytest.mark.parametrize(("name", "value"), [("lat", 90), ("lat", -90.0), ("lon", 180), ("capacity", 0)])
@pytest.mark.parametrize("form", [".ndjson", ".csv", ".parquet"])
def test_the_ends_of_a_range_belong_to_it(venues, name, value, form):
    assert venues([{**VENUE, name: value}], form=form).rows[name].to_pylist() == [value]


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
        {"timezone": 5},
        {"closed_at": 1_625_101_200_000_000},
        {"type": {}},
    ],
)
def test_a_value_of_another_type_is_malformed(venues, row):
    assert venues([{**VENUE, **row}]).reasons == {"malformed": 1}


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ({"lat": "15.1"}, 15.1),
        ({"lat": True}, None),
        ({"lat": {}}, None),
        ({"capacity": 1.5}, None),
        ({"capacity": "4"}, 4),
        ({"capacity": 1e2}, 100),
        ({"name": 5}, "5"),
        ({"registered_at": 1_625_101_200_000_000}, None),
        ({"zone": ["F1", "F2"]}, "F1;F2"),
        ({"zone": 5}, "5"),
    ],
)
def test_an_informational_value_of_another_type_is_read_where_it_can_be(venues, row, value):
    found = venues([{**VENUE, **row}])
    [name] = row
    assert found.rows[name].to_pylist() == [value]
    assert found.dropped == ({name: 1} if value is None else {})


def test_malformed_lines_are_counted_by_reason(venues):
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


def test_a_column_that_the_file_lacks_keeps_what_is_known(venues):
    known = venues([FULL]).rows
    for form in (".csv", ".ndjson", ".parquet"):
        found = venues([{**VENUE, "name": "new"}], known, form=form)
        [row] = upsert(known, found, VENUE_SOURCE).to_pylist()
        assert row == known.to_pylist()[0] | {"name": "new"}
        assert (found.accepted, found.rows.to_pylist()) == (1, [row])


def test_an_empty_cell_empties_it(venues):
    known = venues([FULL]).rows
    for form, empty in ((".csv", ""), (".ndjson", ""), (".ndjson", None), (".parquet", None)):
        found = venues([VENUE | dict.fromkeys(("name", "lat", "closed_at"), empty)], known, form=form)
        [row] = upsert(known, found, VENUE_SOURCE).to_pylist()
        assert row == known.to_pylist()[0] | dict.fromkeys(("name", "lat", "closed_at"))


def test_files_of_other_columns_are_merged_in_their_order(tmp_path, keys):
    paths = [
        write(tmp_path, "a.csv", csv_of([{**VENUE, "name": "a", "capacity": 5}])),
        write(tmp_path, "b.csv", csv_of([{**VENUE, "lat": 15.5}])),
        write(tmp_path, "c.csv", csv_of([{**VENUE, "name": ""}])),
    ]
    found = read_venues(paths, keys)
    [row] = found.rows.to_pylist()
    assert (row["name"], row["capacity"], row["lat"]) == (None, 5, 15.5)
    assert (found.accepted, found.duplicate) == (3, 0)


def test_a_row_that_sets_nothing_new_is_a_duplicate_however_few_its_columns(venues):
    known = venues([FULL]).rows
    again = venues([VENUE, {**VENUE, "name": FULL["name"]}], known)
    assert (again.accepted, again.duplicate, again.rows.num_rows) == (0, 2, 0)


@pytest.mark.parametrize(
    ("steps", "stands"),
    [
        (["2021-08-02", "2021-08-01"], "2021-08-01"),
        (["2021-08-01", "2021-08-02"], "2021-08-01"),
        (["2021-08-01", None, "2021-08-02"], "2021-08-01"),
        (["2021-08-01", "", "2021-08-02"], "2021-08-02"),
        (["2021-08-01", ""], None),
        ([None, "2021-08-02", None, "2021-08-01", None], "2021-08-01"),
        (["", "2021-08-02"], "2021-08-02"),
    ],
)
def test_a_venue_is_closed_from_the_earliest_closing_on_until_it_is_emptied(venues, steps, stands):
    """None is a record without the field, the empty text empties it."""
    rows = [VENUE | ({} if step is None else {"closed_at": step}) for step in steps]
    at_once = venues(rows).rows["closed_at"].to_pylist()
    known = None
    for row in rows:
        found = venues([row], known)
        known = found.rows if known is None else upsert(known, found, VENUE_SOURCE)
    expected = venues([{**VENUE, "closed_at": stands or ""}]).rows["closed_at"].to_pylist()
    assert at_once == known["closed_at"].to_pylist() == expected


def test_closings_of_two_venues_do_not_mix(venues):
    rows = [{**VENUE, "closed_at": "2021-08-01"}, {**VENUE, "venue": "V2"}, {**VENUE, "venue": "V3"}]
    found = venues([*rows, {**VENUE, "venue": "V3", "closed_at": "2021-08-09"}])
    closed = dict(zip(found.rows["venue_code"].to_pylist(), found.rows["closed_at"].to_pylist(), strict=True))
    assert closed == {"V1": utc(2021, 7, 31, 17), "V2": None, "V3": utc(2021, 8, 8, 17)}


def test_what_another_writer_has_committed_meanwhile_is_merged_too(venues):
    read = venues([{**VENUE, "name": "ours"}])
    meanwhile = venues([{**VENUE, "capacity": 7, "closed_at": "2021-08-01"}]).rows
    [row] = upsert(meanwhile, read, VENUE_SOURCE).to_pylist()
    assert (row["name"], row["capacity"], row["closed_at"]) == ("ours", 7, utc(2021, 7, 31, 17))


def test_rows_of_one_venue_that_differ_are_named_by_number(venues):
    rows = [{**VENUE, "name": "a"}, {**VENUE, "venue": "V2"}, {**VENUE, "name": "b"}, {**VENUE, "name": "b"}]
    [note] = venues(rows, form=".csv").notes
    assert note.count("venues.csv line ") == 2
    assert "line 2 and /" in note
    assert note.endswith("venues.csv line 4 are of one venue and differ; the later one counts")
    assert venues([{**VENUE, "name": "a"}, {**VENUE, "capacity": 5}]).notes == ()
    assert len(venues([{**VENUE, "name": str(number)} for number in range(30)]).notes) == 11


def test_rows_of_one_case_that_differ_are_named_by_number(cases):
    [note] = cases([{**CASE, "onset_at": "2021-07-02"}, CASE, CASE]).notes
    assert note.endswith("cases.ndjson line 2 are of one case and differ; the later one counts")
    assert cases([CASE, CASE]).notes == ()


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
