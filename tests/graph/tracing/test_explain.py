"""Why a person is in: the chain of stays that leads there from a case."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.graph import explain, trace
from pipelines.graph.tracing import provenance_kernel as parts
from pipelines.graph.tracing.explain import chain
from pipelines.graph.tracing.provenance import parts_of_pair
from pipelines.privacy.keys import create_keys
from pipelines.terminal.output import token_text
from schemas.tables import ENCOUNTERS, INSTANT
from tests.graph.worlds import BASE, MINUTE, rules, trace_of, traced, us, worlds
from tests.lakes import at, new_lake, person_token, put, put_cases, put_stays, put_venues

# f meets y, who meets x, who meets z; f himself meets x only after all that.
STAYS = """
    person | venue | enter    | exit     | exit_kind | last_seen
    f      | v1    | 10 08:00 | 10 09:00 |           |
    y      | v1    | 10 08:30 | 10 09:30 |           |
    y      | v2    | 10 10:00 | 10 11:00 |           |
    x      | v2    | 10 10:00 | 10 11:00 | default   | 10 10:15
    x      | v3    | 10 11:30 | 10 12:00 |           |
    z      | v3    | 10 11:40 | 10 12:30 |           |
    f      | v4    | 10 14:00 | 10 15:00 |           |
    x      | v4    | 10 14:00 | 10 14:30 |           |
    w      | v4    | 10 15:10 | 10 16:00 |           |
"""
RULE = """
    id = "chained"
    title = "t"
    source = "s"
    valid_from = 2021-01-01
    [infectious]
    days_before_onset = 2
    [contact]
    indirect_minutes = 20
    [chain]
    max_tier = 3
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type\nv1|restaurant\nv2|shop\nv3|office\nv4|office")
    put_stays(lake, STAYS)
    put_cases(lake, "case_id|person|onset_at\nBN-1|f|11 00:00\nBN-2|q|")
    return lake


@pytest.fixture
def rule(tmp_path):
    path = tmp_path / "chained.toml"
    path.write_text(RULE, encoding="utf-8")
    return str(path)


def links(lake, rows):
    """Return the links of an explanation, each once, as (tier, via, person, venue)."""
    names = {person_token(lake, name): name for name in "fyxzwe"}
    found = [(row["tier"], names[row["via"]], names[row["person"]], row["venue"]) for row in rows.to_pylist()]
    return list(dict.fromkeys(found))


def test_a_chain_goes_through_the_earlier_exposure_that_a_later_hop_found(lake, rule):
    assert links(lake, explain(lake, person_token(lake, "z"), "BN-1", rule)) == [
        (1, "f", "y", "v1"),
        (2, "y", "x", "v2"),
        (3, "x", "z", "v3"),
    ]


def test_a_person_found_twice_is_explained_as_his_row_has_it(lake, rule):
    assert links(lake, explain(lake, person_token(lake, "x"), "BN-1", rule)) == [(1, "f", "x", "v4")]
    assert links(lake, explain(lake, person_token(lake, "x"), "BN-1", rule, depth=1)) == [(1, "f", "x", "v4")]


def test_the_rows_of_a_link_are_the_seconds_of_the_traces_row(lake, rule):
    rows = trace(lake, "BN-1", rule).to_pylist()
    assert len(rows) == 4
    for row in rows:
        parts = explain(lake, row["person"], "BN-1", rule).to_pylist()
        own = [part for part in parts if part["person"] == row["person"]]
        assert (own[-1]["tier"], own[-1]["exposed_at"]) == (row["tier"], row["exposed_at"])
        assert sum(part["seconds"] for part in own) == row["seconds_direct"] + row["seconds_indirect"]
        assert sum(part["seconds_imputed"] for part in own) == row["seconds_imputed"]
        assert {part[side] for part in own for side in ("stay", "via_stay")} == set(row["stays"])
        assert {part["venue"] for part in own} == set(row["venues"].split(";"))


