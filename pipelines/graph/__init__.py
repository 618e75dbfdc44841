"""Contacts: stays, encounters and cases in; infectious windows and who met whom out.

Nothing of a record is written but keyed tokens. Refused: a case with neither
onset nor sample, a rule pack that is wrong.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.graph.case_network.export import save_network
    from pipelines.graph.case_network.graph import network
    from pipelines.graph.case_network.picture import draw_network, network_image
    from pipelines.graph.clustering.backward import backward
    from pipelines.graph.clustering.clusters import clusters
    from pipelines.graph.rule_listing import rules
    from pipelines.graph.tracing.compare import compare
    from pipelines.graph.tracing.explain import explain
    from pipelines.graph.tracing.infectious_intervals import infectious_intervals

# No module is named as a function: importing the module would hide the function.
_HOMES = {
    "backward": "clustering.backward",
    "clusters": "clustering.clusters",
    "compare": "tracing.compare",
    "draw_network": "case_network.picture",
    "explain": "tracing.explain",
    "infectious_intervals": "tracing.infectious_intervals",
    "network": "case_network.graph",
    "network_image": "case_network.picture",
    "rules": "rule_listing",
    "save_network": "case_network.export",
    "trace": "tracing.trace",
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
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: a window need not wait for what traces."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
