"""What every request must show before a page is asked, and what every answer carries.

In this order: a host of our own (a page of another name could be resolved to this machine), a size, a
session, and for a change the origin and the session's own token.
"""

import hmac

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from pipelines.web.serve_settings import MOST_BYTES, ServeSettings
from pipelines.web.sessions import COOKIE, BrowserSession, Sessions
from pipelines.web.web_errors import PageError

ENTER = "/enter/"
STATE = "/state.json"

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def guard(app: Flask, settings: ServeSettings, sessions: Sessions) -> None:
    """Check every request of an application, and complete every answer."""

    def check() -> AnyResponse | None:
        g.session = None
        # First of all: after DNS rebinding a hostile page's requests arrive here under its own name.
        _check_host(settings)
        # By the header, before anything is read of the body; the app's limit counts the bytes.
        if (request.content_length or 0) > MOST_BYTES:
            g.session = _session(settings, sessions)
            raise PageError(413 if g.session else 403, "too_large" if g.session else "no_session")
        # The only path without a session.
        if request.path.startswith(ENTER):
            return _entered(sessions)
        g.session = _session(settings, sessions)
        if g.session is None:
            raise PageError(403, "no_session")
        # Everything but GET and HEAD changes something and must come from a form of this session.
        if request.method not in ("GET", "HEAD"):
            _check_origin(settings)
            _check_csrf(g.session)
        return None

    def complete(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        # Behind a proxy the header is the sign-in, and the cookie only holds what the session remembers.
        if settings.user_header and getattr(g, "session", None) is not None:
            _give_cookie(response, g.session, secure=settings.public_url.startswith("https:"))
        return response

    app.before_request(check)
    app.after_request(complete)


def _check_host(settings: ServeSettings) -> None:
    """Refuse a host that is not ours.

    Raises:
        PageError: it is not.
    """
    # The proxy passes on the host under which it serves.
    public = settings.public_url.partition("://")[2]
    if request.host not in settings.hosts and (not public or request.host != public):
        raise PageError(403, "other_host")


def _session(settings: ServeSettings, sessions: Sessions) -> BrowserSession | None:
    # Polls of an open page are no sign that somebody is there, and do not keep a session alive.
    found = sessions.find(request.cookies.get(COOKIE, ""), touch=request.path != STATE)
    if settings.user_header is None:
        return found
    user = request.headers.get(settings.user_header, "").strip()
    if not user:
        return None
    # Another user in the same browser gets another session.
    return found if found is not None and found.actor == user else sessions.begin(user)


def _entered(sessions: Sessions) -> AnyResponse:
    """Begin the session of the printed URL; asking for its head, as previews do, does not use it up.

    Raises:
        PageError: the token is not known, or was used.
    """
    session = sessions.enter(request.path.removeprefix(ENTER)) if request.method == "GET" else None
    if session is None:
        raise PageError(403, "no_session")
    response = redirect("/", 303)
    # Plain HTTP on this machine: a secure cookie would not come back.
    _give_cookie(response, session, secure=False)
    return response


def _give_cookie(response: AnyResponse, session: BrowserSession, *, secure: bool) -> None:
    response.set_cookie(COOKIE, session.key, httponly=True, samesite="Strict", secure=secure, path="/")


def _check_origin(settings: ServeSettings) -> None:
    """Refuse a form that another site sends.

    A page with `Referrer-Policy: no-referrer` sends its own forms with `Origin: null`, as a hostile frame
    does: there `Sec-Fetch-Site` decides, which no script can set.

    Raises:
        PageError: it comes from elsewhere.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    # Without Origin and Sec-Fetch-Site no browser of today has sent it; the token still decides.
    own = origin is None or origin in settings.origins or (origin == "null" and site == "same-origin")
    if not own or site not in (None, "same-origin", "none"):
        raise PageError(403, "other_site")


def _check_csrf(session: BrowserSession) -> None:
    """Refuse a form that is not of a page of this session.

    Raises:
        PageError: it lacks the session's token.
    """
    given = request.form.get("csrf", "")
    # In constant time, so that answers do not tell how much of a guess was right.
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise PageError(403, "no_csrf")
