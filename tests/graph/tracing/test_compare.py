"""Two rules beside one another: each reason why one of them misses a person."""

import pytest

from pipelines.errors import DataError, UsageError
from pipelines.graph import compare, trace
from pipelines.graph.tracing.compare import COMPARED
from tests.lakes import drawn, new_lake, person_token, put_cases, put_stays, put_venues

STAYS = """
    person | venue | zone | enter    | exit
    case   | v0    |      | 9 12:00  | 9 13:00
    early  | v0    |      | 9 12:00  | 9 13:00
    case   | v1    |      | 10 08:00 | 10 08:10
    short  | v1    |      | 10 08:00 | 10 09:00
    case   | v2    | a    | 10 09:00 | 10 10:00
    both   | v2    | a    | 10 09:00 | 10 10:00
    zoned  | v2    | b    | 10 09:00 | 10 10:00
    tail   | v2    | a    | 10 10:00 | 10 11:00
    both   | v3    |      | 11 09:00 | 11 10:00
    later  | v3    |      | 11 09:00 | 11 10:00
    short  | v4    |      | 11 09:00 | 11 10:00
    behind | v4    |      | 11 09:00 | 11 10:00
"""
TOKENS = {"case": 10, "early": 11, "both": 13, "zoned": 14, "tail": 15, "later": 16, "behind": 17}
PACKS = {
    "loose": "[infectious]\ndays_before_onset = 2\n[contact]\nindirect_minutes = 40\n[chain]\nmax_tier = 2\n",
    "strict": "[infectious]\ndays_before_onset = 1\n[contact]\nmin_minutes = 30\nsame_zone = true\n",
}
WHY = {
    "early": "not together while the infector was infectious under strict",
    "short": "10.0 minutes together do not meet strict",
    "zoned": "the zone, the distance or the time after the infector left does not count under strict",
    "tail": "the zone, the distance or the time after the infector left does not count under strict",
    "later": "tier 2 is beyond the last one of strict, 1",
    "behind": "tier 2 is beyond the last one of strict, 1",
    "both": None,
}


@pytest.fixture(params=[-1, 12, 99])
def short(request):
    """The token of one who exposes others and is in under one rule alone: before, among, after the rest."""
    return request.param


@pytest.fixture
def lake(tmp_path, short):
    lake = new_lake(tmp_path)
    tokens = {**TOKENS, "short": short}
    put_venues(lake, "venue_code|type\nv0|shop\nv1|shop\nv2|shop\nv3|shop\nv4|shop")
    put_stays(lake, [{**row, "person": tokens[row["person"]]} for row in drawn(STAYS)])
    cases = drawn("case_id|onset_at\nBN-1|11 00:00\nBN-2|\nBN-3|30 00:00")
    people = (10, 20, 20)
    put_cases(lake, [{**row, "person": person} for row, person in zip(cases, people, strict=True)])
    return lake


@pytest.fixture
def packs(tmp_path):
    for name, tables in PACKS.items():
        head = f'id = "{name}"\ntitle = "t"\nsource = "s"\nvalid_from = 2021-01-01\n'
        (tmp_path / f"{name}.toml").write_text(head + tables, encoding="utf-8")
    return {name: str(tmp_path / f"{name}.toml") for name in PACKS}


def by_name(rows):
    names = {token: name for name, token in TOKENS.items()}
    return {names.get(row["person"], "short"): row for row in rows.to_pylist()}


def test_each_person_whom_the_other_rule_misses_has_the_reason(lake, packs):
    rows = compare(lake, packs["strict"], "BN-1", packs["loose"])
    assert {name: row["why"] for name, row in by_name(rows).items()} == WHY
    assert rows["in"].to_pylist() == ["loose"] * 6 + ["both"]


def test_a_person_exposed_by_someone_outside_the_trace_is_outside_too(lake, packs):
    found = by_name(compare(lake, packs["strict"], "BN-1", packs["loose"], depth=2))
    assert found["behind"]["why"] == "the infector is not in under strict"
    assert (found["later"]["in"], found["later"]["tier"]) == ("both", 2)


def test_the_other_way_round_the_same_persons_stand_in_the_other_columns(lake, packs):
    there = by_name(compare(lake, packs["strict"], "BN-1", packs["loose"]))
    back = compare(lake, packs["loose"], "BN-1", packs["strict"])
    assert back.schema.equals(COMPARED)
    assert back["in"].to_pylist() == ["loose"] * 6 + ["both"]
    swapped = {"tier": "other_tier", "exposed_at": "other_exposed_at", "via": "other_via"}
    swapped |= {other: one for one, other in swapped.items()}
    again = {
        name: {swapped.get(key, key): value for key, value in row.items()}
        for name, row in by_name(back).items()
    }
    assert again == there


def test_rows_hold_what_the_two_traces_hold(lake, packs):
    rows = compare(lake, packs["strict"], "BN-1", packs["loose"]).to_pylist()
    for prefix, pack in (("", "loose"), ("other_", "strict")):
        traced = {row["person"]: row for row in trace(lake, "BN-1", packs[pack]).to_pylist()}
        held = {row["person"]: row for row in rows if row[f"{prefix}tier"] is not None}
        assert held.keys() == traced.keys()
        for person, row in held.items():
            for name in ("tier", "exposed_at", "via"):
                assert row[prefix + name] == traced[person][name]


def test_a_case_who_was_isolated_before_the_other_window_exposes_nobody_in_it(lake, packs):
    put_stays(
        lake,
        drawn("""
            person   | venue | enter    | exit
            isolated | v0    | 9 15:00  | 9 16:00
            guest    | v0    | 9 15:00  | 9 16:00
        """),
    )
    put_cases(lake, "case_id|person|onset_at|isolated_at\nBN-4|isolated|11 00:00|9 20:00")
    rows = compare(lake, packs["strict"], ["BN-1", "BN-4"], packs["loose"]).to_pylist()
    (guest,) = [row for row in rows if row["person"] == person_token(lake, "guest")]
    assert guest["why"] == "not together while the infector was infectious under strict"


def test_a_rule_beside_itself_has_everybody_in_both(lake):
    rows = compare(lake, "vn-2020-12", "BN-1", "vn-2020-12").to_pylist()
    assert len(rows) == 6
    assert {(row["in"], row["why"]) for row in rows} == {("both", None)}


def test_a_case_that_met_nobody_compares_to_nothing(lake):
    assert compare(lake, "vn-2020-12", "BN-3").num_rows == 0
    assert compare(lake, "vn-2020-12", "BN-1", until="2021-07-01").num_rows == 0


@pytest.mark.parametrize(
    ("other", "words", "error"),
    [("no", {"case": "BN-1"}, UsageError), ("cdc-2020-10", {}, UsageError)]
    + [("cdc-2020-10", {"case": case}, DataError) for case in ("no", "BN-2")],
)
def test_what_cannot_be_compared_is_said_in_a_line(lake, other, words, error):
    with pytest.raises(error):
        compare(lake, other, **words)
