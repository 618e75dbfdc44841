"""Clusters: places where more cases met than chance explains."""

from typing import Final

from flask import Flask, Response, request

from pipelines.answer import Answer
from pipelines.export.pages.quality_words import quality_sentences
from pipelines.graph.answer_quality import AnswerQuality
from pipelines.graph.clustering.clusters import clusters
from pipelines.times import LOCAL_TIMEZONE
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.page_ledger import note_visit
from pipelines.web.rendering import page, words_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.table_view import page_of

_MOST_CASES: Final = 12


def add_clusters(app: Flask, settings: ServeSettings, kept: KeptAnswers) -> None:
    """Add the page."""

    @app.get("/clusters")
    def clusters_page() -> Response:
        everything = request.args.get("all") == "1"
        lake = note_visit(settings, "clusters", all=everything, number=request.args.get("page"))
        words = words_now()
        answer = kept.once(
            lake,
            ("clusters", everything),
            lambda: clusters(lake, everything=everything, by_venue=True, eager_quality=True),
        )
        query = {"all": "1" if everything else ""}
        shown, pager = page_of(answer.rows, request.args.get("page", ""), "/clusters", query)
        values = {
            "rows": shown.to_pylist(),
            "pager": pager,
            "everything": everything,
            "about": _about(answer),
            "most_cases": _MOST_CASES,
        }
        return page("clusters", words("clusters", "title"), values, lake=lake)


def _about(answer: Answer) -> list[str]:
    quality = answer.quality
    assert isinstance(quality, AnswerQuality)
    # With one row the sentence about an empty answer is left out.
    return list(quality_sentences(quality, 1, words_now(), LOCAL_TIMEZONE))
