"""The network of a case, drawn: who is a node, which stays and exposures are edges, and when."""

import subprocess
import sys

import pyarrow as pa
import pytest

from pipelines.errors import DataError, UsageError
from pipelines.graph import network, trace
from pipelines.terminal.output import token_text
from schemas.tables import ENCOUNTERS, INSTANT
from tests.lakes import at, new_lake, person_token, put, put_cases, put_stays, put_venues

VENUES = """
    venue_code | type       | name     | lat   | lon
    cafe       | restaurant | Cà phê   | 15.12 | 108.8
    house      | home       |          |       |
"""
STAYS = """
    person | venue | zone | enter    | exit     | exit_kind | last_seen
    an     | cafe  | t1   | 10 08:00 | 10 10:00 |           |
    an     | house |      | 10 20:00 | 10 22:00 | default   | 10 20:00
    an     | cafe  |      | 1 08:00  | 1 10:00  |           |
    binh   | cafe  |      | 10 09:00 | 10 11:00 |           |
    binh   | stall |      | 11 09:00 | 11 10:00 |           |
    binh   | house |      | 12 09:00 | 12 10:00 |           |
    chi    | stall |      | 11 09:30 | 11 10:30 |           |
"""
CASES = """
    case_id | person | onset_at | isolated_at
    BN-1    | an     | 11 00:00 |
    BN-2    | chi    | 20 00:00 |
    BN-3    | em     | 11 00:00 |
    BN-4    | an     | 11 00:00 | 9 00:00
    BN-5    | giang  |          | 12 00:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    return lake


def hexadecimal(lake, name):
    return token_text(person_token(lake, name))


def test_persons_are_nodes_with_tier_exposure_and_case(lake):
    graph = network(lake, "BN-1", "vn-2020-12")
    an, binh, chi = (hexadecimal(lake, name) for name in ("an", "binh", "chi"))
    persons = {node: values for node, values in graph.nodes(data=True) if values["kind"] == "person"}
    assert persons[an] == {"kind": "person", "label": "BN-1", "tier": 0, "case_ids": "BN-1;BN-4"}
    score = persons[binh].pop("score")
    assert score > 0
    assert persons[binh] == {
        "kind": "person",
        "label": binh,
        "tier": 1,
        "exposed_at": "2021-07-10T09:00:00Z",
        "via": an,
    }
    assert (persons[chi]["tier"], persons[chi]["via"], persons[chi]["case_ids"]) == (2, binh, "BN-2")
    assert len(persons) == 3


def test_venues_are_nodes_with_what_the_registry_says_and_when_somebody_was_there(lake):
    graph = network(lake, "BN-1", "vn-2020-12")
    venues = {values["code"]: values for _, values in graph.nodes(data=True) if values["kind"] == "venue"}
    assert venues["cafe"] == {
        "kind": "venue",
        "label": "Cà phê",
        "code": "cafe",
        "name": "Cà phê",
        "venue_type": "restaurant",
        "lat": 15.12,
        "lon": 108.8,
        "tier": 0,
        "first_at": "2021-07-10T08:00:00Z",
        "last_at": "2021-07-10T11:00:00Z",
    }
    assert {"name", "lat", "lon"}.isdisjoint(venues["house"])
    assert venues["house"]["label"] == "house"
    (stall,) = [values for code, values in venues.items() if code not in ("cafe", "house")]
    assert (stall["label"], stall["tier"]) == (stall["code"], 1)
    assert "venue_type" not in stall


def test_stays_of_the_case_in_its_window_and_those_that_make_contacts_are_edges(lake):
    graph = network(lake, "BN-1", "vn-2020-12")
    names = {hexadecimal(lake, name): name for name in ("an", "binh", "chi")}
    stays = [
        (names[one], graph.nodes[place]["label"], values["enter"], values["exit"], values["tier"])
        for one, place, values in graph.edges(data=True)
        if values["kind"] == "stay"
    ]
    stall = next(label for _, label, *_ in stays if label not in ("Cà phê", "house"))
    day = "2021-07-"
    assert sorted(stays) == sorted(
        [
            ("an", "Cà phê", f"{day}10T08:00:00Z", f"{day}10T10:00:00Z", 0),
            ("an", "house", f"{day}10T20:00:00Z", f"{day}10T22:00:00Z", 0),
            ("binh", "Cà phê", f"{day}10T09:00:00Z", f"{day}10T11:00:00Z", 1),
            ("binh", stall, f"{day}11T09:00:00Z", f"{day}11T10:00:00Z", 1),
            ("chi", stall, f"{day}11T09:30:00Z", f"{day}11T10:30:00Z", 2),
        ]
    )
    values = next(iter(graph.get_edge_data(hexadecimal(lake, "an"), "venue:cafe").values()))
    assert values == {
        "kind": "stay",
        "tier": 0,
        "enter": f"{day}10T08:00:00Z",
        "exit": f"{day}10T10:00:00Z",
        "seconds": 7200,
        "enter_kind": "scanned",
        "exit_kind": "scanned",
        "zone": "t1",
    }


def test_exposures_are_edges_from_the_infector(lake):
    graph = network(lake, "BN-1", "vn-2020-12")
    an, binh, chi = (hexadecimal(lake, name) for name in ("an", "binh", "chi"))
    assert graph.get_edge_data(an, binh) == {
        f"exposure:{binh}": {
            "kind": "exposure",
            "tier": 1,
            "exposed_at": "2021-07-10T09:00:00Z",
            "seconds": 3600,
            "seconds_indirect": 0,
            "seconds_imputed": 0,
            "rule": "vn-2020-12",
            "place": "venue:cafe",
        }
    }
    assert graph.get_edge_data(binh, chi)[f"exposure:{chi}"]["exposed_at"] == "2021-07-11T09:30:00Z"


def test_the_network_holds_exactly_the_rows_of_the_trace(lake):
    for rule, depth in (("vn-2020-12", None), ("vn-2020-12", 1), ("cwa-2021", 3)):
        graph = network(lake, "BN-1", rule, depth=depth)
        rows = trace(lake, "BN-1", rule, depth=depth).to_pylist()
        nodes = graph.nodes(data=True)
        tiers = {node: values["tier"] for node, values in nodes if values["kind"] == "person"}
        assert tiers.pop(hexadecimal(lake, "an")) == 0
        assert tiers == {token_text(row["person"]): row["tier"] for row in rows}
        exposures = {(via, one) for via, one, kind in graph.edges(data="kind") if kind == "exposure"}
        assert exposures == {(token_text(row["via"]), token_text(row["person"])) for row in rows}


def test_an_exposure_after_the_infector_has_left_began_at_the_venue(lake):
    put_stays(lake, "person|venue|enter|exit\ndung|cafe|11 10:00|11 11:00\nan|cafe|11 09:00|11 10:00")
    graph = network(lake, "BN-1", "cwa-2021")
    dung = hexadecimal(lake, "dung")
    exposure = graph.get_edge_data(hexadecimal(lake, "an"), dung)[f"exposure:{dung}"]
    assert exposure["place"] == "venue:cafe"
    assert (exposure["seconds"], exposure["seconds_indirect"]) == (1800, 1800)


def test_an_encounter_is_an_exposure_without_a_place(lake):
    rows = {
        "event_id": pa.nulls(1, pa.string()),
        "person_a": [person_token(lake, "an")],
        "person_b": [person_token(lake, "hoa")],
        "started_at": pa.array([at("10 14:00")]).cast(INSTANT),
        "ended_at": pa.array([at("10 14:30")]).cast(INSTANT),
        "distance_m": [1.0],
        "attenuation_db": pa.nulls(1, pa.float64()),
    }
    put(lake, "encounters", pa.table(rows, schema=ENCOUNTERS.file_schema), day_of="started_at")
    graph = network(lake, "BN-1")
    hoa = hexadecimal(lake, "hoa")
    exposure = graph.get_edge_data(hexadecimal(lake, "an"), hoa)[f"exposure:{hoa}"]
    assert exposure["seconds"] == 1800
    assert "place" not in exposure


def test_the_question_stands_in_the_graph_and_until_cuts_it(lake):
    graph = network(lake, "BN-1", "vn-2020-12", depth=1, until="2021-07-10T09:30:00Z")
    assert graph.graph == {
        "name": "case BN-1",
        "case": "BN-1",
        "rule": "vn-2020-12",
        "depth": 1,
        "until": "2021-07-10T09:30:00Z",
    }
    (exposure,) = [values for *_, values in graph.edges(data=True) if values["kind"] == "exposure"]
    assert exposure["seconds"] == 1800
    assert not graph.has_node("venue:house")


def test_a_case_that_met_nobody_is_a_node_without_edges(lake, tmp_path):
    for case in ("BN-3", "BN-4"):
        graph = network(lake, case)
        assert (graph.number_of_nodes(), graph.number_of_edges()) == (1, 0)
    empty = new_lake(tmp_path / "empty")
    put_cases(empty, CASES)
    assert network(empty, "BN-1").number_of_nodes() == 1


def test_hostile_names_lose_only_the_signs_that_no_xml_may_hold(lake):
    put_venues(lake, "venue_code|type|name\nodd|shop|$x <b>& \x07🎉")
    put_cases(lake, "case_id|person|onset_at\nBN <6> &|an|11 00:00")
    put_stays(lake, "person|venue|zone|enter|exit\nan|odd|<z>|10 16:00|10 17:00")
    graph = network(lake, "BN <6> &")
    assert graph.graph["case"] == "BN <6> &"
    assert graph.nodes["venue:odd"]["name"] == "$x <b>& \ufffd🎉"


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"case": "BN-0"}, DataError, "names no case"),
        ({"case": "BN-5"}, DataError, "neither onset nor sample"),
        ({"case": "BN-1", "depth": 0}, UsageError, "--depth"),
        ({"case": "BN-1", "rule": "who-2021"}, UsageError, "did you mean who-2020-12"),
        ({"case": "BN-1", "until": "soon"}, UsageError, "--until"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(lake, words, error, said):
    with pytest.raises(error, match=said):
        network(lake, **words)


def test_tracing_itself_uses_no_networkx():
    code = (
        "import sys; import pipelines.commands.trace, pipelines.graph.tracing.trace;"
        "sys.exit(bool({'networkx', 'matplotlib', 'apache_beam'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
