"""The tree of a report: cases, contacts and later tiers in columns, joined by who exposed whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COLUMN_WIDTH: Final = 200
NODE_HEIGHT: Final = 22
NODE_WIDTH: Final = 152

_TOP = 30
_LEFT = 4


@dataclass(frozen=True)
class TreePerson:
    """A person of the tree; `via` is the token of who exposed the person, None for a case."""

    person: int
    label: str
    tier: int
    via: int | None
    said: str


@dataclass(frozen=True)
class TreeNode:
    """Where a person stands."""

    x: float
    y: float
    person: TreePerson


@dataclass(frozen=True)
class Tree:
    """A drawing of columns, in pixels; lines lead from the right of one node to the left of another."""

    width: float
    height: float
    heads: Sequence[tuple[float, str]]
    nodes: Sequence[TreeNode]
    lines: Sequence[tuple[float, float, float, float]]


def draw_tree(people: Sequence[TreePerson]) -> Tree:
    """Lay out people in columns by tier, each column in the order given."""
    columns: dict[int, list[TreePerson]] = {}
    for one in people:
        columns.setdefault(one.tier, []).append(one)
    nodes: list[TreeNode] = []
    places: dict[int, TreeNode] = {}
    for tier, column in sorted(columns.items()):
        for row, one in enumerate(column):
            node = TreeNode(_LEFT + tier * COLUMN_WIDTH, _TOP + row * (NODE_HEIGHT + 6), one)
            nodes.append(node)
            # The first place of a person: in the column of the fewest hops.
            places.setdefault(one.person, node)
    lines = [
        (source.x + NODE_WIDTH, source.y + NODE_HEIGHT / 2, node.x, node.y + NODE_HEIGHT / 2)
        for node in nodes
        # Lines lead forward only; an infector whom a cap left out has no node.
        if node.person.via is not None and (source := places.get(node.person.via)) and source.x < node.x
    ]
    heads = [(_LEFT + tier * COLUMN_WIDTH, f"F{tier}") for tier in sorted(columns)]
    height = max(node.y for node in nodes) + NODE_HEIGHT + 8
    return Tree(heads[-1][0] + NODE_WIDTH + 8, height, heads, nodes, lines)
