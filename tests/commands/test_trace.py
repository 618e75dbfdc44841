"""`truyvet trace`: its rows, explanations and comparisons, and what they rest on."""

import json

import pytest

from pipelines.cli import main
from pipelines.terminal.output import token_text
from tests.lakes import (
    drawn,
    new_lake,
    person_token,
    put_cases,
    put_rejects,
    put_scans,
    put_stays,
    put_venues,
)

STAYS = """
    person | venue | enter    | exit     | exit_kind | last_seen
    an     | =cafe | 10 08:00 | 10 10:00 |           |
    an     | shop  | 10 12:00 | 10 12:20 |           |
    binh   | =cafe | 10 09:00 | 10 11:00 | default   | 10 09:30
    binh   | shop  | 10 12:10 | 10 12:40 |           |
    chi    | =cafe | 10 09:40 | 10 12:00 |           |
    chi    | hall  | 11 18:00 | 11 20:00 |           |
    dung   | hall  | 11 18:30 | 11 19:30 |           |
"""
CASES = """
    case_id   | person | onset_at | isolated_at | withdrawn_at
    BN-1      | an     | 11 00:00 |             |
    again     | an     | 8 00:00  |             |
    no-date   | giang  |          |             |
    withdrawn | binh   | 12 00:00 |             | 13 00:00
    late      | dung   | 12 00:00 | 5 00:00     |
    ahead     | em     | 29 00:00 |             |
    unseen    | giang  | 11 00:00 |             |
    other     | chi    | 12 00:00 |             |
"""
SCANS = """
    person | venue  | occurred_at
    an     | =cafe  | 10 08:00
    an     | nobody | 10 11:00
"""
COLUMNS = ["tier", "person", "exposed_at", "via", "seconds_direct", "seconds_indirect"]
COLUMNS += ["seconds_imputed", "venues", "rule", "score", "last_contact"]
NO_SAFETY = "An empty answer is not safety."


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("TRUYVET_LAKE", "TRUYVET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type\n=cafe|restaurant\nhall|entertainment\nshop|shop")
    put_scans(lake, SCANS)
    put_rejects(lake, "reason | source\nbad_time | scans\nbad_time | cases\nmalformed | scans")
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    return lake


def asked(lake, capsys, *words):
    """Return the rows of a question as JSON, and the lines on standard error."""
    assert main(["trace", "--lake", lake.url, *words, "--format", "json"]) == 0
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err.splitlines()


def names(lake, rows):
    tokens = {token_text(person_token(lake, name)): name for name in ("an", "binh", "chi", "dung", "em")}
    return [tokens[row["person"]] for row in rows]


def test_rows_have_the_columns_of_the_contract_in_their_order(lake, capsys):
    rows, _ = asked(lake, capsys, "--case", "BN-1")
    assert [list(row)[:11] for row in rows] == [COLUMNS] * 2
    first, second = rows
    score = first.pop("score")
    assert first == {
        "tier": 1,
        "person": token_text(person_token(lake, "binh")),
        "exposed_at": "2021-07-10T09:00:00Z",
        "via": token_text(person_token(lake, "an")),
        "seconds_direct": 4200,
        "seconds_indirect": 0,
        "seconds_imputed": 1800,
        "venues": "=cafe;shop",
        "rule": "who-2020-12",
        "last_contact": "2021-07-10T12:20:00Z",
        "stays": first["stays"],
        "symptoms": None,
        "declared_at": None,
    }
    assert len(first["stays"]) == len(set(first["stays"])) == 4
    assert (second["seconds_direct"], second["venues"], len(second["stays"])) == (1200, "=cafe", 2)
    assert score > second["score"] > 0


def test_rows_are_ordered_by_tier_then_score(lake, capsys):
    rows, _ = asked(lake, capsys, "--case", "BN-1", "--rule", "vn-2020-12")
    assert names(lake, rows) == ["binh", "chi", "dung"]
    assert [row["tier"] for row in rows] == [1, 1, 2]
    assert rows[2]["score"] > rows[1]["score"]
    rows, _ = asked(lake, capsys, "--case", "BN-1", "--rule", "vn-2020-12", "--depth", "1")
    assert names(lake, rows) == ["binh", "chi"]


