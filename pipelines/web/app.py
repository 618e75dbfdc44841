"""The application: every page, and what is answered when one cannot be shown."""

import sys
import traceback
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, g, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from pipelines.errors import TruyVetError
from pipelines.web.case_urls import CaseConverter
from pipelines.web.guard import guard
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.kept_checkup import Checkups
from pipelines.web.pages.adoption_page import add_adoption
from pipelines.web.pages.case_actions import add_case_actions
from pipelines.web.pages.case_page import add_case_page
from pipelines.web.pages.cases_page import add_cases
from pipelines.web.pages.clusters_page import add_clusters
from pipelines.web.pages.ledger_page import add_ledger
from pipelines.web.pages.overview_page import add_overview
from pipelines.web.pages.venues_page import add_venues
from pipelines.web.rendering import page, page_words, plain_page, session_now, static_file
from pipelines.web.said_words import said_in
from pipelines.web.scratch_folder import ScratchFolder
from pipelines.web.serve_settings import LANGUAGES, MOST_BYTES, ServeSettings
from pipelines.web.sessions import COOKIE, Sessions
from pipelines.web.web_errors import PageError, page_error_of

_STATIC = {"pages.css": "text/css; charset=utf-8", "pages.js": "text/javascript; charset=utf-8"}
_OF_STATUS = {404: "no_page", 405: "no_page", 413: "too_large"}


def create_app(
    settings: ServeSettings, sessions: Sessions, scratch: ScratchFolder, checkups: Checkups | None = None
) -> Flask:
    """Make the application.

    Args:
        settings: what the pages are served with.
        sessions: who has signed in.
        scratch: where lists lie on their way to the browser.
        checkups: of doctor; by default new ones.
    """
    # Flask would serve folders of its own; here each file is named in _STATIC.
    app = Flask(__name__, static_folder=None, template_folder=None)
    # Limits of the parser itself, beside the guard's look at the stated length.
    app.config.update(MAX_CONTENT_LENGTH=MOST_BYTES, MAX_FORM_MEMORY_SIZE=MOST_BYTES, MAX_FORM_PARTS=2_000)
    app.url_map.converters["case"] = CaseConverter
    app.url_map.merge_slashes = False
    # As before_request, which runs for unknown paths and static files too.
    guard(app, settings, sessions)
    _add_errors(app, settings)
    _add_frame(app, sessions)
    kept = KeptAnswers()
    add_overview(app, settings, checkups or Checkups(settings), kept)
    add_cases(app, settings, kept)
    add_case_page(app, settings, kept)
    add_case_actions(app, settings, kept, scratch)
    add_clusters(app, settings, kept)
    add_venues(app, settings)
    add_adoption(app, settings, kept)
    add_ledger(app, settings)
    return app


def _add_frame(app: Flask, sessions: Sessions) -> None:
    """Add what every page has: style, script, the switch of the language, the way out."""

    @app.get("/static/<name>")
    def static(name: str) -> Response:
        # Only names that are listed: no path leads anywhere else.
        if name not in _STATIC:
            raise PageError(404, "no_page")
        return Response(static_file(name), content_type=_STATIC[name])

    @app.post("/language")
    def language() -> AnyResponse:
        wanted = request.form.get("lang", "")
        if wanted not in LANGUAGES:
            raise PageError(422, "no_language")
        session_now().language = wanted
        return redirect(_own_path(request.form.get("back", "")), 303)

    @app.post("/sign-out")
    def sign_out() -> AnyResponse:
        words = page_words(session_now().language)
        sessions.end(session_now())
        # After this the answer is that of somebody without a session.
        g.session = None
        response = plain_page(
            words.language, words("problem", "signed_out"), words("problem", "signed_out_text"), 200
        )
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response


def _own_path(back: str) -> str:
    """A path of ours to go back to; anything else leads to the overview."""
    parts = urlsplit(back)
    # A browser reads // and /\ as the beginning of another host.
    own = (
        back.startswith("/") and not back.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    )
    return back if own and back.isprintable() else "/"


def _add_errors(app: Flask, settings: ServeSettings) -> None:
    """Answer every error with a page, and log of an unforeseen one its kind and place alone."""

    @app.errorhandler(Exception)
    def told(error: Exception) -> Response:
        # From the most specific: a PageError knows its status, the others are told by their kind.
        if isinstance(error, PageError):
            return _error_page(error, settings)
        if isinstance(error, TruyVetError):
            return _error_page(page_error_of(error), settings)
        if isinstance(error, HTTPException):
            status = error.code or 500
            return _error_page(PageError(status, _OF_STATUS.get(status, "wrong_request")), settings)
        # Kind and place alone: the message of an unforeseen error may quote a record.
        print(f"truyvet serve: {_place_of(error)}", file=sys.stderr, flush=True)
        return _error_page(PageError(500, "internal", _place_of(error)), settings)


def _error_page(error: PageError, settings: ServeSettings) -> Response:
    """A page that says what is wrong and what to do; without a session it says nothing of the lake."""
    # None where the guard has refused, perhaps before it looked for a session.
    session = getattr(g, "session", None)
    language = settings.language if session is None else session.language
    words = page_words(language)
    heading, text = words("problem", error.key), words("problem", f"{error.key}_text")
    if session is None:
        return plain_page(language, heading, text, error.status)
    # English sentences of the program in the language of the page, where it has words for all of them.
    said = [said_in(words, part) for part in (error.what, error.remedy) if part]
    known = None not in said
    values = {
        "text": text,
        "detail": said if known else [part for part in (error.what, error.remedy) if part],
        "detail_lang": language if known else "en",
        "status": error.status,
    }
    return page("problem", heading, values, status=error.status)


def _place_of(error: Exception) -> str:
    """The kind and the place of an unforeseen error, never its message: it may hold data."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(__file__).parents[1] in Path(frame.filename).parents]
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "an unknown place"
    return f"internal error: {type(error).__name__} at {place}"
