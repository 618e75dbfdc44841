"""Symptoms by area and week beside a slow recount, and claims of a contact that no trace reaches."""

import datetime as dt
import random
from fractions import Fraction
from math import comb

import pytest

from pipelines import declarations
from pipelines.answer import NOT_SAFETY
from pipelines.ascertainment.declaration_rates import RATES
from pipelines.cli import main
from pipelines.errors import UsageError
from pipelines.times import DAY_US, parse_instant
from tests.lakes import assert_one_line, new_lake, put_cases, put_declarations, put_stays, put_venues

TO = "2021-07-30"
TO_US = parse_instant(TO)  # midnight in Vietnam
SYNDROME = {"fever", "cough", "breathless"}


def declared(days_before, person, symptoms=None, area="522", channel="web"):
    """A declaration so many days before the end."""
    return {
        "person": person,
        "declared_at": TO_US - round(days_before * DAY_US),
        "symptoms": symptoms,
        "district_code": area,
        "channel": channel,
    }


def lake_of(tmp_path, rows):
    lake = new_lake(tmp_path)
    if rows:
        put_declarations(lake, rows)
    return lake


def crowd(days_before, people, symptomatic, area="522", first=0):
    """Declarations of as many people, some of them symptomatic."""
    return [
        declared(days_before, first + number, "cough" if number < symptomatic else None, area)
        for number in range(people)
    ]


def chance(count, people, share):
    """P(X ≥ count) in exact fractions."""
    return float(
        sum(comb(people, k) * share**k * (1 - share) ** (people - k) for k in range(count, people + 1))
    )


def test_a_rise_is_found_and_its_p_is_the_binomial_one(tmp_path):
    quiet = [row for week in range(5) for row in crowd(7 * week + 1, 100, 1, "522", 1000 * week)]
    rise = [
        row
        for week in range(5)
        for row in crowd(7 * week + 1, 60, 1 if week else 6, "524", 1000 * week + 500)
    ]
    rows = declarations(lake_of(tmp_path, quiet + rise), to=TO).to_pylist()
    assert [row["area"] for row in rows] == ["522", "524"]
    calm, risen = rows
    assert (calm["declarations"], calm["people"], calm["symptomatic"]) == (100, 100, 1)
    assert (calm["share"], calm["share_before"]) == (0.01, 0.01)
    assert risen["share_before"] == pytest.approx(4 / 240)
    assert risen["from"] == dt.datetime(2021, 7, 22, 17, tzinfo=dt.UTC)
    assert risen["to"] == dt.datetime(2021, 7, 29, 17, tzinfo=dt.UTC)
    assert calm["p"] == pytest.approx(chance(1, 100, Fraction(1, 100)))
    assert risen["p"] == pytest.approx(chance(6, 60, Fraction(1, 60)))
    assert risen["q"] == pytest.approx(2 * risen["p"])
    assert (calm["significant"], risen["significant"]) == (False, True)


def test_people_are_counted_and_not_their_forms(tmp_path):
    rows = [declared(1 + hour / 24, "an", "fever" if hour == 3 else "") for hour in range(5)]
    rows += [declared(2, "binh", "sore_throat;fatigue"), declared(2, "chi", "no_smell;Breathless")]
    (row,) = declarations(lake_of(tmp_path, rows), to=TO).to_pylist()
    assert (row["declarations"], row["people"], row["symptomatic"]) == (7, 3, 2)
    assert row["share"] == pytest.approx(2 / 3)
    assert {row[name] for name in ("share_before", "p", "q", "significant")} == {None}


def test_someone_who_declares_every_week_counts_once_a_week_before(tmp_path):
    rows = [row for week in range(5) for row in crowd(7 * week + 1, 60, 3)]  # the same sixty every week
    (row,) = declarations(lake_of(tmp_path, rows), to=TO).to_pylist()
    assert row["share"] == row["share_before"] == 0.05


