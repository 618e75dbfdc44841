"""The overview: how recent the lake is, what to doubt, what doctor says, and which cases can infect."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from flask import Flask, Response, jsonify

from pipelines.checkup.check import BAD, OK, WARN
from pipelines.export.pages.quality_words import quality_sentences
from pipelines.export.pages.wording import Wording
from pipelines.graph.case_listing import STATES, list_cases
from pipelines.lake import read_table
from pipelines.lake.freshness import freshness_of_scans
from pipelines.times import LOCAL_TIMEZONE
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.kept_checkup import Checkups, KeptCheckup
from pipelines.web.lake_state import lake_state
from pipelines.web.page_ledger import lake_now, note_visit
from pipelines.web.rendering import local_time_us, page, words_now
from pipelines.web.said_words import said_in
from pipelines.web.serve_settings import ServeSettings

_MOST_CASES = 10


def add_overview(app: Flask, settings: ServeSettings, checkups: Checkups, kept: KeptAnswers) -> None:
    """Add the page and the numbers that all pages look at while they are open."""

    @app.get("/")
    def overview() -> Response:
        lake = note_visit(settings, "overview")
        words = words_now()
        checkup = checkups.newest(lake)
        state = lake_state(lake)
        return page(
            "overview",
            words("overview", "title"),
            {
                "settings": settings,
                "lake_name": settings.lake,
                "state": state,
                "last_scan": local_time_us(freshness_of_scans(lake).last_us, words),
                "venues": read_table(lake, "venues", ["venue"]).num_rows,
                "checkup": checkup,
                "checked_at": "" if checkup is None else local_time_us(round(checkup.at * 1e6), words),
                "doubts": _doubts(checkup, words),
                "checks": _checks(checkup, words),
                "counts": dict.fromkeys((OK, WARN, BAD), 0) | Counter(_states(checkup)),
                **_cases(kept.once(lake, ("cases",), lambda: list_cases(lake))),
            },
            lake=lake,
        )

    # No line of the ledger: it holds no answer, and open pages ask for it every ten seconds.
    @app.get("/state.json")
    def state() -> Response:
        return jsonify(lake_state(lake_now(settings)))


def _doubts(checkup: KeptCheckup | None, words: Wording) -> Sequence[str]:
    if checkup is None or checkup.quality is None:
        return []
    return list(quality_sentences(checkup.quality, 1, words, LOCAL_TIMEZONE))


def _states(checkup: KeptCheckup | None) -> Sequence[str]:
    return [] if checkup is None else [check.state for check in checkup.checks]


def _checks(checkup: KeptCheckup | None, words: Wording) -> Sequence[Any]:
    """The checks, the worst first, in the language of the page; what it has no words for stays English."""
    if checkup is None:
        return []
    # The worst first; sorted is stable, so doctor's order stays within a state.
    shown = sorted(checkup.checks, key=lambda check: (BAD, WARN, OK).index(check.state))
    return [
        {"check": check.check, "state": check.state, "detail": _said(check.detail, words)}
        | {"remedy": _said(check.remedy, words)}
        for check in shown
    ]


def _said(sentence: str, words: Wording) -> tuple[str, str]:
    """A sentence and its language."""
    said = said_in(words, sentence)
    return (sentence, "en") if said is None else (said, words.language)


def _cases(rows: pa.Table) -> dict[str, Any]:
    """How many cases there are of each state, and the newest, of those that can infect if there are any."""
    counts = Counter(rows["state"].to_pylist())
    dated = rows.filter(pc.and_(rows["window_start"].is_valid(), rows["withdrawn_at"].is_null()))
    infectious = dated.filter(pc.equal(dated["state"], "infectious"))
    newest = (infectious if infectious.num_rows else dated).sort_by(
        [("window_start", "descending"), ("case_id", "ascending")]
    )
    return {
        "case_counts": [(state, counts[state]) for state in STATES if counts[state]],
        "can_infect": infectious.num_rows > 0,
        "newest_cases": newest["case_id"].to_pylist()[:_MOST_CASES],
    }
