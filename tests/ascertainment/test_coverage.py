"""Coverage: shares by venue type, what a list stands for, and audits that anchor them."""

from pathlib import Path

import pytest

from pipelines import coverage, trace
from pipelines.ascertainment.coverage_rows import COVERAGE, DEFINITIONS
from pipelines.ascertainment.two_way_visits import TwoWayVisits
from pipelines.cli import main
from pipelines.errors import DataError
from pipelines.graph.seen_share import wilson
from tests.graph.meetings import put_encounters
from tests.lakes import assert_one_line, new_lake, put_cases, put_scans, put_stays, put_venues

HEAD = "venue,start,end,heads\n"
MORNING = "2021-07-10T08:00:00Z,2021-07-10T10:00:00Z"


def lake_of(tmp_path, partners, seen, shoppers=0):
    """A case at a cafe for two hours, as many partners there, some of them seen, and 20 others seen."""
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\ncafe | restaurant\nshop | shop")
    people = [f"p{number}" for number in range(partners)]
    stays = [("f0", "cafe"), *((name, "cafe") for name in people[:seen])]
    stays += [(f"q{number}", "shop") for number in range(shoppers)]
    put_stays(
        lake,
        [{"person": who, "venue": where, "enter": "10 08:00", "exit": "10 10:00"} for who, where in stays],
    )
    put_cases(lake, "case_id | person | onset_at\nBN-1 | f0 | 11 00:00\nBN-2 | nobody | 11 00:00")
    if people:
        put_encounters(
            lake,
            [
                {"person_a": "f0", "person_b": name, "started_at": "10 08:30", "ended_at": "10 09:30"}
                for name in people
            ],
        )
    return lake


def audits(tmp_path, text):
    path = tmp_path / "audits.csv"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def row_of(answer, name="all"):
    (row,) = [row for row in answer.to_pylist() if row["venue_type"] == name]
    return row


def test_the_share_is_that_of_the_partners_and_the_list_is_set_against_it(tmp_path):
    lake = lake_of(tmp_path, 40, 25)
    answer = coverage(lake, "BN-1")
    assert answer.schema == COVERAGE
    assert COVERAGE.names[:7] == ["venue_type", "pairs", "p", "p_low", "p_high", "found", "list_high"]
    assert answer["venue_type"].to_pylist() == ["restaurant", "all"]
    of_type, whole = answer.to_pylist()
    low, high = wilson(25, 40)
    assert (of_type["pairs"], of_type["p"], of_type["p_low"], of_type["p_high"]) == (40, 0.625, low, high)
    assert (of_type["found"], of_type["list_high"]) == (None, None)
    assert whole["found"] == trace(lake, "BN-1").num_rows == 25
    assert whole["list_high"] == pytest.approx(25 / low**2)
    assert whole["source"] == "encounters"
    assert f"between 25 and {25 / low**2:,.0f} people" in answer.notes[0]
    assert coverage(lake).rows.equals(coverage(lake, all_cases=True).rows)


@pytest.mark.parametrize(
    ("partners", "seen", "said"),
    [(29, 29, "29 Bluetooth partners"), (0, 0, "0 Bluetooth partners"), (40, 0, "not one of them is seen")],
)
def test_what_is_not_identifiable_is_empty_and_said(tmp_path, partners, seen, said):
    answer = coverage(lake_of(tmp_path, partners, seen), "BN-1")
    row = row_of(answer)
    assert row["pairs"] == partners
    assert row["list_high"] is None
    assert (row["p"] is None) == (partners < 30)
    assert "not identifiable" in answer.notes[0]
    assert said in answer.notes[0]


def test_an_empty_lake_answers_one_row_and_no_number(tmp_path):
    answer = coverage(new_lake(tmp_path))
    (row,) = answer.to_pylist()
    assert {name for name, value in row.items() if value is not None} == {"venue_type", "pairs", "found"}
    assert (row["pairs"], row["found"]) == (0, 0)
    assert "not identifiable" in answer.notes[0]


def test_audits_go_before_encounters(tmp_path):
    lake = lake_of(tmp_path, 40, 25, shoppers=20)
    answer = coverage(lake, "BN-1", audits=audits(tmp_path, f"cafe,{MORNING},100\nshop,{MORNING},25\n"))
    cafe, shop, whole = answer.to_pylist()
    assert (cafe["source"], cafe["heads"], cafe["heads_seen"], cafe["p"]) == ("audits", 100, 26, 0.26)
    assert (shop["source"], shop["heads"], shop["heads_seen"], shop["p"]) == (None, 25, 20, None)
    assert (whole["heads"], whole["heads_seen"], whole["pairs"]) == (125, 46, 40)
    assert whole["list_high"] == pytest.approx(25 / wilson(46, 125)[0] ** 2)
    assert any("by encounters the share is 62%" in note for note in answer.notes)