@pytest.mark.parametrize(("people", "tested"), [(49, False), (50, True)])
def test_fifty_declarations_are_enough_for_a_test(tmp_path, people, tested):
    rows = crowd(1, people, 2) + crowd(10, 100, 1, first=500)
    answer = declarations(lake_of(tmp_path, rows), to=TO)
    assert (answer["p"].null_count == 0) is tested
    assert any("not tested" in line for line in answer.notes) is not tested


def test_nobody_before_does_not_make_one_now_impossible(tmp_path):
    rows = crowd(1, 50, 1) + crowd(10, 200, 0, first=500)
    (row,) = declarations(lake_of(tmp_path, rows), to=TO).to_pylist()
    assert (row["share_before"], row["significant"]) == (0, False)
    assert row["p"] == pytest.approx(chance(1, 50, Fraction(1, 201)))


def test_the_end_is_exclusive_and_spans_are_counted_back_from_it(tmp_path):
    rows = [
        declared(0, "after"),
        declared(1 / DAY_US, "last"),
        declared(7, "first"),
        declared(7 + 1 / DAY_US, "before"),
    ]
    lake = lake_of(tmp_path, rows)
    counted = [
        (row["from"].day, row["people"]) for row in declarations(lake, to=TO, from_="2021-07-16").to_pylist()
    ]
    assert counted == [(15, 1), (22, 2)]  # 17:00 UTC of the day before is midnight in Vietnam
    part = declarations(lake, to=TO, from_="2021-07-17")  # half a span at the start is left out
    assert [row["from"].day for row in part.to_pylist()] == [22]


def test_without_an_end_the_day_of_the_last_declaration_is_the_last_one(tmp_path):
    (row,) = declarations(lake_of(tmp_path, [declared(0.1, "an")])).to_pylist()
    assert row["to"] == dt.datetime(2021, 7, 29, 17, tzinfo=dt.UTC)


def test_spans_before_all_declarations_have_no_rows(tmp_path):
    lake = lake_of(tmp_path, [declared(1, "an")])
    assert declarations(lake, from_="0001-01-01", to=TO).num_rows == 1
    assert declarations(lake, to="0001-01-01").num_rows == 0
    assert declarations(lake, to="9999-12-31").num_rows == 0


def test_an_area_that_falls_silent_has_a_row(tmp_path):
    rows = [declared(10, "an", "fever", "524"), declared(1, "binh"), declared(1, "chi", area=None)]
    found = declarations(lake_of(tmp_path, rows), to=TO).to_pylist()
    assert [(row["area"], row["declarations"], row["share"], row["share_before"]) for row in found] == [
        ("522", 1, 0, None),
        ("524", 0, None, 1),
        (None, 1, 0, None),
    ]


@pytest.mark.parametrize("by", ["district", "channel"])
def test_it_equals_a_slow_recount(tmp_path, by):
    chosen = random.Random(5)
    symptoms = [None, "", "fever", "cough;fatigue", "pneumonia", "breathless;fever", "no_smell"]
    rows = [
        declared(
            chosen.random() * 60 - 3, chosen.randrange(300), chosen.choice(symptoms),
            chosen.choice(["522", "524", None]), chosen.choice(["web", "bluezone"]),
        )
        for _ in range(1500)
    ]  # fmt: skip
    lake = lake_of(tmp_path, rows)
    found = declarations(lake, by=by, to=TO, from_="2021-07-09")
    assert found.schema == RATES
    column = {"district": "district_code", "channel": "channel"}[by]
    seen = {(row["area"], row["to"]) for row in found.to_pylist()}
    assert len(seen) == found.num_rows == 3 * len({row[column] for row in rows})

    def people(area, from_us, to_us, *, sick):
        return len(
            {
                row["person"]
                for row in rows
                if row[column] == area
                and from_us <= row["declared_at"] < to_us
                and (not sick or SYNDROME & set((row["symptoms"] or "").split(";")))
            }
        )

    for row_of in found.to_pylist():
        to_us = round(row_of["to"].timestamp()) * 1_000_000
        spans = [(to_us - (back + 1) * 7 * DAY_US, to_us - back * 7 * DAY_US) for back in range(5)]
        counts = [[people(row_of["area"], *span, sick=sick) for span in spans] for sick in (False, True)]
        assert (row_of["people"], row_of["symptomatic"]) == (counts[0][0], counts[1][0])
        assert row_of["share_before"] == pytest.approx(sum(counts[1][1:]) / sum(counts[0][1:]))
        forms = sum(
            row[column] == row_of["area"] for row in rows if spans[0][0] <= row["declared_at"] < spans[0][1]
        )
        assert row_of["declarations"] == forms
        share = Fraction(sum(counts[1][1:]), sum(counts[0][1:]))
        p = chance(row_of["symptomatic"], row_of["people"], share) if forms >= 50 else None
        assert row_of["p"] == (p if p is None else pytest.approx(p))
    assert 0 < found["p"].null_count < found.num_rows or by == "channel"


