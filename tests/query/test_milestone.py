"""The time-places of a case, drawn: stays that overlap the infectious window, whole."""

import pytest

from pipelines.errors import DataError, UsageError
from pipelines.query import milestones
from pipelines.query.milestone import MILESTONES
from tests.lakes import at, drawn, new_lake, put_cases, put_stays, put_venues

VENUES = """
    venue_code | type       | name
    cafe       | restaurant | Cà phê Sông Trà
    house      | home       | Nhà riêng
    shop       | shop       |
"""
STAYS = """
    person | venue | enter    | exit     | enter_kind | exit_kind | last_seen
    an     | shop  | 7 10:00  | 7 23:00  |            |           |
    an     | cafe  | 7 20:00  | 8 01:00  | imputed    | scanned   |
    an     | house | 9 00:00  | 9 06:00  | scanned    | default   | 9 01:00
    an     | shop  | 10 09:00 | 10 10:00 | scanned    | scanned   |
    an     | cafe  | 10 09:00 | 10 09:30 | scanned    | next_scan | 10 09:10
    an     | stall | 12 08:00 | 12 09:00 |            |           |
    an     | shop  | 20 08:00 | 20 09:00 |            |           |
    binh   | cafe  | 10 09:00 | 10 10:00 |            |           |
"""
CASES = """
    case_id  | person | onset_at | sampled_at | isolated_at | withdrawn_at
    onset    | an     | 10 00:00 | 11 00:00   | 12 08:00    |
    sample   | an     |          | 11 00:00   |             |
    neither  | an     |          |            | 12 00:00    |
    gone     | an     | 10 00:00 |            |             | 13 00:00
    at-once  | an     | 10 00:00 |            | 7 12:00     |
    stranger | chi    | 10 00:00 |            |             |
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    return lake


def said(table):
    return [
        (row["venue"], int(row["enter"].timestamp() * 10**6), int(row["exit"].timestamp() * 10**6))
        for row in table.to_pylist()
    ]


def expected(text):
    return [(row["venue"], at(row["enter"]), at(row["exit"])) for row in drawn(text)]


def test_milestones_are_the_stays_that_overlap_the_window_and_are_not_clipped(lake):
    assert said(milestones(lake, "onset")) == expected(
        """
        venue | enter    | exit
        cafe  | 7 20:00  | 8 01:00
        house | 9 00:00  | 9 06:00
        cafe  | 10 09:00 | 10 09:30
        shop  | 10 09:00 | 10 10:00
        """
    )


def test_the_window_of_a_case_without_onset_is_counted_from_the_sample(lake):
    assert said(milestones(lake, "sample"))[0][0] == "house"
    assert len(milestones(lake, "sample")) == 5


def test_names_and_kinds_stand_beside(lake):
    first, second, *_ = milestones(lake, "onset").to_pylist()
    assert (first["name"], first["enter_kind"], first["exit_kind"]) == (
        "Cà phê Sông Trà",
        "imputed",
        "scanned",
    )
    assert (second["name"], second["enter_kind"], second["exit_kind"]) == ("Nhà riêng", "scanned", "default")


def test_a_list_that_is_published_leaves_homes_out(lake):
    published = milestones(lake, "onset", publish=True)
    assert published["venue"].to_pylist() == ["cafe", "cafe", "shop"]


def test_a_venue_that_is_not_registered_is_not_a_home(lake):
    assert len(milestones(lake, "sample", publish=True)["venue"]) == 4


def test_the_days_of_the_rule_move_the_window(lake):
    assert len(milestones(lake, "onset", "vn-2020-12")) == 5
    with pytest.raises(UsageError, match="--rule no-such is unknown"):
        milestones(lake, "onset", "no-such")


def test_a_rule_is_a_file_too(lake, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'id="own"\ntitle="t"\nsource="s"\nvalid_from=2021-01-01\n[infectious]\ndays_before_onset=0\n[contact]\n'
    )
    assert milestones(lake, "onset", str(path))["venue"].to_pylist() == ["cafe", "shop"]


def test_a_case_isolated_before_it_could_infect_has_none(lake):
    empty = milestones(lake, "at-once")
    assert empty.num_rows == 0
    assert empty.schema.equals(MILESTONES)


def test_a_person_without_stays_has_none(lake):
    assert milestones(lake, "stranger").num_rows == 0


@pytest.mark.parametrize(
    ("case", "said"),
    [("neither", "neither onset nor sample"), ("gone", "withdrawn"), ("unknown", "--case names no case")],
)
def test_a_case_that_cannot_be_answered_is_bad_data(lake, case, said):
    with pytest.raises(DataError, match=said):
        milestones(lake, case)


def test_a_lake_without_stays_has_no_milestones_but_the_same_errors(tmp_path):
    lake = new_lake(tmp_path)
    put_cases(lake, CASES)
    assert milestones(lake, "onset").num_rows == 0
    with pytest.raises(DataError, match="neither onset nor sample"):
        milestones(lake, "neither")


def test_the_number_of_a_case_is_found_in_any_spelling_of_its_letters(lake):
    put_cases(lake, "case_id|person|onset_at\nBệnh nhân 1|an|10 00:00")
    assert milestones(lake, "Bệnh nhân 1").num_rows > 0


def test_columns_are_those_of_the_contract(lake):
    columns = ["venue", "name", "enter", "exit", "enter_kind", "exit_kind"]
    assert milestones(lake, "onset").column_names == columns
