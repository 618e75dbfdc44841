"""Sessions: a one-time token becomes a cookie, which ends after some idle time.

They live in the memory of the process alone. What a session remembers (a filter, the number of calls) stays
here too, so that no text of a form gets into a URL.
"""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

COOKIE: Final = "truyvet"
_BYTES: Final = 32
_MOST: Final = 1_000  # clients that keep no cookie would otherwise fill the memory


@dataclass
class BrowserSession:
    """A browser that has signed in.

    Attributes:
        key: the value of its cookie.
        csrf: what its forms carry.
        actor: who it is, as a proxy named it; empty is the actor of the command line.
        language: of its pages.
        used: when it last asked for a page, seconds of the clock.
        notes: confirmations for its next page.
        purpose: the last one that was given, to be offered again.
        remembered: filters and numbers, by page.
    """

    key: str
    csrf: str
    actor: str
    language: str
    used: float
    notes: list[str] = field(default_factory=list)
    purpose: str = ""
    remembered: dict[str, Any] = field(default_factory=dict)


class Sessions:
    """The sessions of a server and the one-time tokens that begin them."""

    def __init__(
        self, idle_seconds: float, language: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_seconds, self._language, self._clock = idle_seconds, language, clock
        self._open: dict[str, BrowserSession] = {}
        self._offered: set[str] = set()
        self._lock = threading.Lock()

    def offer(self) -> str:
        """Return a token that begins one session."""
        token = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._offered.add(token)
        return token

    def enter(self, token: str) -> BrowserSession | None:
        """Use up a token; None if it was never offered, or has been used."""
        with self._lock:
            # All are compared, in constant time each, so that nothing is learnt of how near a guess was.
            known = [one for one in self._offered if hmac.compare_digest(one.encode(), token.encode())]
            if not known:
                return None
            self._offered.discard(known[0])
        return self.begin("")

    def begin(self, actor: str) -> BrowserSession:
        """Begin a session; the one that has been idle for longest makes room if there are very many."""
        session = BrowserSession(
            secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES), actor, self._language, self._clock()
        )
        with self._lock:
            if len(self._open) >= _MOST:
                del self._open[min(self._open.values(), key=lambda one: one.used).key]
            self._open[session.key] = session
        return session

    def find(self, key: str, *, touch: bool = True) -> BrowserSession | None:
        """Return the session of a cookie, None if there is none or it has been idle for too long.

        Args:
            key: the value of the cookie.
            touch: whether this request shows that somebody is there.
        """
        with self._lock:
            session = self._open.get(key)
            if session is None:
                return None
            # Ended when it is looked for; no thread is needed to clean up.
            if self._clock() - session.used > self._idle_seconds:
                del self._open[key]
                return None
            if touch:
                session.used = self._clock()
            return session

    def end(self, session: BrowserSession) -> None:
        """End a session at once."""
        with self._lock:
            self._open.pop(session.key, None)