def test_it_says_what_the_answer_rests_on(lake, capsys):
    _, said = asked(lake, capsys, "--case", "BN-1")
    assert said == [
        "lake version 0, last scan 2021-07-10 18:00:00+07:00",
        "how many people were exposed is not identifiable from scans: 0 Bluetooth partners in stays of the "
        "cases, 30 are needed",
        "at the 2 venues concerned 21% of the time in 5 stays is imputed",  # 90 of 430 minutes
        "1 scan names no registered venue; 2 scan records were rejected",
        "1 case row was rejected",
    ]
    put_scans(lake, "person | venue | occurred_at\nem | shop | 20 08:00")
    _, said = asked(lake, capsys, "--case", "BN-1")
    assert said[:2] == [
        "lake version 1, last scan 2021-07-20 15:00:00+07:00",
        "stays reflect scans up to version 0 only: run truyvet recompute",
    ]


def test_a_capacity_marks_the_calls_worth_most_whatever_their_tier(lake, capsys):
    question = ("--case", "BN-1", "--rule", "vn-2020-12", "--capacity")
    called = {}
    for capacity in ("0", "1", "2", "3", "1000"):
        rows, _ = asked(lake, capsys, *question, capacity)
        called[capacity] = [name for name, row in zip(names(lake, rows), rows, strict=True) if row["call"]]
    assert called == {
        "0": [],
        "1": ["binh"],
        "2": ["binh", "dung"],
        "3": ["binh", "chi", "dung"],
        "1000": ["binh", "chi", "dung"],
    }


def test_a_person_is_explained_by_identifier_or_token(lake, capsys):
    question = ("--case", "BN-1", "--rule", "vn-2020-12", "--explain")
    rows, said = asked(lake, capsys, *question, "device:dung")
    assert [(row["tier"], row["venue"], row["contact"], row["seconds"]) for row in rows] == [
        (1, "=cafe", "direct", 1200),
        (2, "hall", "direct", 3600),
    ]
    assert rows[0]["person"] == rows[1]["via"] == token_text(person_token(lake, "chi"))
    assert asked(lake, capsys, *question, token_text(person_token(lake, "dung"))) == (rows, said)


@pytest.mark.parametrize(
    ("person", "line"),
    [
        ("device:an", "this person is one of the cases, not a contact"),
        ("device:em", "this person is in no tier of this trace"),
        ("0123456789abcdef", "this person is in no tier of this trace"),
    ],
)
def test_a_person_who_is_not_in_is_said_not_to_be(lake, person, line, capsys):
    rows, said = asked(lake, capsys, "--case", "BN-1", "--explain", person)
    assert (rows, said[0], said[-1]) == ([], line, NO_SAFETY)


def test_two_rules_are_compared_row_by_row(lake, capsys):
    rows, _ = asked(lake, capsys, "--case", "BN-1", "--rule", "vn-2020-12", "--compare", "vn-2021-12")
    assert [row["in"] for row in rows] == ["vn-2020-12", "both", "both"]
    assert names(lake, rows)[0] == "dung"
    assert rows[0]["why"] == "tier 2 is beyond the last one of vn-2021-12, 1"
    assert [rows[0][name] for name in ("other_tier", "other_exposed_at", "other_via")] == [None] * 3


EMPTY = "1 case with an empty window: it begins after isolation, or after all that is known"
NO_STAYS = "no scan shows where they stayed in that time"


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["--case", "late"], [EMPTY, NO_STAYS]),
        (["--case", "ahead"], [EMPTY, NO_STAYS]),
        (["--case", "unseen"], [NO_STAYS]),
        (["--case", "BN-1", "--until", "2021-07-01"], [EMPTY, NO_STAYS]),
    ],
    ids=lambda value: " ".join(value) if "--case" in value else None,
)
def test_where_nobody_can_have_been_exposed_the_answer_is_empty_and_says_why(lake, words, lines, capsys):
    rows, said = asked(lake, capsys, *words)
    assert rows == []
    assert [line for line in said if line in (EMPTY, NO_STAYS)] == lines
    assert said[-1] == NO_SAFETY