def test_a_lake_without_declarations_answers_nothing_and_says_so(tmp_path):
    lake = new_lake(tmp_path)
    answer = declarations(lake)
    assert (answer.num_rows, answer.notes) == (0, ("the lake holds no declaration",))
    assert list(answer.lines())[1:] == ["declarations version -1, last declaration never", NOT_SAFETY]
    assert declarations(lake, unlinked=True).to_pylist() == [
        {"claims": 0, "unlinked": 0, "reached": 0, "share": None}
    ]


STAYS = """
    person | venue | enter    | exit
    f0     | cafe  | 10 08:00 | 10 09:00
    an     | cafe  | 10 08:00 | 10 09:00
    g0     | bar   | 10 08:00 | 10 09:00
    f0     | bar   | 10 10:00 | 10 11:00
    h0     | bar   | 10 10:00 | 10 11:00
    lone   | shop  | 10 10:00 | 10 11:00
    binh   | shop  | 10 20:00 | 10 21:00
"""
CLAIMS = """
    person | declared_at | contact_with_case
    an     | 12 08:00    | true
    an     | 13 08:00    | true
    binh   | 12 08:00    | true
    chi    | 12 08:00    | false
    h0     | 12 08:00    | true
    lone   | 13 08:00    | true
"""


@pytest.fixture
def claimed(tmp_path):
    """F0 met `an`, and the case `h0` met F0; the case `lone` and `binh` met nobody at all."""
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\ncafe | restaurant\nbar | entertainment\nshop | shop")
    put_stays(lake, STAYS)
    put_cases(lake, "case_id | person | onset_at\n1 | f0 | 11 00:00\n2 | h0 | 11 00:00\n3 | lone | 11 00:00")
    put_declarations(lake, CLAIMS)
    return lake


def test_people_who_claim_a_contact_are_told_apart_by_what_traces_reach(claimed):
    answer = declarations(claimed, unlinked=True)
    assert answer.to_pylist() == [{"claims": 4, "unlinked": 2, "reached": 2, "share": 0.5}]
    assert "who-2020-12" in answer.notes[-1]


def test_claims_can_be_limited_in_time(claimed):
    found = declarations(claimed, unlinked=True, from_="2021-07-13", to="2021-07-14").to_pylist()
    assert found == [{"claims": 2, "unlinked": 1, "reached": 1, "share": 0.5}]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"by": "commune"}, "--by must be one of"),
        ({"from_": "2021-07-02", "to": "2021-07-01"}, "--from must lie before --to"),
        ({"from_": "2021-07-01", "to": "2021-07-07"}, "at least 7 days before"),
        ({"to": "soon"}, "--to is not a valid time"),
        ({"unlinked": True, "rule": "who-2021"}, "did you mean who-2020-12"),
    ],
)
def test_a_malformed_question_is_refused(claimed, question, said):
    with pytest.raises(UsageError, match=said):
        declarations(claimed, **question)


def test_the_command_prints_rows_and_notes(claimed, capsys):
    assert main(["declarations", "--lake", claimed.url, "--unlinked", "--format", "csv"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["claims,unlinked,reached,share", "4,2,2,0.5"]
    assert "lake version" in shown.err
    assert main(["declarations", "--lake", claimed.url, "--rule", "who-2020-12"]) == 2
    assert_one_line(capsys.readouterr(), "--rule belongs to --unlinked")
