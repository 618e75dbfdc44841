"""Stays of humans: answers with `humans` are those of a lake in which each human had one identifier."""

import random

import numpy as np
import pyarrow as pa
import pytest

from pipelines.graph.case_network.graph import network
from pipelines.graph.tracing.trace import trace
from pipelines.kernels.types import Int64
from pipelines.linkage.human_lake import human_of, of_humans
from pipelines.query import milestones, overlaps
from schemas.tables import ENCOUNTERS
from tests.lakes import (
    Row,
    at,
    new_lake,
    person_token,
    put,
    put_cases,
    put_declarations,
    put_stays,
    put_venues,
)
from tests.linkage.links import put_links

HOUR_US = 3_600_000_000
VENUES = """
    venue_code | type
    cafe       | restaurant
    shop       | shop
    home       | home
"""
NAMES = ("an", "an-phone", "an-card", "binh", "binh-phone", "chi", "dung", "em", "em-phone")
LINKS = """
    a    | kind_a | b          | kind_b | source      | self
    an   | qid    | an-phone   | phone  | personal_qr |
    an   | qid    | an-card    | cccd   | card        | no
    binh | cccd   | binh-phone | phone  | personal_qr |
    em   | bhyt   | em-phone   | phone  | declaration |
"""
CASES = """
    case_id | person     | onset_at | isolated_at
    BN-1    | an-phone   | 2 00:00  |
    BN-2    | binh       | 2 00:00  |
    BN-3    | an-card    | 3 00:00  | 3 12:00
"""


def stay(dice: random.Random) -> Row:
    """A random stay, of few venues and hours, so that everything meets; some reach into the next day."""
    enter = at(f"{dice.randrange(1, 4)} 00:00") + dice.randrange(48) * HOUR_US // 2
    length = dice.randrange(1, 8) * HOUR_US // 2
    kinds = dice.choice([("scanned", "scanned"), ("scanned", "default"), ("imputed", "scanned")])
    seen = enter + length if kinds[1] == "scanned" else enter + dice.randrange(length)
    return {
        "person": dice.choice(NAMES),
        "venue": dice.choice(["cafe", "shop"]),
        "zone": dice.choice([None, "a", "b"]),
        "enter": enter,
        "exit": enter + length,
        "last_seen": seen,
        "enter_kind": kinds[0],
        "exit_kind": kinds[1],
    }


def stays_of(dice: random.Random) -> list[Row]:
    """Random stays, in which nobody is twice at one place at a time under one identifier."""
    kept: list[Row] = []
    for one in (stay(dice) for _ in range(60)):
        if not any(
            one["person"] == other["person"]
            and one["venue"] == other["venue"]
            and one["enter"] <= other["exit"]
            and other["enter"] <= one["exit"]
            for other in kept
        ):
            kept.append(one)
    return kept


def joined(stays: list[Row]) -> list[Row]:
    """The same under one token a human, and overlapping ones at a venue as one: plainly, one by one."""
    done: list[Row] = []
    for one in sorted(stays, key=lambda row: row["enter"]):
        for other in done:
            if (
                one["person"] == other["person"]
                and one["venue"] == other["venue"]
                and one["enter"] < other["exit"]
            ):
                if one["enter"] == other["enter"] and one["enter_kind"] == "scanned":
                    other["enter_kind"] = "scanned"
                if (one["exit"], one["exit_kind"] == "scanned") > (
                    other["exit"],
                    other["exit_kind"] == "scanned",
                ):
                    other["exit"], other["exit_kind"] = one["exit"], one["exit_kind"]
                other["last_seen"] = max(one["last_seen"], other["last_seen"])
                other["zone"] = one["zone"] if one["zone"] == other["zone"] else None
                break
        else:
            done.append(dict(one))
    return done


def put_encounters(lake, meetings: list[tuple[int, int, int]]) -> None:
    """Commit encounters of ten minutes: (one, other, begin)."""
    rows = [
        {
            **dict(zip(("person_a", "person_b"), sorted((one, other)), strict=True)),
            "started_at": begin,
            "ended_at": begin + HOUR_US // 6,
            "event_id": None,
            "distance_m": 1.0,
            "attenuation_db": None,
        }
        for one, other, begin in meetings
        if one != other
    ]
    put(lake, "encounters", pa.Table.from_pylist(rows, schema=ENCOUNTERS.file_schema), day_of="started_at")


