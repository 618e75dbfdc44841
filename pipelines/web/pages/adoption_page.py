"""Adoption: how many points there are, how many are used, and whom to ask about those that are not."""

import datetime as dt
from typing import Final

from flask import Flask, Response, request

from pipelines.web.forms import local_date
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.page_ledger import note_visit
from pipelines.web.rendering import local_time_us, page, words_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.table_view import page_of, sort_link, sorted_rows, url_of
from pipelines.web.web_errors import PageError

_COUNTS: Final = (
    *(
        "points",
        "points_per_100",
        "new_7d",
        "active_1d",
        "active_7d",
        "regular_7d",
        "never_used",
        "silent_7d",
    ),
    *("scans_7d", "change_scans_7d", "people_7d", "once_a_day_share", "unregistered_scans"),
)


def add_adoption(app: Flask, settings: ServeSettings, kept: KeptAnswers) -> None:
    """Add the page."""

    @app.get("/adoption")
    def adoption_page() -> Response:
        from pipelines.ascertainment.adoption import BY, adoption  # loads DuckDB

        by, on, sort = (request.args.get(name, "") for name in ("by", "on", "sort"))
        by, on = by or "district", local_date(on, words_now().language)
        if by not in BY or (on and not _is_date(on)):
            raise PageError(422, "wrong_question")
        lake = note_visit(settings, "adoption", by=by, on=on)
        words = words_now()
        # The same for everybody, so the language is not part of the question.
        answer = kept.once(lake, ("adoption", by, on), lambda: adoption(lake, by=by, on=on or None))
        rows = sorted_rows(answer.rows, sort, ("name", *_COUNTS, "rank"))
        query = {"by": by, "on": on}
        shown, pager = page_of(rows, request.args.get("page", ""), "/adoption", query | {"sort": sort})
        # Types and venues have no inhabitants, and so no rank.
        names = ("name", *_COUNTS) if by in ("type", "venue") else ("name", *_COUNTS, "rank")
        heads = [
            sort_link(
                words("adoption", name),
                name,
                sort,
                "/adoption",
                query,
                look="" if name == "name" else "number",
            )
            for name in names
        ]
        made = answer.quality
        values = {
            "rows": shown.to_pylist(),
            "pager": pager,
            "heads": heads,
            "names": names[1:],
            "by": by,
            "on": on,
            "choices": [(one, url_of("/adoption", {"by": one, "on": on})) for one in BY],
            "last_scan": local_time_us(getattr(made, "last_us", None), words),
        }
        return page("adoption", words("adoption", "title"), values, lake=lake)


def _is_date(text: str) -> bool:
    try:
        return 1990 <= dt.date.fromisoformat(text).year <= 2100
    except ValueError:
        return False
