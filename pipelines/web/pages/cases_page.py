"""The cases: search, add and withdraw."""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipelines.errors import TruyVetError, UsageError
from pipelines.graph.case_listing import STATES, list_cases
from pipelines.privacy.identifiers import canonical_person
from pipelines.times import parse_instant
from pipelines.web.case_urls import case_url
from pipelines.web.forms import CHANGING, typed, typed_date
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.page_ledger import note_visit, purpose_now
from pipelines.web.pages.case_view import require_case
from pipelines.web.rendering import page, session_now, words_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.table_view import page_of, sort_link, sorted_rows

DATES: Final = ("onset_at", "sampled_at", "reported_at", "isolated_at")

_COLUMNS: Final = (
    "case_id",
    "state",
    "onset_at",
    "sampled_at",
    "isolated_at",
    "window_start",
    "stays",
    "last_scan",
)


def add_cases(app: Flask, settings: ServeSettings, kept: KeptAnswers) -> None:
    """Add the page and its changes."""

    @app.get("/cases")
    def cases() -> Response:
        return _cases_page(settings, kept, {}, "")

    @app.post("/cases/search")
    def search() -> AnyResponse:
        session_now().remembered["cases"] = {"text": typed("text"), "state": typed("state")}
        return redirect("/cases", 303)

    _add_changes(app, settings, kept)


def _add_changes(app: Flask, settings: ServeSettings, kept: KeptAnswers) -> None:
    """Add what is done from the page, and the withdrawal from a case's page."""

    @app.post("/cases/add")
    def add() -> AnyResponse:
        purpose = purpose_now()
        language = session_now().language
        fields = {name: typed(name) for name in ("case_id", "person")}
        fields |= {name: typed_date(name, language) for name in DATES}
        # A bare number is a phone, the most usual identifier.
        if ":" not in fields["person"]:
            fields["person"] = f"phone:{fields['person']}"
        wrong = _wrong_field(fields)
        # Looked at here, with words for each mistake; ingest would refuse them all the same.
        if wrong:
            return _cases_page(settings, kept, fields, wrong, 422)
        # Before the change; a line without a change is better than the reverse.
        note_visit(settings, "add a case", cases=[fields["case_id"]], purpose=purpose)
        from pipelines.drivers.register_cases import ALREADY_KNOWN, add_case  # loads Beam

        try:
            # One change at a time in this process.
            with CHANGING:
                report = add_case(
                    settings.lake, {name: value or None for name, value in fields.items()}, keys=settings.keys
                )
        except UsageError:
            return _cases_page(settings, kept, fields, "case_refused", 422)
        words = words_now()
        key = "case_replaced" if ALREADY_KNOWN in report.notes else "case_added"
        session_now().notes.append(words("done", key, case=fields["case_id"]))
        return redirect(case_url(fields["case_id"]), 303)

    @app.post("/cases/<case:case_id>/withdraw")
    def withdraw(case_id: str) -> AnyResponse:
        purpose = purpose_now()
        lake = note_visit(settings, "withdraw a case", cases=[case_id], purpose=purpose)
        require_case(lake, case_id)
        from pipelines.drivers.register_cases import withdraw_case  # loads Beam

        with CHANGING:
            withdraw_case(settings.lake, case_id, keys=settings.keys)
        session_now().notes.append(words_now()("done", "case_withdrawn", case=case_id))
        return redirect(case_url(case_id), 303)


def _wrong_field(fields: Mapping[str, str]) -> str:
    """The words for what is wrong with a new case, by the rules of ingest; empty if nothing is."""
    if not fields["case_id"]:
        return "case_without_id"
    # A phone as a case number would stand in URLs, titles and the ledger.
    if any(_is_person(kind + fields["case_id"]) for kind in ("", "phone:", "cccd:")):
        return "case_id_personal"
    if not _is_person(fields["person"]):
        return "case_person"
    for name in DATES:
        try:
            if fields[name]:
                parse_instant(fields[name])
        except TruyVetError:
            return "case_date"
    if not fields["onset_at"] and not fields["sampled_at"]:
        return "case_undated"
    return ""


def _is_person(text: str) -> bool:
    try:
        canonical_person(text)
    except (TruyVetError, ValueError):
        return False
    return True


def _cases_page(
    settings: ServeSettings, kept: KeptAnswers, fields: Mapping[str, str], wrong: str, status: int = 200
) -> Response:
    """The page; after a form that was wrong, with what was typed but for the person."""
    lake = note_visit(settings, "cases", sort=request.args.get("sort"), number=request.args.get("page"))
    words = words_now()
    wanted: dict[str, str] = session_now().remembered.get("cases", {})
    rows = _matching(kept.once(lake, ("cases",), lambda: list_cases(lake)), wanted)
    sort = request.args.get("sort", "")
    rows = sorted_rows(_in_order(rows), sort, _COLUMNS)
    shown, pager = page_of(rows, request.args.get("page", ""), "/cases", {"sort": sort})
    heads = [
        sort_link(words("cases", name), name, sort, "/cases", {}, look="number" if name == "stays" else "")
        for name in _COLUMNS
    ]
    values: dict[str, Any] = {
        "rows": shown.to_pylist(),
        "pager": pager,
        "heads": heads,
        "wanted": wanted,
        "states": STATES,
        # Not the person: an identifier is not sent back to the browser.
        "fields": {name: fields.get(name, "") for name in ("case_id", *DATES)},
        "dates": DATES,
        "wrong": wrong,
    }
    return page("cases", words("cases", "title"), values, lake=lake, status=status)


def _matching(rows: pa.Table, wanted: Mapping[str, str]) -> pa.Table:
    text, state = wanted.get("text", ""), wanted.get("state", "")
    if text:
        rows = rows.filter(pc.match_substring(rows["case_id"], text, ignore_case=True))
    return rows.filter(pc.equal(rows["state"], state)) if state in STATES else rows


def _in_order(rows: pa.Table) -> pa.Table:
    """Those who can infect first, then the newest."""
    ranks = {
        state: rank for rank, state in enumerate(("infectious", "undated", "unseen", "over", "withdrawn"))
    }
    rank = pa.array([ranks[state] for state in rows["state"].to_pylist()], pa.int8())
    order = [("rank", "ascending"), ("window_start", "descending"), ("case_id", "ascending")]
    return rows.append_column("rank", rank).sort_by(order).drop_columns(["rank"])
