"""Contacts: stays, encounters and cases in; infectious windows and who met whom out.

Nothing of a record is written but keyed tokens. Refused: a case with neither
onset nor sample, a rule pack that is wrong.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.graph.case_network import network
    from pipelines.graph.cluster import clusters
    from pipelines.graph.common_source import backward
    from pipelines.graph.comparing import compare
    from pipelines.graph.explaining import explain
    from pipelines.graph.infectious import infectious_intervals
    from pipelines.graph.network_files import save_network
    from pipelines.graph.network_picture import draw_network, network_image
    from pipelines.graph.rule_packs import rules
    from pipelines.graph.tracing import trace, trace_rows

# No module is named as a function: importing the module would hide the function.
_HOMES = {
    "backward": "common_source",
    "clusters": "cluster",
    "compare": "comparing",
    "draw_network": "network_picture",
    "explain": "explaining",
    "infectious_intervals": "infectious",
    "network": "case_network",
    "network_image": "network_picture",
    "rules": "rule_packs",
    "save_network": "network_files",
    "trace": "tracing",
    "trace_rows": "tracing",
}

__all__ = [
    "backward",
    "clusters",
    "compare",
    "draw_network",
    "explain",
    "infectious_intervals",
    "network",
    "network_image",
    "rules",
    "save_network",
    "trace",
    "trace_rows",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: a window need not wait for what traces."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
