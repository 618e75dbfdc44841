"""The page of a case: how sure, whom to call first, where it was, who else, and what another rule changes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from flask import Flask, Response, request

from pipelines.export.exposure_list import ExposureList
from pipelines.export.format_names import DEFAULT, FORMATS
from pipelines.export.list_text import person_code
from pipelines.export.pages.report import (
    MOST_NODES,
    box_title,
    case_dates,
    count_by_tier,
    first_calls,
    list_heads,
    list_lines,
    milestone_lines,
    timeline_of,
    tree_of,
)
from pipelines.export.pages.rule_words import rule_sentences
from pipelines.export.pages.tree_drawing import NODE_HEIGHT, NODE_WIDTH
from pipelines.export.pages.wording import Wording
from pipelines.graph.cases import last_instant_us
from pipelines.graph.infectious_window import CaseTimes, outside_validity
from pipelines.lake import Lake, snapshot
from pipelines.terminal.output import token_text
from pipelines.web.case_urls import case_url
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.lake_state import lake_state, stays_version
from pipelines.web.page_ledger import note_visit
from pipelines.web.pages.case_view import (
    MOST_DEPTH,
    CaseQuestion,
    compared,
    filtered,
    listed,
    question_now,
    require_case,
    rule_choices,
)
from pipelines.web.rendering import local_time, page, session_now, words_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.table_view import SortLink, page_of, sort_link, sorted_rows

_COLUMNS: Final = (
    *("person", "tier", "score", "venue_names", "exposed_at", "last_contact"),
    *("seconds_direct", "seconds_indirect", "seconds_imputed", "symptoms", "via"),
)
_SORTED: Final = frozenset(_COLUMNS) - {"person", "via"}
_MOST_COMPARED: Final = 15
_WHYS: Final = (
    ("why_tier", r"tier (?P<tier>\d+) is beyond the last one of (?P<rule>\S+), (?P<depth>\d+)"),
    ("why_infector", r"the infector is not in under (?P<rule>\S+)"),
    ("why_minutes", r"(?P<minutes>[\d.]+) minutes together do not meet (?P<rule>\S+)"),
    (
        "why_kind",
        r"the zone, the distance or the time after the infector left does not count under (?P<rule>\S+)",
    ),
    ("why_apart", r"not together while the infector was infectious under (?P<rule>\S+)"),
)


def add_case_page(app: Flask, settings: ServeSettings, kept: KeptAnswers) -> None:
    """Add the page and the picture of its network."""

    @app.get("/cases/<case:case_id>")
    def case(case_id: str) -> Response:
        asked = question_now(case_id, request.args)
        arguments: dict[str, Any] = {name: request.args.get(name) for name in ("depth", "other", "sort")}
        lake = note_visit(
            settings, "case", cases=[case_id], rule=asked.rule, number=request.args.get("page"), **arguments
        )
        row = require_case(lake, case_id)
        words = words_now()
        title = words("case", "title", case=case_id)
        common = _common(asked, row, settings)
        # Neither has a window, so there is no list to show.
        if row["withdrawn_at"] is not None or (row["onset_at"] is None and row["sampled_at"] is None):
            state = "undated" if row["withdrawn_at"] is None else "withdrawn"
            return page("case_without_list", title, common | {"state": state}, lake=lake)
        made = listed(kept, lake, asked)
        values = common | _sure(lake, made, row, words) | _first(made) | _where(made) | _who_else(made, asked)
        return page("case", title, values | _other_rule(lake, kept, asked, words), lake=lake)

    @app.get("/cases/<case:case_id>/network.svg")
    def picture(case_id: str) -> Response:
        asked = question_now(case_id, request.args)
        lake = note_visit(settings, "network", cases=[case_id], rule=asked.rule, depth=asked.depth)
        require_case(lake, case_id)
        from pipelines.graph.case_network.graph import network  # loads networkx and matplotlib
        from pipelines.graph.case_network.picture import network_image
        from pipelines.graph.case_network.picture_words import PictureWords

        said = words_now().sections
        words = PictureWords(**said["picture"], venue_types=said["venue_type"])
        # rcParams of matplotlib are the process's: two drawings at once would mix their styles.
        with kept.drawing:
            image = network_image(network(lake, case_id, asked.rule, depth=asked.depth), "svg", words)
        drawn = Response(image, mimetype="image/svg+xml")
        # The picture has its style inline; the guard leaves a policy alone that is set already.
        drawn.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return drawn


def _common(asked: CaseQuestion, row: Mapping[str, Any], settings: ServeSettings) -> dict[str, Any]:
    """What all forms of the page need."""
    return {
        "asked": asked,
        "row": row,
        "url": lambda action="": case_url(asked.case_id, action),
        "rules": rule_choices(),
        "depths": range(1, MOST_DEPTH + 1),
        "opens": settings.authority_key is not None,
        "case_token": token_text(row["person"]),
        "formats": list(FORMATS),
        "usual_formats": DEFAULT,
    }


def _sure(lake: Lake, made: ExposureList, row: Mapping[str, Any], words: Wording) -> dict[str, Any]:
    """How far the list can be trusted, the question itself included."""
    said = list(made.about)
    case = made.cases[0]
    # An empty window makes an empty list, which must not look like safety.
    if case.end_us <= case.start_us:
        said.append(words("case", "empty_window"))
    times = CaseTimes(case.onset_us, case.sampled_us, case.isolated_us)
    if outside_validity(times, made.rule):
        said.append(words("case", "outside_rule", rule=made.rule.id))
    state = lake_state(lake)
    if state["waiting"]:
        said.append(words("case", "waiting", count=state["waiting"]))
    return {
        "about": said,
        "behind": stays_version(lake) < snapshot(lake, "scans").version,
        # The window ends with the lake's knowledge and not with an isolation: more may come.
        "until_open": case.isolated_us is None and case.end_us >= last_instant_us(lake),
        "reported": local_time(row["reported_at"], words),
    }


def _first(made: ExposureList) -> dict[str, Any]:
    """Whom to call first: those with the highest scores."""
    capacity = made.settings.capacity
    first = first_calls(made) if capacity is None else first_calls(made, min(capacity, 50))
    return {
        "first": first,
        "first_tokens": [token_text(one["person"]) for one in first],
        "capacity": capacity,
        "total": made.rows.num_rows,
        "tiers": count_by_tier(made),
    }


def _where(made: ExposureList) -> dict[str, Any]:
    """Where the case was, as a table and a drawing."""
    words = made.settings.words
    timeline, lanes = timeline_of(made)
    return {
        "dates": case_dates(made.cases[0], made),
        "rule": made.rule,
        "rule_lines": list(rule_sentences(made.rule, made.depth, words)),
        # Without the first column, the case, which the page is about.
        "milestone_heads": [words("milestone", name) for name in made.milestones.schema.names[1:]],
        "milestones": [line[1:] for line in milestone_lines(made)],
        "timeline": timeline,
        "lanes_shown": lanes,
        "lanes_capped": lanes < made.rows.num_rows,
        "box_title": lambda box: box_title(box, made),
    }


def _who_else(made: ExposureList, asked: CaseQuestion) -> dict[str, Any]:
    """The list, filtered, sorted and cut into pages, and who exposed whom."""
    wanted = session_now().remembered.get(f"list {asked.case_id}", {})
    shown_list = filtered(made, wanted)
    # The sort is part of the URL; it names columns only.
    sort = request.args.get("sort", "")
    path, query = case_url(asked.case_id), asked.query | {"sort": sort}
    names = _COLUMNS if made.settings.capacity is None else ("call", *_COLUMNS)
    rows = sorted_rows(shown_list.rows, sort, tuple(_SORTED))
    shown, pager = page_of(rows, request.args.get("page", ""), path, query, "list")
    # Of the whole list: a filter should not change who exposed whom.
    tree, tree_capped = tree_of(made)
    return {
        "wanted": wanted,
        "kept_total": shown_list.rows.num_rows,
        "tier_choices": sorted(set(made.rows["tier"].to_pylist())),
        "heads": _heads(made, names, sort, path, asked.query),
        "lines": list_lines(shown, shown_list, names),
        "tokens": [token_text(person) for person in shown["person"].to_pylist()],
        "pager": pager,
        "tree": tree,
        "tree_capped": tree_capped,
        "tree_shown": MOST_NODES,
        "node_width": NODE_WIDTH,
        "node_height": NODE_HEIGHT,
    }


def _heads(
    made: ExposureList, names: Sequence[str], sort: str, path: str, query: Mapping[str, str]
) -> list[SortLink]:
    texts = [cell.text for cell in list_heads(made, names)]
    return [
        sort_link(text, name, sort, path, query, anchor="list") if name in _SORTED else SortLink(text, "", "")
        for name, text in zip(names, texts, strict=True)
    ]


def _other_rule(lake: Lake, kept: KeptAnswers, asked: CaseQuestion, words: Wording) -> dict[str, Any]:
    """Who is in under another rule, and why the others are not."""
    rows = compared(kept, lake, asked)
    # The sum of no rows is None.
    counts = [
        (name, pc.sum(pc.equal(rows["in"], name)).as_py() or 0) for name in (asked.rule, asked.other, "both")
    ]
    alone: pa.Table = rows.filter(pc.not_equal(rows["in"], "both"))
    return {
        "compared": counts,
        "compared_total": alone.num_rows,
        "compared_shown": _MOST_COMPARED,
        "compared_rows": [
            {
                "only": row["in"],
                "code": person_code(row["person"]),
                "tier": row["tier"] or row["other_tier"],
                "why": why_said(row["why"] or "", words),
            }
            for row in alone.slice(0, _MOST_COMPARED).to_pylist()
        ],
    }


def why_said(why: str, words: Wording) -> str:
    """The reason of a comparison in the language of the page."""
    # The reasons are English sentences of the tracer; what none of these matches is shown as it is.
    for key, pattern in _WHYS:
        found = re.fullmatch(pattern, why)
        if found:
            said = found.groupdict()
            if "minutes" in said:
                said["minutes"] = words.decimal(float(said["minutes"]), 1)
            return words("case", key, **said)
    return why
