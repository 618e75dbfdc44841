"""Contacts: stays, encounters and cases in; infectious windows and who met whom out.

Nothing of a record is written but keyed tokens. Refused: a case with neither onset nor sample, a malformed
rule pack.

`tracing` finds F1 to Fk, `clustering` what cases share, `case_network` draws one case, `contact_table` writes
pairs to the lake. `stays_index` reads the stays of one person fast, `answer_quality` states what an answer
rests on.
"""

from typing import TYPE_CHECKING, Any

import pipelines

if TYPE_CHECKING:
    from pipelines.graph.case_network.export import save_network
    from pipelines.graph.case_network.graph import network
    from pipelines.graph.case_network.picture import draw_network, network_image
    from pipelines.graph.clustering.backward import backward
    from pipelines.graph.clustering.clusters import clusters
    from pipelines.graph.rule_listing import rules
    from pipelines.graph.tracing.compare import compare
    from pipelines.graph.tracing.explain import explain
    from pipelines.graph.tracing.trace import trace

__all__ = [
    "backward",
    "clusters",
    "compare",
    "draw_network",
    "explain",
    "network",
    "network_image",
    "rules",
    "save_network",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use, through the one table of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(pipelines, name)


def __dir__() -> list[str]:
    return list(__all__)
