"""Labels beside dots: whose, and that they cover nothing."""

from pipelines.graph.case_network.labels import labels_of
from pipelines.graph.case_network.layout import layout_of
from tests.graph.case_network.networks import add_venue, case_graph, crowded, expose


def test_labels_cover_no_dot_and_no_other_label():
    layout = layout_of(crowded(500))
    labels = labels_of(layout)
    assert {"BN-0", "BN-1"} <= {label.text.partition(" ")[0] for label in labels}
    boxes = [(label.left[0], label.left[1] - 2.9, 3.3 * len(label.text), 5.8) for label in labels]
    dots = [layout.centre(lane, dot) for lane in layout.lanes for dot in lane.dots]
    radius = 0.41 * layout.unit
    for number, (x, y, width, height) in enumerate(boxes):
        for other in boxes[:number]:
            assert x + width <= other[0] or other[0] + other[2] <= x or abs(y - other[1]) >= height
        assert not any(
            x < dot_x + radius
            and dot_x - radius < x + width
            and y < dot_y + radius
            and dot_y - radius < y + height
            for dot_x, dot_y in dots
        )


def test_those_who_exposed_most_are_labelled_with_how_many():
    graph = case_graph()
    add_venue(graph, "cafe")
    expose(graph, "f0", "0123456789abcdef", 0, "cafe")
    for number in range(3):
        expose(graph, "0123456789abcdef", f"p{number}", 60 + number, "cafe")
    assert [label.text for label in labels_of(layout_of(graph))] == ["01234567 → 3"]
