"""Exposure lists: the rows of a trace in; what an authority reads, calls from, signs and hands over out.

A list is a folder of files with a signed manifest. Refused: an existing folder,
a wrong private key, an earlier list of another question, a register that names
a person twice. Nothing half-written is left behind.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.export.interchange.sormas import SormasSettings
    from pipelines.export.list_question import ListOptions
    from pipelines.export.make_list import ExportedList, export
    from pipelines.export.signing import CheckedList, check_list

_HOMES = {
    "CheckedList": "signing",
    "ExportedList": "make_list",
    "ListOptions": "list_question",
    "SormasSettings": "interchange.sormas",
    "check_list": "signing",
    "export": "make_list",
}

__all__ = ["CheckedList", "ExportedList", "ListOptions", "SormasSettings", "check_list", "export"]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
