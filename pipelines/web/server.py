"""`serve`: the pages on a port of this machine, until a signal asks for their end."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from pipelines.errors import ServiceError, UsageError
from pipelines.lake import opened
from pipelines.privacy.key_folders import load_authority
from pipelines.privacy.ledger import Question, record
from pipelines.web.app import create_app
from pipelines.web.guard import ENTER
from pipelines.web.kept_checkup import Checkups
from pipelines.web.scratch_folder import ScratchFolder
from pipelines.web.serve_settings import LANGUAGES, ServeSettings
from pipelines.web.sessions import Sessions

PORT: Final = 8765
HOST: Final = "127.0.0.1"
END_SECONDS: Final = 10.0
"""How long requests may still take once the end was asked for."""

_THREADS: Final = 8
_POLL_SECONDS: Final = 0.25
_LOAD_AFTER_SECONDS: Final = 2.0
_MOST_BODY: Final = 8_000_000
"""What is read of a body at all; the application answers forms over its own limit with a page."""


def serve(
    lake: str,
    *,
    port: int = PORT,
    lang: str = "vi",
    authority_key: str | None = None,
    actor: str = "",
    keys: str | None = None,
    ledger: str | None = None,
    user_header: str | None = None,
    public_url: str = "",
    stopped: threading.Event | None = None,
    another: threading.Event | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the tracer's pages until stopped; requests that run then have ten seconds to end.

    Args:
        lake: folder or URL.
        port: the port on 127.0.0.1; 0 picks a free one.
        lang: of the first page, `vi` or `en`.
        authority_key: the file of the authority's private key; None opens no identifier.
        actor: who asks, for the ledger; empty is the account of the operating system.
        keys: folder of the keys; None is `LAKE.keys`.
        ledger: folder of the ledger; None is that of this account.
        user_header: the header in which a trusted proxy names its user; None trusts no proxy.
        public_url: the origin under which that proxy serves the pages.
        stopped: set it to end.
        another: set it to be given another URL, for another browser or after a session has ended.
        say: is given each URL with a one-time token, which begins the session of one browser.

    Raises:
        UsageError: a setting is wrong.
        DataError: there is no such lake, or the file of the private key is none.
        RefusedError: the ledger cannot be written.
        ServiceError: the port is taken.
    """
    settings = ServeSettings(
        lake, keys, ledger, actor, lang, authority_key, user_header, public_url.rstrip("/")
    )
    # Everything that can be refused is, before the port is taken.
    check_settings(settings, port)
    url = opened(lake).url
    # The start itself is a line: without a ledger nothing is served at all.
    record(url, Question("serve", arguments={"page": "start"}), settings.asker("", ""))
    logging.getLogger("waitress").setLevel(logging.ERROR)  # it would tell of every busy moment
    sessions = Sessions(settings.idle_seconds, settings.language)
    scratch = ScratchFolder()
    try:
        server = _listen(settings, port, sessions, scratch)
        another = another or threading.Event()
        # The first URL is given like every later one.
        another.set()
        _load_later()
        # The address is said from this thread, between two turns of the loop.
        for _ in _turns(server, stopped or threading.Event()):
            if another.is_set():
                another.clear()
                say(f"http://{HOST}:{server.effective_port}{ENTER}{sessions.offer()}")
        _end(server)
    finally:
        # Lists in the scratch folder must not outlive the server.
        scratch.remove()


def _load_later() -> None:
    """Load what later pages need, once the first one has had the processor to itself."""
    timer = threading.Timer(_LOAD_AFTER_SECONDS, _load)
    timer.daemon = True
    timer.start()


def _load() -> None:
    for name in ("pipelines.export.make_list", "pipelines.graph.tracing.compare"):
        import_module(name)


def check_settings(settings: ServeSettings, port: int) -> None:
    """Refuse what cannot be served, before anything listens; the errors of `serve`."""
    if not 0 <= port <= 65_535:
        raise UsageError("--port must be an integer from 0 to 65535", "write --port 8765")
    if settings.language not in LANGUAGES:
        raise UsageError("--lang is unknown", f"choose one of {' '.join(LANGUAGES)}")
    # A header is trusted only together with the URL of the proxy that sets it.
    if bool(settings.user_header) != bool(settings.public_url):
        raise UsageError("--trust-proxy and --public-url go together", "name the header and the proxy's URL")
    if settings.user_header and not settings.user_header.replace("-", "").isalnum():
        raise UsageError("--trust-proxy must be the name of a header", "write --trust-proxy X-Remote-User")
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            raise UsageError("--public-url must be an origin", "write --public-url https://trace.example.vn")
    if settings.authority_key is not None:
        # Loaded to see that it is a key; the pages load it again for each reveal.
        load_authority(Path(settings.authority_key))


def _listen(settings: ServeSettings, port: int, sessions: Sessions, scratch: ScratchFolder) -> BaseWSGIServer:
    """Take the port and make the application that knows its own address.

    Raises:
        ServiceError: the port is taken or forbidden.
    """
    try:
        # The port first: with --port 0 only the socket knows it, and the app checks hosts with it.
        server = create_server(
            _not_ready, host=HOST, port=port, threads=_THREADS, ident=None, max_request_body_size=_MOST_BODY,
            # Idle connections are closed after 60 s; poll instead of select, whose descriptors end at 1,024.
            channel_timeout=60, connection_limit=200, asyncore_use_poll=True,
        )  # fmt: skip
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            taken = "is taken" if error.errno == errno.EADDRINUSE else "may not be used by this account"
            raise ServiceError(
                f"port {port} {taken}", "choose another with --port, or --port 0 for any"
            ) from error
        raise
    # Both spellings of this machine, with the port; no other name leads here.
    hosts = frozenset({f"{HOST}:{server.effective_port}", f"localhost:{server.effective_port}"})
    settings = replace(settings, hosts=hosts)
    # From now on requests are answered by the pages.
    server.application = create_app(settings, sessions, scratch, Checkups(settings))
    return server


def _not_ready(_environ: object, start: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
    """Stand in until the port is known, and with it the hosts that a request may name."""
    start("503 Service Unavailable", [("Content-Length", "0")])
    return []


def _turns(server: BaseWSGIServer, stopped: threading.Event) -> Iterator[None]:
    """Answer until stopped, and yield some times a second."""
    while not stopped.is_set():
        yield
        # One turn of waitress's own loop, so that signals and new URLs are looked at in between.
        wasyncore.loop(_POLL_SECONDS, True, server._map, 1)


def _end(server: BaseWSGIServer) -> None:
    """Take no further request, and let those that run end."""
    wasyncore.dispatcher.close(server)  # the port alone: the answers still have to leave
    until = time.monotonic() + END_SECONDS
    # Output that is still buffered counts as busy, too.
    while time.monotonic() < until and _is_busy(server):
        wasyncore.loop(_POLL_SECONDS / 5, True, server._map, 1)
    # Threads that still run are left behind; they are daemons of the process.
    server.task_dispatcher.shutdown(timeout=0.1)
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.trigger.close()


def _is_busy(server: BaseWSGIServer) -> bool:
    return any(channel.requests or channel.total_outbufs_len for channel in server.active_channels.values())
