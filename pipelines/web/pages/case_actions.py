"""What is done from a case's page: filter, mark the calls, open identifiers, take the list away."""

import datetime as dt
import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipelines.export.exposure_list import ExposureList
from pipelines.export.format_names import FORMATS
from pipelines.export.list_text import identifier_text, person_code
from pipelines.export.pages.wording import Wording
from pipelines.export.reveal import revealed
from pipelines.web.case_urls import case_url
from pipelines.web.forms import typed, whole_number
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.page_ledger import asker_now, note_visit, purpose_now
from pipelines.web.pages.case_view import CaseQuestion, capacity_key, listed, question_now, require_case
from pipelines.web.rendering import page, session_now, words_now
from pipelines.web.scratch_folder import ScratchFolder
from pipelines.web.serve_settings import LANGUAGES, ServeSettings
from pipelines.web.table_view import url_of
from pipelines.web.web_errors import PageError

if TYPE_CHECKING:
    from pipelines.export import ListOptions

MOST_CALLS: Final = 1_000_000
_MOST_DAYS: Final = 365
_MOST_REVEALED: Final = 500
_MEDIA: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
}
_BESIDE: Final = ("manifest.json", "manifest.sig", "public.pem")


def add_case_actions(app: Flask, settings: ServeSettings, kept: KeptAnswers, scratch: ScratchFolder) -> None:
    """Add the actions of a case's page."""

    @app.post("/cases/<case:case_id>/filter")
    def filter_list(case_id: str) -> AnyResponse:
        asked = question_now(case_id, request.form)
        tier = whole_number("tier", 1, 99)
        wanted = {"tier": tier, "place": typed("place"), "symptoms": typed("symptoms"), "call": typed("call")}
        # Remembered in the session: what was typed must not get into a URL.
        session_now().remembered[f"list {case_id}"] = {} if typed("clear") else wanted
        return redirect(url_of(case_url(case_id), asked.query, "list"), 303)

    @app.post("/cases/<case:case_id>/capacity")
    def capacity(case_id: str) -> AnyResponse:
        asked = question_now(case_id, request.form)
        calls = whole_number("capacity", 0, MOST_CALLS)
        lake = note_visit(settings, "capacity", cases=[case_id], rule=asked.rule, capacity=calls)
        require_case(lake, case_id)
        session_now().remembered[capacity_key(case_id)] = calls
        words = words_now()
        session_now().notes.append(
            words("done", "calls_cleared") if calls is None else words("done", "calls_marked", calls=calls)
        )
        # 303: the browser asks for the page, and a reload does not send the form again.
        return redirect(url_of(case_url(case_id), asked.query, "first"), 303)

    @app.post("/cases/<case:case_id>/reveal")
    def reveal(case_id: str) -> Response:
        return _reveal(settings, kept, question_now(case_id, request.form))

    @app.post("/cases/<case:case_id>/export")
    def take(case_id: str) -> Response:
        return _export(settings, question_now(case_id, request.form), scratch)


def _reveal(settings: ServeSettings, kept: KeptAnswers, asked: CaseQuestion) -> Response:
    """Show the identifiers of people of the list, in this answer alone.

    Raises:
        PageError: there is no purpose, no key, or nobody was chosen, or somebody who is not on the list.
    """
    purpose = purpose_now()
    if settings.authority_key is None:
        raise PageError(403, "no_key")
    # Malformed tokens are refused before the ledger has a line of them.
    tokens = _tokens(request.form.getlist("person"))
    # How many people, not which: the ledger holds no tokens.
    lake = note_visit(
        settings, "reveal", cases=[asked.case_id], rule=asked.rule, purpose=purpose, people=len(tokens)
    )
    case = require_case(lake, asked.case_id)["person"]
    made = listed(kept, lake, asked)
    known = {case, *made.rows["person"].to_pylist()}
    # Only people of this list, so that the page cannot be used to open anybody else.
    if not known.issuperset(tokens):
        raise PageError(422, "not_on_list")
    # After the ledger's line; opened values live in this answer alone.
    opened = revealed(lake, np.array(tokens, np.int64), settings.authority_key)
    words = words_now()
    rows = [
        _opened_row(token, opened.identifier.get(token), made, words, is_case=token == case)
        for token in tokens
    ]
    values = {"rows": rows, "back": url_of(case_url(asked.case_id), asked.query), "purpose_given": purpose}
    return page("revealed", words("reveal", "title", case=asked.case_id), values, lake=lake)


