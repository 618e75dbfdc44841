"""Answers: the lake's tables in; overlaps, milestones and what they rest on out, as Arrow tables.

Nothing of the lake is changed. Refused: a malformed identifier, an unknown or
withdrawn case, a lake that cannot be read. An unknown person is an empty answer.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.lake.person_tokens import token
    from pipelines.query.connection import connect
    from pipelines.query.display import show
    from pipelines.query.milestone import milestones
    from pipelines.query.overlap import busiest_case, overlaps
    from pipelines.query.timeline import draw_timeline, timeline_image

# No module is named as a function: importing the module would hide the function.
_HOMES = {
    "busiest_case": "pipelines.query.overlap",
    "connect": "pipelines.query.connection",
    "draw_timeline": "pipelines.query.timeline",
    "milestones": "pipelines.query.milestone",
    "overlaps": "pipelines.query.overlap",
    "show": "pipelines.query.display",
    "timeline_image": "pipelines.query.timeline",
    "token": "pipelines.lake.person_tokens",
}

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
    """Import what is asked for: a question need not wait for what draws pictures."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
