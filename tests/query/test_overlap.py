"""Who overlapped: drawn as tables, and against a double loop."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.lake import NO_TABLE, Lake, snapshot
from pipelines.lake.sidecars.sidecar import sidecar_path
from pipelines.privacy.keys import create_keys, venue_id
from pipelines.query import busiest_case, overlaps
from pipelines.query.overlap import OVERLAPS, overlap_request, overlap_rows, overlap_rows_of_views
from pipelines.terminal.output import token_text
from tests.lakes import at, drawn, new_lake, person_token, put_cases, put_stays, put_venues

VENUES = """
    venue_code | type       | name
    cafe       | restaurant | Cà phê Sông Trà
    shop       | shop       | Tạp hóa
    bus        | public_transport
"""

TWO = """
    person | venue | enter   | exit
    an     | cafe  | 1 08:00 | 1 10:00
    binh   | cafe  | 1 09:00 | 1 11:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    return lake


def said(lake, table, names):
    """Return an answer as drawn rows, persons by name."""
    name_of = {person_token(lake, name): name for name in names.split()}
    return [
        {
            "person": name_of[row["person"]],
            "venue": row["venue"],
            "zone": row["zone"],
            "start": micros(row["start"]),
            "end": micros(row["end"]),
            "seconds": str(row["seconds"]),
            "imputed": str(row["seconds_imputed"]),
        }
        for row in table.to_pylist()
    ]


def micros(moment):
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def expected(text):
    return [{**row, "start": at(row["start"]), "end": at(row["end"])} for row in drawn(text)]


def test_a_row_is_a_pair_of_stays_at_one_venue_with_what_they_share(lake):
    put_stays(
        lake,
        """
        person | venue | zone | enter   | exit
        an     | cafe  | t1   | 1 08:00 | 1 10:00
        an     | shop  |      | 1 11:00 | 1 12:00
        binh   | cafe  | t2   | 1 09:00 | 1 11:00
        binh   | shop  |      | 1 11:30 | 1 11:45
        chi    | cafe  |      | 1 07:00 | 1 13:00
        dung   | shop  |      | 1 08:00 | 1 10:00
        """,
    )
    assert said(lake, overlaps(lake, "device:an"), "binh chi dung") == sorted(
        expected(
            """
            person | venue | zone | start   | end     | seconds | imputed
            chi    | cafe  |      | 1 08:00 | 1 10:00 | 7200    | 0
            binh   | cafe  | t2   | 1 09:00 | 1 10:00 | 3600    | 0
            binh   | shop  |      | 1 11:30 | 1 11:45 | 900     | 0
            """
        ),
        key=lambda row: row["start"],
    )


@pytest.mark.parametrize(
    ("other", "seconds"),
    [
        ("1 06:00 | 1 08:00", None),  # touches the begin
        ("1 10:00 | 1 11:00", None),  # touches the end
        ("1 06:00 | 1 08:00:01", 1),
        ("1 09:59:59 | 1 11:00", 1),
        ("1 09:59:59.5 | 1 11:00", 0),  # less than a second is an overlap of no whole second
        ("1 08:30 | 1 08:45", 900),
        ("1 08:00 | 1 10:00", 7200),
    ],
)
def test_touching_is_not_an_overlap_and_a_microsecond_is(lake, other, seconds):
    put_stays(lake, f"person|venue|enter|exit\nan|cafe|1 08:00|1 10:00\nbinh|cafe|{other}")
    assert overlaps(lake, "device:an")["seconds"].to_pylist() == ([] if seconds is None else [seconds])


def test_nobody_overlaps_with_himself(lake):
    put_stays(lake, "person|venue|enter|exit\nan|cafe|1 08:00|1 10:00\nan|cafe|1 09:00|1 11:00")
    assert overlaps(lake, "device:an").num_rows == 0


