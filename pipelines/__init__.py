"""From scans to exposure lists: the whole flow.

    scans, encounters,      ingest          windowing        graph           query
    declarations       ──▶  decode,     ──▶ pair scans   ──▶ contacts,   ──▶ DuckDB over   ──▶ export
    (files, Pub/Sub)        validate,       into stays,      tiers,          the lake          lists
                            token, dedupe   footfall         clusters
                              │
                              ▼
                            rejects (reason and digest, never the record)

`ingest` turns files and messages into the tables `scans`, `venues`, `cases`, `encounters`, `declarations`
and `rejects`. `windowing` pairs the scans of a person at a venue into `stays` and counts `footfall`; both
are a deterministic function of the set of accepted scans and of the registry, recomputed for the dates that
changed. `graph` derives contacts and tiers, `query` answers questions from the lake without Beam, `export`
hands the answers on.

A stage imports earlier stages, the packages that all stages share and `schemas`. `drivers` put stages
together, and `cli` loads a command when it is called.

The names below are the public API, each imported from here: `from pipelines import run, overlaps, trace`.
They are described in `docs/python_api.md`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipelines.kernels.cache import keep_compiled_kernels

if TYPE_CHECKING:
    from pipelines.anomalies.quality import quality
    from pipelines.answer import Answer
    from pipelines.ascertainment.adoption import adoption
    from pipelines.ascertainment.adoption_picture import draw_adoption
    from pipelines.ascertainment.coverage import coverage
    from pipelines.ascertainment.declarations import declarations
    from pipelines.checkup.doctor import doctor
    from pipelines.disclosure.published_adoption import publish_adoption
    from pipelines.disclosure.published_counts import statistics
    from pipelines.drivers.recompute import bring_up_to_date as recompute
    from pipelines.drivers.register_cases import add_case, withdraw_case
    from pipelines.drivers.register_venues import add_venue, close_venues, import_venues, move_venue
    from pipelines.drivers.run import run
    from pipelines.export import check_list
    from pipelines.export import export as export_list
    from pipelines.graph.answer_quality import AnswerQuality
    from pipelines.graph.case_listing import list_cases
    from pipelines.graph.case_network.export import save_network
    from pipelines.graph.case_network.graph import network
    from pipelines.graph.case_network.picture import draw_network, network_image
    from pipelines.graph.clustering.backward import backward
    from pipelines.graph.clustering.clusters import clusters
    from pipelines.graph.contact_table.materialise import materialise as contacts
    from pipelines.graph.rule_listing import rules
    from pipelines.graph.tracing.compare import compare
    from pipelines.graph.tracing.explain import explain
    from pipelines.graph.tracing.trace import trace
    from pipelines.lake.lake_root import open_lake
    from pipelines.lake.person_tokens import token
    from pipelines.maintenance.compact import compact
    from pipelines.maintenance.verify import verify
    from pipelines.query.connection import connect
    from pipelines.query.display import show
    from pipelines.query.milestone import milestones
    from pipelines.query.overlap import busiest_case, overlaps
    from pipelines.query.timeline import draw_timeline, timeline_image
    from pipelines.registry.listing import list_history, list_venues
    from pipelines.retention.erase import erase
    from pipelines.retention.purge import purge
    from pipelines.retention.rotate import rotate
    from pipelines.streaming.land import land
    from pipelines.streaming.publish import publish
    from pipelines.streaming.watch import watch
    from pipelines.web.server import serve

__version__ = "0.1.0"

# Public name -> where it is defined. A name is imported at its first use, so that a question to the lake
# waits for neither Beam nor matplotlib. No module beside this file may have the name of one of these
# functions: importing the module would hide the function.
PUBLIC = {
    "run": "pipelines.drivers.run:run",
    "recompute": "pipelines.drivers.recompute:bring_up_to_date",
    "contacts": "pipelines.graph.contact_table.materialise:materialise",
    "add_venue": "pipelines.drivers.register_venues:add_venue",
    "import_venues": "pipelines.drivers.register_venues:import_venues",
    "close_venues": "pipelines.drivers.register_venues:close_venues",
    "move_venue": "pipelines.drivers.register_venues:move_venue",
    "add_case": "pipelines.drivers.register_cases:add_case",
    "withdraw_case": "pipelines.drivers.register_cases:withdraw_case",
    "list_cases": "pipelines.graph.case_listing:list_cases",
    "list_venues": "pipelines.registry.listing:list_venues",
    "list_history": "pipelines.registry.listing:list_history",
    "Answer": "pipelines.answer:Answer",
    "AnswerQuality": "pipelines.graph.answer_quality:AnswerQuality",
    "overlaps": "pipelines.query.overlap:overlaps",
    "busiest_case": "pipelines.query.overlap:busiest_case",
    "milestones": "pipelines.query.milestone:milestones",
    "trace": "pipelines.graph.tracing.trace:trace",
    "explain": "pipelines.graph.tracing.explain:explain",
    "compare": "pipelines.graph.tracing.compare:compare",
    "rules": "pipelines.graph.rule_listing:rules",
    "backward": "pipelines.graph.clustering.backward:backward",
    "clusters": "pipelines.graph.clustering.clusters:clusters",
    "adoption": "pipelines.ascertainment.adoption:adoption",
    "quality": "pipelines.anomalies.quality:quality",
    "coverage": "pipelines.ascertainment.coverage:coverage",
    "declarations": "pipelines.ascertainment.declarations:declarations",
    "publish_adoption": "pipelines.disclosure.published_adoption:publish_adoption",
    "statistics": "pipelines.disclosure.published_counts:statistics",
    "network": "pipelines.graph.case_network.graph:network",
    "export_list": "pipelines.export:export",
    "check_list": "pipelines.export:check_list",
    "connect": "pipelines.query.connection:connect",
    "token": "pipelines.lake.person_tokens:token",
    "open_lake": "pipelines.lake.lake_root:open_lake",
    "show": "pipelines.query.display:show",
    "draw_timeline": "pipelines.query.timeline:draw_timeline",
    "timeline_image": "pipelines.query.timeline:timeline_image",
    "draw_adoption": "pipelines.ascertainment.adoption_picture:draw_adoption",
    "draw_network": "pipelines.graph.case_network.picture:draw_network",
    "network_image": "pipelines.graph.case_network.picture:network_image",
    "save_network": "pipelines.graph.case_network.export:save_network",
    "land": "pipelines.streaming.land:land",
    "publish": "pipelines.streaming.publish:publish",
    "watch": "pipelines.streaming.watch:watch",
    "serve": "pipelines.web.server:serve",
    "compact": "pipelines.maintenance.compact:compact",
    "doctor": "pipelines.checkup.doctor:doctor",
    "verify": "pipelines.maintenance.verify:verify",
    "purge": "pipelines.retention.purge:purge",
    "erase": "pipelines.retention.erase:erase",
    "rotate": "pipelines.retention.rotate:rotate",
}

__all__ = [  # PUBLIC's names, written out for tools that read and do not run
    "Answer",
    "AnswerQuality",
    "add_case",
    "add_venue",
    "adoption",
    "backward",
    "busiest_case",
    "check_list",
    "close_venues",
    "clusters",
    "compact",
    "compare",
    "connect",
    "contacts",
    "coverage",
    "declarations",
    "doctor",
    "draw_adoption",
    "draw_network",
    "draw_timeline",
    "erase",
    "explain",
    "export_list",
    "import_venues",
    "land",
    "list_cases",
    "list_history",
    "list_venues",
    "milestones",
    "move_venue",
    "network",
    "network_image",
    "open_lake",
    "overlaps",
    "publish",
    "publish_adoption",
    "purge",
    "quality",
    "recompute",
    "rotate",
    "rules",
    "run",
    "save_network",
    "serve",
    "show",
    "statistics",
    "timeline_image",
    "token",
    "trace",
    "verify",
    "watch",
    "withdraw_case",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = PUBLIC[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    """What `dir` and the completion of a notebook show, imported or not."""
    return sorted({*__all__, "__version__"})


keep_compiled_kernels()  # before anything imports numba
