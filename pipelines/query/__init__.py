"""Answers: the lake's tables in; overlaps, milestones and what they rest on out.

Nothing of the lake is changed. Refused: a malformed identifier, an unknown or withdrawn case, a lake that
cannot be read. An unknown person is an empty answer.
"""

from typing import TYPE_CHECKING, Any

import pipelines

if TYPE_CHECKING:
    from pipelines.lake.person_tokens import token
    from pipelines.query.connection import connect
    from pipelines.query.display import show
    from pipelines.query.milestone import milestones
    from pipelines.query.overlap import busiest_case, overlaps
    from pipelines.query.timeline import draw_timeline, timeline_image

__all__ = [
    "busiest_case",
    "connect",
    "draw_timeline",
    "milestones",
    "overlaps",
    "show",
    "timeline_image",
    "token",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use, through the one table of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(pipelines, name)


def __dir__() -> list[str]:
    return list(__all__)
