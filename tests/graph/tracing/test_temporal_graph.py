"""A trace runs over one version of the lake."""

from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.temporal_graph import network
from schemas.rules import load_rule
from tests.lakes import at, new_lake, put_stays

DAY = """
person | venue | enter   | exit
an     | cafe  | 3 08:00 | 3 10:00
"""
NEXT_DAY = """
person | venue | enter   | exit
chi    | cafe  | 4 09:00 | 4 11:00
"""


def test_a_commit_in_the_middle_of_a_trace_is_not_seen_by_it(tmp_path):
    lake = new_lake(tmp_path)
    put_stays(lake, DAY)
    graph = network(lake, load_rule("vn-2020-12"), at("30 00:00"))
    put_stays(lake, NEXT_DAY)
    for by in ("venue", "person"):
        assert [columns.person.size for columns in graph.files(by, Span())] == [1]
    assert graph.all_persons().people.persons == 1
    later = network(lake, load_rule("vn-2020-12"), at("30 00:00"))
    assert later.all_persons().people.persons == 2
