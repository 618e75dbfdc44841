"""What the pages are served with."""

from dataclasses import dataclass, field
from typing import Final

from pipelines.privacy.ledger import Asker

LANGUAGES: Final = ("vi", "en")
IDLE_SECONDS: Final = 30 * 60
"""A session ends after this long without a page."""

MOST_BYTES: Final = 1_000_000
"""The size of the largest form."""


@dataclass(frozen=True)
class ServeSettings:
    """What the pages are served with.

    Example:
        >>> ServeSettings("lake", actor="dr.lan").language
        'vi'

    Attributes:
        lake: folder or URL of the lake.
        keys: folder of its keys; None is `LAKE.keys`.
        ledger: folder of the ledger; None is that of this account.
        actor: who asks; empty is the account of the operating system.
        language: of the first page, `vi` or `en`.
        authority_key: the file of the authority's private key; None opens no identifier.
        user_header: the header in which a trusted proxy names its user; None trusts no proxy.
        public_url: the origin under which that proxy serves the pages; empty without one.
        idle_seconds: after how long without a page a session ends.
        hosts: what a request may name as its host.
    """

    lake: str
    keys: str | None = None
    ledger: str | None = None
    actor: str = ""
    language: str = "vi"
    authority_key: str | None = None
    user_header: str | None = None
    public_url: str = ""
    idle_seconds: float = IDLE_SECONDS
    hosts: frozenset[str] = field(default_factory=frozenset)

    @property
    def origins(self) -> frozenset[str]:
        """The origins from which a form may be sent."""
        own = {f"http://{host}" for host in self.hosts}
        return frozenset(own | ({self.public_url} if self.public_url else set()))

    def asker(self, actor: str, purpose: str) -> Asker:
        """Who asks, for the ledger."""
        return Asker(actor=actor or self.actor, purpose=purpose, folder=self.ledger)