@pytest.mark.parametrize(
    ("own", "other", "imputed_minutes"),
    [
        ("scanned | scanned   | ", "scanned | scanned   | ", 0),
        ("scanned | default   | 1 08:30", "scanned | scanned   | ", 90),
        ("scanned | scanned   | ", "scanned | next_scan | 1 09:00", 60),
        ("scanned | default   | 1 08:30", "scanned | next_scan | 1 09:00", 90),
        ("imputed | scanned   | ", "scanned | scanned   | ", 120),
        ("scanned | scanned   | ", "imputed | scanned   | ", 120),
        ("scanned | default   | 1 08:00", "scanned | scanned   | ", 120),
    ],
)
def test_imputed_is_what_the_seen_parts_of_both_stays_do_not_cover(lake, own, other, imputed_minutes):
    put_stays(
        lake,
        f"""
        person | venue | enter   | exit    | enter_kind | exit_kind | last_seen
        an     | cafe  | 1 08:00 | 1 10:00 | {own}
        binh   | cafe  | 1 08:00 | 1 10:00 | {other}
        """,
    )
    (row,) = overlaps(lake, "device:an").to_pylist()
    assert (row["seconds"], row["seconds_imputed"]) == (7200, imputed_minutes * 60)


def test_overlaps_are_clipped_to_from_and_to_and_short_ones_left_out_after_that(lake):
    put_stays(
        lake,
        """
        person | venue | enter   | exit
        an     | cafe  | 1 08:00 | 1 10:00
        binh   | cafe  | 1 08:00 | 1 08:40
        chi    | cafe  | 1 08:20 | 1 09:00
        dung   | cafe  | 1 09:30 | 1 10:00
        """,
    )
    clipped = overlaps(
        lake,
        "device:an",
        from_="2021-07-01T15:30:00+07:00",
        to=dt.datetime(2021, 7, 1, 9, 30, tzinfo=dt.UTC),
        min_minutes=10,
    )
    assert said(lake, clipped, "binh chi dung") == sorted(
        expected(
            """
            person | venue | zone | start   | end     | seconds | imputed
            binh   | cafe  |      | 1 08:30 | 1 08:40 | 600     | 0
            chi    | cafe  |      | 1 08:30 | 1 09:00 | 1800    | 0
            """
        ),
        key=lambda row: person_token(lake, row["person"]),
    )


def test_the_end_of_a_span_is_not_part_of_it(lake):
    put_stays(lake, TWO)
    assert overlaps(lake, "device:an", to="2021-07-01T09:00:00Z").num_rows == 0
    assert overlaps(lake, "device:an", from_="2021-07-01T10:00:00Z").num_rows == 0
    same = "2021-07-01T09:30:00Z"
    assert overlaps(lake, "device:an", from_=same, to=same).num_rows == 0


def test_a_stay_over_midnight_meets_those_of_the_day_before_and_after(lake):
    put_stays(
        lake,
        """
        person | venue | enter   | exit
        an     | cafe  | 2 00:30 | 2 01:00
        an     | shop  | 1 22:00 | 2 02:00
        binh   | cafe  | 1 20:00 | 2 06:00
        chi    | shop  | 2 01:00 | 2 03:00
        """,
    )
    assert sorted(overlaps(lake, "device:an")["seconds"].to_pylist()) == [1800, 3600]


def test_the_code_of_a_venue_that_is_not_registered_is_its_hash(lake):
    put_stays(lake, "person|venue|enter|exit\nan|stall|1 08:00|1 10:00\nbinh|stall|1 09:00|1 11:00")
    (row,) = overlaps(lake, "device:an").to_pylist()
    assert row["venue"] == token_text(venue_id("stall"))


def test_rows_are_ordered_by_start_then_person_as_a_signed_number(lake):
    put_stays(
        lake,
        [
            {"person": 5, "venue": "cafe", "enter": 0, "exit": 100_000_000},
            {"person": -(2**63), "venue": "cafe", "enter": 7, "exit": 100_000_000},
            {"person": 2**63 - 1, "venue": "cafe", "enter": 7, "exit": 100_000_000},
            {"person": 0, "venue": "cafe", "enter": 3, "exit": 100_000_000},
            {"person": -1, "venue": "cafe", "enter": 7, "exit": 100_000_000},
        ],
    )
    assert overlaps(lake, 5)["person"].to_pylist() == [0, -(2**63), -1, 2**63 - 1]