def test_all_cases_are_asked_about_and_those_without_a_date_are_counted(lake, capsys):
    rows, said = asked(lake, capsys, "--all-cases", "--rule", "vn-2020-12")
    assert names(lake, rows) == ["binh"]  # the others are cases themselves
    assert said[:2] == ["1 case with neither onset nor sample skipped", EMPTY.replace("1 case", "2 cases")]


def test_a_person_who_is_a_case_twice_is_infectious_in_both_windows_and_listed_once(lake, capsys):
    both, _ = asked(lake, capsys, "--case", "BN-1", "again")
    assert both == asked(lake, capsys, "--case", "BN-1")[0]
    rows, _ = asked(lake, capsys, "--case", "BN-1", "--case", "BN-1")
    assert rows == both


def test_cases_who_met_one_another_are_nobodys_contact_together_and_each_others_alone(lake, capsys):
    rule = ("--rule", "vn-2020-12", "--depth", "1")
    alone = {case: names(lake, asked(lake, capsys, "--case", case, *rule)[0]) for case in ("BN-1", "other")}
    assert alone == {"BN-1": ["binh", "chi"], "other": ["dung", "binh", "an"]}
    together, _ = asked(lake, capsys, "--case", "BN-1", "other", *rule)
    assert names(lake, together) == ["dung", "binh"]


def test_a_rule_of_another_time_is_a_line_and_no_refusal(lake, capsys):
    rows, said = asked(lake, capsys, "--case", "BN-1", "--rule", "vn-2021-12")
    assert rows
    assert said[0] == "the case is older than rule vn-2021-12, which is valid from 2021-12-29"
    _, said = asked(lake, capsys, "--all-cases", "--rule", "vn-2021-12")
    assert "6 cases of 6: the case is older than rule vn-2021-12, which is valid from 2021-12-29" in said


def test_a_zone_that_no_registry_knows_is_a_zone_and_none_matches_any(tmp_path, capsys):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|zone\ncafe|restaurant|t1;t2")
    put_cases(lake, "case_id|person|onset_at\nBN-1|an|11 00:00")
    zones = {"an": "roof", "binh": "roof", "chi": "t1", "dung": "", "em": "Roof"}
    stays = [f"{person}|cafe|{zone}|10 08:00|10 10:00" for person, zone in zones.items()]
    put_stays(lake, drawn("\n".join(["person|venue|zone|enter|exit", *stays])))
    rule = pack(tmp_path, "same_zone = true")
    rows, _ = asked(lake, capsys, "--case", "BN-1", "--rule", rule)
    assert sorted(names(lake, rows)) == ["binh", "dung"]


def pack(folder, text):
    """Return a rule pack of one's own."""
    path = folder / "own.toml"
    path.write_text(
        f'id = "own"\ntitle = "t"\nsource = "s"\nvalid_from = 2021-01-01\n[contact]\n{text}\n'
        "[infectious]\ndays_before_onset = 2\n",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("min_minutes = -1", "[contact]: min_minutes must be a number ≥ 0: write min_minutes = 15"),
        ("min_minuts = 15", "[contact]: unknown key min_minuts: known are min_minutes"),
        ("[contacts]", "unknown key contacts: known are id title"),
        ('[[override]]\nvenue_type = "zoo"', "venue_type is unknown: choose one of office school"),
        ("min_minutes = ", "is not TOML"),
    ],
)
@pytest.mark.parametrize("flag", ["--rule", "--compare"])
def test_a_wrong_rule_is_one_line_that_names_file_and_key(lake, tmp_path, flag, text, said, capsys):
    words = ["trace", "--lake", lake.url, "--case", "BN-1", flag, pack(tmp_path, text)]
    assert main(words) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert said in shown.err
    assert "own.toml" in shown.err


@pytest.mark.parametrize(
    "words", [[], ["--explain", "device:an"], ["--compare", "vn-2020-12"], ["--capacity", "3"]]
)
def test_an_empty_lake_has_no_cases_and_says_so(tmp_path, words, capsys):
    rows, said = asked(new_lake(tmp_path), capsys, "--all-cases", *words)
    assert rows == []
    assert "the lake holds no case" in said
    assert "lake version -1, last scan never" in said
    assert said[-1] == NO_SAFETY