def _tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of a form, each once.

    Raises:
        PageError: there is none, there are very many, or one is no token.
    """
    if not texts:
        raise PageError(422, "nobody_chosen")
    if len(texts) > _MOST_REVEALED or not all(re.fullmatch("[0-9a-f]{16}", text) for text in texts):
        raise PageError(422, "not_on_list")
    # Hexadecimal tokens are unsigned; the view gives the signed int64 of the lake.
    unsigned = np.array([int(text, 16) for text in dict.fromkeys(texts)], np.uint64)
    return [int(token) for token in unsigned.view(np.int64)]


def _opened_row(
    token: int, opened: tuple[str, str] | None, made: ExposureList, words: Wording, *, is_case: bool
) -> dict[str, Any]:
    """A person whose identifier was opened, with what one must know for the call."""
    rows: pa.Table = made.rows.filter(pc.equal(made.rows["person"], token))
    row = rows.to_pylist()[0] if rows.num_rows else {}
    kind, value = opened or ("", "")
    return {
        "code": person_code(token),
        "kind": words.value("kind", kind) if kind else "",
        "identifier": identifier_text(kind, value) if kind else words("reveal", "not_held"),
        "tier": words("reveal", "the_case") if is_case else f"F{row.get('tier', '')}",
        "places": (row.get("venue_names") or "").replace(";", "; "),
        "last": row.get("last_contact"),
        "minutes": round((row.get("seconds_direct") or 0) / 60),
    }


def _export(settings: ServeSettings, asked: CaseQuestion, scratch: ScratchFolder) -> Response:
    """Make the list as `truyvet export` does, and hand it over.

    Raises:
        PageError: it is to be revealed and there is no purpose or no key, or a field is malformed.
    """
    reveals = bool(typed("reveal"))
    # A purpose that was given is checked and kept also where none is needed.
    purpose = purpose_now() if reveals or typed("purpose") else ""
    if reveals and settings.authority_key is None:
        raise PageError(403, "no_key")
    options = _options(settings, asked, reveals)
    lake = note_visit(
        settings, "export", cases=[asked.case_id], rule=asked.rule, purpose=purpose, reveal=reveals,
        formats=list(options.formats),
    )  # fmt: skip
    require_case(lake, asked.case_id)
    from pipelines.export import export  # loads every format

    # In memory where the machine has it, and gone when the answer has been made.
    with scratch.folder() as place:
        folder = place / "list"
        export(
            lake, asked.case_id, asked.rule, output=folder, depth=asked.depth, keys=settings.keys,
            options=options, asker=asker_now(settings, purpose),
        )  # fmt: skip
        # Read whole: the folder is removed before the browser has taken the first byte.
        return _handed_over(folder, asked.case_id, options)


def _options(settings: ServeSettings, asked: CaseQuestion, reveals: bool) -> "ListOptions":
    from pipelines.export import ListOptions, SormasSettings

    formats = [name for name in request.form.getlist("format") if name in FORMATS]
    if not formats:
        raise PageError(422, "no_format")
    lang = typed("lang") or session_now().language
    if lang not in LANGUAGES:
        raise PageError(422, "no_language")
    options = ListOptions(
        formats=formats,
        lang=lang,
        separator=typed("separator") or ",",
        reveal=reveals,
        # Without a reveal the key is not even passed on.
        authority_key=settings.authority_key if reveals else None,
        follow_up_days=whole_number("follow_up_days", 0, _MOST_DAYS),
        # The calls that this session has marked.
        capacity=session_now().remembered.get(capacity_key(asked.case_id)),
        sormas=SormasSettings(
            typed("disease"), typed("region"), typed("district"), typed("case_uuid"), typed("date_order")
        ),
    )
    options.check()
    return options


def _handed_over(folder: Path, case_id: str, options: "ListOptions") -> Response:
    """A list as one download: the file of a format that has one, else all files with the signature."""
    # ASCII alone, without quotes: the name stands in a header.
    name = f"{re.sub(r'[^A-Za-z0-9._-]+', '_', case_id).strip('._') or 'case'}-{dt.date.today():%Y-%m-%d}"
    files = sorted(folder.iterdir())
    own = [path for path in files if path.name not in _BESIDE]
    # One file of one format as it is; of several the signature must not be separated.
    if len(options.formats) == 1 and len(own) == 1:
        media = _MEDIA.get(own[0].suffix, "application/octet-stream")
        return _attached(own[0].read_bytes(), f"{name}-{own[0].name}", media)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.writestr(path.name, path.read_bytes())
    return _attached(packed.getvalue(), f"{name}.zip", "application/zip")


def _attached(content: bytes, name: str, media: str) -> Response:
    response = Response(content, mimetype=None, content_type=media)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
