"""Where the picture of a network puts what."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.graph.case_network.layout import (
    ENCOUNTERS,
    LANES_AT_MOST,
    OTHERS,
    PLOT_WIDTH,
    layout_of,
    micros,
    stacked,
)
from tests.graph.case_network.networks import add_stay, add_venue, case_graph, crowded, expose, time_at


def test_a_venue_is_a_lane_in_the_order_of_what_happened_there_those_of_the_case_first():
    graph = case_graph()
    for code in ("late", "early", "others", "nobody"):
        add_venue(graph, code)
    add_stay(graph, "f0", "late", 60, 90)
    add_stay(graph, "f0", "early", 0, 30, "default")
    add_stay(graph, "f0", "nobody", 200, 230)
    expose(graph, "f0", "a", 70, "late")
    expose(graph, "f0", "b", 5, "early")
    expose(graph, "f0", "c", 6)
    expose(graph, "a", "d", 71, "others")
    layout = layout_of(graph)
    places = [lane.place for lane in layout.lanes]
    assert places == ["venue:early", "venue:late", "venue:nobody", ENCOUNTERS, "venue:others"]
    assert [[dot.node for dot in lane.dots] for lane in layout.lanes] == [["b"], ["a"], [], ["c"], ["d"]]
    assert [bar.seen for lane in layout.lanes for bar in lane.bars] == [False, True, True]
    assert (layout.start_us, layout.end_us) < (micros(time_at(0)), micros(time_at(230)))
    assert layout.start_us < micros(time_at(0))
    assert layout.end_us > micros(time_at(230))


def test_lanes_lie_above_one_another_without_a_gap():
    layout = layout_of(crowded(300))
    below = 0.0
    for lane in reversed(layout.lanes):
        assert lane.bottom == below
        below += lane.height
    assert below == layout.height


def test_each_dot_has_a_cell_of_its_own_near_its_instant():
    layout = layout_of(crowded(500))
    for lane in layout.lanes:
        assert len({(dot.column, dot.level) for dot in lane.dots}) == len(lane.dots)
        for dot in lane.dots:
            x, y = layout.centre(lane, dot)
            assert -layout.unit <= x - layout.x_of(dot.at_us) <= 5 * layout.unit
            assert lane.bottom < y < lane.bottom + lane.height
            assert 0 < x < PLOT_WIDTH


def test_many_venues_share_a_lane():
    graph = case_graph()
    for number in range(LANES_AT_MOST + 20):
        add_venue(graph, f"V-{number:02}")
        expose(graph, "f0", f"p{number}", number, f"V-{number:02}")
    expose(graph, "f0", "more", 5, "V-59")
    layout = layout_of(graph)
    assert len(layout.lanes) == LANES_AT_MOST
    last = layout.lanes[-1]
    assert (last.place, last.venues, len(last.dots)) == (OTHERS, 21, 21)
    assert "venue:V-59" in [lane.place for lane in layout.lanes]


def test_thousands_of_persons_at_one_instant_are_smaller_dots_and_the_page_stays_a_page():
    graph = case_graph()
    for number in range(10):
        add_venue(graph, f"V-{number}")
        add_stay(graph, "f0", f"V-{number}", number * 60, number * 60 + 50)
    for number in range(6000):
        expose(graph, "f0", f"p{number:04}", number % 10 * 60, f"V-{number % 10}")
    small, large = layout_of(crowded(100)), layout_of(graph)
    assert large.unit < small.unit
    assert large.height < 2000
    assert sum(len(lane.dots) for lane in large.lanes) == 6000


def test_a_graph_of_the_case_alone_has_no_lanes_and_still_a_time():
    layout = layout_of(case_graph())
    assert layout.lanes == []
    assert layout.end_us > layout.start_us


@given(st.lists(st.integers(-3, 30), max_size=120), st.integers(1, 25))
def test_dots_are_never_stacked_on_one_another_and_none_is_lost(wanted, columns):
    levels, places = stacked(sorted(wanted), columns)
    assert len(places) == len(set(places)) == len(wanted)
    assert all(0 <= column < columns and 0 <= level < levels for column, level in places)


def test_a_full_column_passes_its_dots_on_to_the_right():
    levels, places = stacked([3] * 10, 20)
    assert (levels, places[:3]) == (2, [(3, 0), (3, 1), (4, 0)])
    assert stacked([0, 1, 2], 5) == (1, [(0, 0), (1, 0), (2, 0)])
    assert stacked([], 5) == (1, [])
