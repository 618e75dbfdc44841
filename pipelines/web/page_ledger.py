"""Every page and every action as a line of the ledger, before it is answered."""

from collections.abc import Sequence
from typing import Any

from flask import g, request

from pipelines.errors import RefusedError
from pipelines.lake import Lake, opened, snapshot
from pipelines.privacy.ledger import Asker, Question, record
from pipelines.web.rendering import session_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.web_errors import LedgerClosedError, PageError

_PURPOSE_BYTES = 500


def lake_now(settings: ServeSettings) -> Lake:
    """The lake as it is now; opened once a request.

    Raises:
        DataError: it is not there, or may not be read.
    """
    # Once a request, so that all parts of a page speak of the same lake.
    if "lake" not in g:
        g.lake = opened(settings.lake)
    lake: Lake = g.lake
    return lake


def note_visit(
    settings: ServeSettings,
    page: str,
    *,
    cases: Sequence[str] = (),
    rule: str | None = None,
    purpose: str = "",
    **arguments: Any,
) -> Lake:
    """Write a line, and return the lake that may now be asked.

    Args:
        settings: of the server.
        page: which page or action.
        cases: numbers of the cases that it is about.
        rule: the id of the rule pack.
        purpose: why; empty is unspecified.
        arguments: what else was asked, without identifiers and tokens of persons.

    Raises:
        LedgerClosedError: the line cannot be written.
        DataError: the lake is not there.
    """
    lake = lake_now(settings)
    given = {name: value for name, value in arguments.items() if value not in (None, "", False)}
    version = snapshot(lake, "scans").version
    # The page stands among the arguments, since the command is `serve` for all of them.
    question = Question("serve", cases, rule, version, {"page": page, "method": request.method} | given)
    try:
        record(lake.url, question, asker_now(settings, purpose))
    # 503 here, where the command line has exit 5: the server itself is well.
    except RefusedError as error:
        raise LedgerClosedError(error) from error
    return lake


def asker_now(settings: ServeSettings, purpose: str = "") -> Asker:
    """Who asks in this request."""
    return settings.asker(session_now().actor, purpose)


def purpose_now() -> str:
    """The purpose that a form gives; it is offered again in the next form of the session.

    Raises:
        PageError: there is none, or it is very long.
    """
    # Blanks alone are no purpose.
    purpose = " ".join(request.form.get("purpose", "").split())
    if not purpose:
        raise PageError(422, "no_purpose")
    if len(purpose.encode()) > _PURPOSE_BYTES:
        raise PageError(422, "long_purpose")
    session_now().purpose = purpose
    return purpose