def test_the_columns_are_those_of_the_contract_even_without_rows(lake):
    answer = overlaps(lake, "device:nobody")
    assert answer.num_rows == 0
    assert answer.schema.equals(OVERLAPS)
    assert answer.column_names == ["person", "venue", "zone", "start", "end", "seconds", "seconds_imputed"]


def test_a_lake_without_stays_answers_with_no_rows(tmp_path):
    lake = new_lake(tmp_path)
    assert snapshot(lake, "stays").version == NO_TABLE
    assert overlaps(lake, "device:an").num_rows == 0
    assert overlap_rows_of_views(lake, overlap_request(lake, 1)).num_rows == 0


def test_a_case_stands_for_its_person_and_the_whole_time(lake):
    put_stays(lake, TWO)
    put_cases(lake, "case_id|person|onset_at|withdrawn_at\nBN-1|an|20 00:00|\nBN-2|an|20 00:00|21 00:00")
    assert overlaps(lake, case="BN-1").equals(overlaps(lake, "device:an"))
    with pytest.raises(DataError, match=r"--case .* withdrawn"):
        overlaps(lake, case="BN-2")
    with pytest.raises(DataError, match="--case names no case"):
        overlaps(lake, case="BN-3")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "one of --person and --case"),
        ({"person": "device:an", "case": "BN-1"}, "one of --person and --case"),
        ({"person": "an"}, "KIND:VALUE"),
        ({"person": "phone:12"}, "the value is not a valid phone"),
        ({"person": "device:an", "from_": "yesterday"}, "--from is not a valid time"),
        ({"person": "device:an", "to": "2021-07-01T00:00:00"}, "--to is not a valid time"),
        ({"person": "device:an", "to": dt.datetime(2021, 7, 1)}, "--to has no time zone"),
        ({"person": "device:an", "from_": "2021-07-02", "to": "2021-07-01"}, "--from lies after --to"),
        ({"person": "device:an", "min_minutes": -1}, "--min-minutes"),
        ({"person": "device:an", "min_minutes": float("nan")}, "--min-minutes"),
    ],
)
def test_a_malformed_question_is_wrong_usage(lake, arguments, said):
    with pytest.raises(UsageError, match=said):
        overlaps(lake, **arguments)


def test_an_identifier_is_never_looked_up_with_other_keys(lake, tmp_path):
    create_keys(tmp_path / "other")
    with pytest.raises(RefusedError, match="other keys"):
        overlaps(lake, "device:an", keys=tmp_path / "other")


def test_a_later_commit_is_seen_by_the_next_overlap_request(lake):
    put_stays(lake, TWO)
    assert overlaps(lake, "device:an")["venue"].to_pylist() == ["cafe"]
    put_stays(lake, "person|venue|enter|exit\nchi|cafe|1 08:00|1 10:00")
    put_venues(lake, "venue_code|type\ncafe|shop\nstall|shop")
    put_stays(lake, "person|venue|enter|exit\nan|stall|3 08:00|3 10:00\nbinh|stall|3 09:00|3 11:00")
    assert sorted(overlaps(lake, "device:an")["venue"].to_pylist()) == ["cafe", "cafe", "stall"]


def test_missing_sidecars_are_made_again(lake):
    put_stays(lake, TWO, sidecars=False)
    assert overlaps(lake, "device:an").num_rows == 1
    assert all(sidecar_path(file.path).exists() for file in snapshot(lake, "stays").files)


STAYS_OF_A_WORLD = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.sampled_from([-(2**63), -3, 0, 4, 2**63 - 1]),
            "venue": st.sampled_from(["cafe", "shop", "bus", "stall"]),
            "zone": st.sampled_from([None, "a", "b"]),
            "enter": st.integers(0, 60).map(lambda hour: hour * 3_600_000_000),
            "length": st.integers(1, 20).map(lambda half: half * 1_800_000_000 - 300_000),
            "enter_kind": st.sampled_from(["scanned", "imputed"]),
            "exit_kind": st.sampled_from(["scanned", "default", "next_scan"]),
            "seen": st.integers(0, 3),
        }
    ),
    max_size=14,
)
INSTANTS = st.none() | st.integers(0, 70).map(lambda hour: hour * 3_600_000_000 + 7)