def test_time_after_the_infector_is_indirect_and_unseen_time_is_imputed(lake, rule):
    (indirect,) = explain(lake, "device:w", "BN-1", rule).to_pylist()
    assert (indirect["contact"], indirect["seconds"], indirect["seconds_imputed"]) == ("indirect", 600, 0)
    assert (indirect["start"].hour, indirect["start"].minute) == (15, 10)
    (unseen,) = [row for row in explain(lake, "device:z", "BN-1", rule).to_pylist() if row["venue"] == "v2"]
    assert (unseen["contact"], unseen["seconds"], unseen["seconds_imputed"]) == ("direct", 3600, 2700)


def test_an_encounter_has_neither_venue_nor_stays(lake, rule):
    rows = {
        "event_id": pa.nulls(1, pa.string()),
        "person_a": [person_token(lake, "e")],
        "person_b": [person_token(lake, "f")],
        "started_at": pa.array([at("10 18:00")]).cast(INSTANT),
        "ended_at": pa.array([at("10 18:10")]).cast(INSTANT),
        "distance_m": pa.nulls(1, pa.float64()),
        "attenuation_db": pa.nulls(1, pa.float64()),
    }
    put(lake, "encounters", pa.table(rows, schema=ENCOUNTERS.file_schema), day_of="started_at")
    (row,) = explain(lake, "device:e", "BN-1", rule).to_pylist()
    assert (row["contact"], row["seconds"], row["seconds_imputed"]) == ("encounter", 600, 0)
    assert [row[name] for name in ("venue", "stay", "via_stay")] == [None] * 3


def test_a_person_is_an_identifier_a_token_or_its_digits(lake, rule):
    token = person_token(lake, "z")
    expected = explain(lake, token, "BN-1", rule)
    assert expected.num_rows == 5  # of the first and the last link also what follows the infector
    for person in ("device:z", token_text(token)):
        assert explain(lake, person, ["BN-1"], rule).equals(expected)


@pytest.mark.parametrize("person", ["device:f", "device:nobody", 5])
def test_a_case_and_a_person_outside_the_trace_have_no_chain(lake, rule, person):
    assert explain(lake, person, "BN-1", rule).num_rows == 0


def test_what_cannot_be_explained_is_said_in_a_line(lake, rule, tmp_path):
    create_keys(tmp_path / "other")
    for error, words in ((UsageError, ("phone:1", "BN-1")), (DataError, (5, "no")), (DataError, (5, "BN-2"))):
        with pytest.raises(error):
            explain(lake, *words, rule)
    with pytest.raises(RefusedError):
        explain(lake.url, "device:z", "BN-1", rule, keys=tmp_path / "other")


def minutes_between(found, start, end):
    """Return the minutes of a world in the parts of a contact, from one of their columns to another."""
    return {
        minute
        for part in found.tolist()
        for minute in range((part[start] - BASE) // MINUTE, (part[end] - BASE) // MINUTE)
    }


@settings(max_examples=60, deadline=None)
@given(worlds, rules(), st.integers(1, 3))
def test_every_row_has_links_that_follow_one_another_in_time_and_parts_that_make_its_seconds(
    world, rule, depth
):
    index = world.cases[:2]
    made = trace_of(world, rule, index, depth)
    for row in traced(world, rule, index, depth):
        found = chain(made, row.person)
        assert [link.tier for link in found] == list(range(1, row.tier + 1))
        assert found[0].via in made.cases
        assert found[-1][1:] == (row.via, row.person, us(row.exposed))
        for before, after in pairwise(found):
            assert after.via == before.person
            assert after.exposed_us >= before.exposed_us + rule.chain.latency_hours * 60 * MINUTE
        contact = parts_of_pair(made.where, made.hops[row.tier - 1].sources, row.person, row.via)
        direct = minutes_between(contact, parts.FROM, parts.DIRECT_TO)
        every = minutes_between(contact, parts.FROM, parts.TO)
        assert (60 * len(direct), 60 * len(every - direct)) == (row.direct, row.indirect)
        assert max(every) < row.last_contact <= world.until  # others may have met the person later