def lakes(folder, seed: int, files_a_date: int):
    """A lake with links, and one whose stays and cases have the humans' tokens."""
    dice = random.Random(seed)
    stays = stays_of(dice)
    (folder / "one").mkdir()
    (folder / "other").mkdir()
    linked, plain = new_lake(folder / "one"), new_lake(folder / "other")
    for lake in (linked, plain):
        put_venues(lake, VENUES)
    put_stays(linked, stays, files_a_date=files_a_date)
    put_cases(linked, CASES)
    put_links(linked, LINKS)

    def human(name: str) -> int:
        token: Int64 = np.array([person_token(linked, name)])
        return int(human_of(of_humans(linked, True), token)[0])

    put_stays(plain, joined([{**one, "person": human(one["person"])} for one in stays]))
    meetings = [
        (*dice.sample(NAMES, 2), at(f"{dice.randrange(2, 4)} 00:00") + dice.randrange(12) * HOUR_US)
        for _ in range(12)
    ]
    put_encounters(linked, [(*(person_token(linked, one) for one in ends), us) for *ends, us in meetings])
    put_encounters(plain, [(*map(human, ends), us) for *ends, us in meetings])
    ill = [{"person": dice.choice(NAMES), "declared_at": "3 20:00", "symptoms": "fever"} for _ in range(3)]
    put_declarations(linked, ill)
    put_declarations(plain, [{**one, "person": human(one["person"])} for one in ill])
    cases = [{"case_id": f"BN-{number}", "person": human(name), "onset_at": "2 00:00"}
             for number, name in ((1, "an"), (2, "binh"))]  # fmt: skip
    again = {"case_id": "BN-3", "person": human("an"), "onset_at": "3 00:00", "isolated_at": "3 12:00"}
    put_cases(plain, [*cases, again])
    return linked, plain, human


def stays_in(graph):
    """The persons, places and times of the stays of a network."""
    edges = graph.edges(data=True)
    return sorted(
        (who, place, of["enter"], of["exit"], of["exit_kind"])
        for who, place, of in edges
        if of["kind"] == "stay"
    )


SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 40))]


@pytest.mark.parametrize("seed", SEEDS)
def test_answers_are_those_of_a_lake_with_one_identifier_a_human(tmp_path, seed):
    linked, plain, human = lakes(tmp_path, seed, files_a_date=1 + seed % 3)
    for name in NAMES:
        found = overlaps(linked, person_token(linked, name), humans=True)
        assert found.equals(overlaps(plain, human(name)).rows)
    for rule in ("who-2020-12", "vn-2021-12", "ecdc-2020-12"):
        found = trace(linked, all_cases=True, rule=rule, depth=3, humans=True)
        expected = trace(plain, all_cases=True, rule=rule, depth=3)
        assert found.drop_columns(["stays", "links"]).equals(expected.rows.drop_columns(["stays"]))
        assert found.quality == expected.quality
    for case in ("BN-1", "BN-2"):
        assert milestones(linked, case, humans=True).equals(milestones(plain, case).rows)
        one, other = network(linked, case, humans=True), network(plain, case)
        assert stays_in(one) == stays_in(other)


TWICE = """
    person   | venue | zone | enter   | exit    | enter_kind | exit_kind | last_seen
    an       | cafe  | a    | 2 08:00 | 2 10:00 | imputed    |           |
    an-phone | cafe  | b    | 2 08:00 | 2 09:00 |            | default   | 2 08:30
    an-card  | cafe  | a    | 2 10:00 | 2 11:00 |            |           |
    binh     | cafe  |      | 2 07:00 | 2 12:00 |            |           |
    binh     | shop  |      | 2 07:00 | 2 08:00 |            |           |
    binh-phone | shop |     | 2 07:59 | 2 09:00 |            | default   | 2 08:10
"""


def test_a_union_has_the_first_enter_and_the_last_exit_and_touching_stays_stay_apart(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(lake, TWICE)
    put_cases(lake, CASES)
    put_links(lake, LINKS)
    rows = milestones(lake, "BN-1", humans=True).select(["enter", "exit", "enter_kind", "exit_kind"])
    times = [(row["enter"].hour, row["exit"].hour, *list(row.values())[2:]) for row in rows.to_pylist()]
    # Of two who enter at one instant the one that was scanned counts.
    assert times == [(8, 10, "scanned", "scanned"), (10, 11, "scanned", "scanned")]
    found = overlaps(lake, "device:binh-phone", humans=True)
    assert [(row["zone"], row["seconds"], row["seconds_imputed"]) for row in found.to_pylist()] == [
        (None, 7200, 0),
        ("a", 3600, 0),
    ]
    found = milestones(lake, "BN-2", humans=True).to_pylist()
    assert [(row["venue"], row["exit_kind"]) for row in found] == [("cafe", "scanned"), ("shop", "default")]


def test_a_lake_of_which_nobody_has_several_identifiers_answers_as_without_the_flag(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(lake, TWICE)
    put_cases(lake, CASES)
    put_links(lake, "a | kind_a | b | kind_b\nelse | cccd | other | phone")
    found = trace(lake, all_cases=True, humans=True)
    assert found.drop_columns(["links"]).equals(trace(lake, all_cases=True).rows)
    assert found["links"].null_count == found.num_rows
    assert found.notes[-1] == "nobody here has several identifiers"