def test_audits_that_cannot_be_compared_are_named_by_row(tmp_path):
    lake = lake_of(tmp_path, 40, 25)
    text = (
        f"nowhere,{MORNING},10\ncafe,{MORNING},25\n cafe ,{MORNING},26\n"
        "cafe,2021-08-10T08:00:00Z,2021-08-10T10:00:00Z,50\nnothing,2021-07-10,2021-07-11,9\n"
    )
    answer = coverage(lake, "BN-1", audits=audits(tmp_path, text))
    assert (row_of(answer)["heads"], row_of(answer)["heads_seen"]) == (26, 26)
    said = "\n".join(answer.notes)
    assert "2 of the audits left out, for each names a venue that is not registered: rows 1, 5" in said
    assert "1 of the audits left out, for each counted fewer heads than people scanned: row 2" in said
    assert "1 of the audits left out, for each reaches beyond the days of the lake's stays: row 4" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cafe,2021-07-10T08:00:00,2021-07-10T10:00:00Z,9", "row 1: start must be a time with offset"),
        (f"cafe,{MORNING},9\ncafe,2021-07-10T08:00:00Z,,9", "row 2: end must be a time with offset"),
        (f"cafe,{MORNING},MARKER", "heads must be an integer ≥ 0"),
        (f"cafe,{MORNING},-1", "heads must be an integer ≥ 0"),
        (f",{MORNING},1", "row 1 has no venue"),
        ("cafe,2021-07-10T10:00:00Z,2021-07-10T10:00:00Z,9", "start must lie before end"),
    ],
)
def test_a_malformed_audit_is_refused_by_its_row(tmp_path, text, said):
    with pytest.raises(DataError, match=said) as caught:
        coverage(lake_of(tmp_path, 1, 1), "BN-1", audits=audits(tmp_path, text))
    assert "MARKER" not in str(caught.value)


def test_a_file_that_is_none_of_audits_is_refused(tmp_path):
    lake = new_lake(tmp_path)
    with pytest.raises(DataError, match="has no column heads"):
        coverage(lake, audits=_written(tmp_path, b"venue,start,end\n"))
    with pytest.raises(DataError, match="has no column venue"):
        coverage(lake, audits=_written(tmp_path, b""))
    with pytest.raises(DataError, match="is not UTF-8"):
        coverage(lake, audits=_written(tmp_path, b"\xff\xfe"))
    with pytest.raises(DataError, match="cannot be read"):
        coverage(lake, audits=tmp_path / "missing.csv")


def _written(tmp_path, content):
    path = tmp_path / "audits.csv"
    path.write_bytes(content)
    return path


def test_scans_in_and_out_give_a_lower_bound_at_points_without_a_guard(tmp_path):
    lake = lake_of(tmp_path, 40, 25, shoppers=3)
    kinds = [("scanned", "scanned")] * 6 + [("scanned", "default")] * 3 + [("imputed", "scanned")] * 2
    put_venues(lake, "venue_code | type\ncafe | restaurant\nshop | shop\nmall | shop")
    put_stays(
        lake,
        [
            {
                "person": f"r{venue}{number}", "venue": venue, "enter": "10 12:00", "exit": "10 13:00",
                "enter_kind": enter, "exit_kind": leave,
            }
            for venue in ("shop", "mall")
            for number, (enter, leave) in enumerate(kinds)
        ],
    )  # fmt: skip
    put_scans(
        lake,
        "person | venue | occurred_at | scan_mode\nx | mall | 10 12:00 | guard\nx | shop | 10 12:00 | self",
    )
    row = row_of(coverage(lake, "BN-1"), "shop")
    entered, left, both = 3 + 9, 3 + 8, 3 + 6  # the mall has a guard
    assert row["visits_seen"] == entered + left - both
    assert row["visits_at_least"] == round((entered + 1) * (left + 1) / (both + 1) - 1)


def test_chapman_is_the_published_figure():
    visits = TwoWayVisits(entered=200, left=150, both=120)
    assert visits.at_least() == pytest.approx(201 * 151 / 121 - 1)
    assert TwoWayVisits(5, 5, 5).at_least() == 5


def test_the_command_prints_rows_and_what_they_rest_on(tmp_path, capsys):
    lake = lake_of(tmp_path, 40, 25)
    asked = ["coverage", "--lake", lake.url, "--rule", "who-2020-12", "--format", "csv"]
    assert main(asked) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].startswith("venue_type,pairs,p,p_low,p_high,found,list_high")
    assert shown.out.splitlines()[-1].startswith("all,40,0.625,")
    assert "An empty" not in shown.err
    assert "lake version" in shown.err
    assert main(["coverage", "--definitions"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == COVERAGE.names
    assert list(DEFINITIONS) == COVERAGE.names


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--case", "MARKER"], 3, "names no case"),
        (["--case", "BN-1", "--all-cases"], 2, "not both"),
        (["--rule", "who-2021"], 2, "did you mean who-2020-12"),
        (["--until", "MARKER"], 2, "--until is not a valid time"),
        (["--audits", "missing.csv"], 3, "--audits missing.csv cannot be read"),
    ],
)
def test_a_malformed_question_is_one_line(tmp_path, capsys, flags, code, said):
    lake = lake_of(tmp_path, 1, 1)
    assert main(["coverage", "--lake", lake.url, *flags]) == code
    assert_one_line(capsys.readouterr(), said)


def test_the_page_defines_every_column_as_the_command_does():
    page = (Path(__file__).parents[2] / "docs" / "coverage.md").read_text(encoding="utf-8")
    for name, said in DEFINITIONS.items():
        assert f"| `{name}` | {said} | " in page