def looped(stays, person, from_us, to_us, min_us):
    """Return the definition, row by row."""
    rows = []
    for own in (stay for stay in stays if stay["person"] == person):
        for other in (stay for stay in stays if stay["person"] != person and stay["venue"] == own["venue"]):
            start = max(own["enter"], other["enter"], *([] if from_us is None else [from_us]))
            end = min(own["exit"], other["exit"], *([] if to_us is None else [to_us]))
            if end <= start or end - start < min_us:
                continue
            seen_to = min(seen_until(own), seen_until(other))
            covered = max(0, min(end, seen_to) - start)
            venue = other["venue"] if other["venue"] != "stall" else token_text(venue_id("stall"))
            seconds, imputed = (end - start) // 10**6, (end - start - covered) // 10**6
            rows.append((start, other["person"], venue, end, imputed, other["zone"] or "~", seconds))
    return sorted(rows)


def seen_until(stay):
    if stay["enter_kind"] == "imputed":
        return stay["enter"]
    return stay["exit"] if stay["exit_kind"] == "scanned" else stay["last_seen"]


def as_tuples(table):
    rows = table.set_column(3, "start", table["start"].cast(pa.int64()))
    rows = rows.set_column(4, "end", rows["end"].cast(pa.int64())).to_pylist()
    return [
        (
            row["start"],
            row["person"],
            row["venue"],
            row["end"],
            row["seconds_imputed"],
            row["zone"] or "~",
            row["seconds"],
        )
        for row in rows
    ]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    stays=STAYS_OF_A_WORLD,
    person=st.sampled_from([-3, 4, 2**63 - 1]),
    span=st.tuples(INSTANTS, INSTANTS),
    min_minutes=st.sampled_from([0, 0, 30, 29.995]),
    files_a_date=st.integers(1, 2),
)
def test_sidecars_plain_sql_and_a_double_loop_agree(
    tmp_path_factory, stays, person, span, min_minutes, files_a_date
):
    from_us, to_us = span if None in span else sorted(span)
    lake = new_lake(tmp_path_factory.mktemp("world"))
    put_venues(lake, VENUES)
    for stay in stays:
        stay["exit"] = stay["enter"] + stay["length"]
        stay["last_seen"] = stay["enter"] + stay["length"] * stay["seen"] // 3
    if stays:
        put_stays(lake, stays, files_a_date=files_a_date)
    asked = overlap_request(lake, person, from_=instant(from_us), to=instant(to_us), min_minutes=min_minutes)
    found = overlap_rows(lake, asked)
    assert found.equals(overlap_rows_of_views(lake, asked))
    assert as_tuples(found) == looped(stays, person, from_us, to_us, min_minutes * 60_000_000)


def instant(micros_utc):
    if micros_utc is None:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros_utc)


def test_a_lake_is_named_by_its_folder_too(lake):
    assert isinstance(lake, Lake)
    put_stays(lake, TWO)
    assert overlaps(lake.url, "device:an").equals(overlaps(lake, "device:an"))


def test_the_busiest_case_is_the_one_with_the_most_overlaps(lake):
    with pytest.raises(DataError, match="holds no case"):
        busiest_case(lake)
    put_stays(lake, TWO + "    chi | cafe | 1 09:30 | 1 10:30\n    chi | cafe | 2 09:30 | 2 10:30")
    put_cases(
        lake,
        """
        case_id | person | onset_at | withdrawn_at
        quiet   | dung   | 1 00:00  |
        first   | an     | 1 00:00  |
        second  | an     | 1 00:00  |
        gone    | an     | 1 00:00  | 2 00:00
        a-blank | an     |          |
        """,
    )
    assert busiest_case(lake) == "first"
