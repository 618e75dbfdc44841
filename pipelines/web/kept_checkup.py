"""What doctor and the statement of quality say of a lake: computed beside the pages, and kept for a while."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.checkup.check import Check
from pipelines.checkup.doctor import doctor
from pipelines.errors import TruyVetError
from pipelines.graph.answer_quality import AnswerQuality
from pipelines.graph.cases import cases_by_id
from pipelines.graph.tracing.request import make_request
from pipelines.lake import Lake
from pipelines.web.lake_state import versions_of
from pipelines.web.serve_settings import ServeSettings
from schemas.rules import DEFAULT_RULE, load_rule

_SECONDS: Final = 300.0
_PATIENCE: Final = 0.5
"""How long the page that begins a checkup waits for it; on a small lake it is done by then."""


@dataclass(frozen=True)
class KeptCheckup:
    """A checkup of a lake.

    Attributes:
        checks: of `doctor`.
        quality: of a trace of all cases by the default rule; None where there is none.
        at: when it was made, seconds since 1970.
        versions: of the tables then.
    """

    checks: Sequence[Check]
    quality: AnswerQuality | None
    at: float
    versions: tuple[int, ...]


class Checkups:
    """The newest checkup, made again when it is old or the lake has changed."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._kept: KeptCheckup | None = None
        self._running: threading.Thread | None = None
        self._lock = threading.Lock()

    def newest(self, lake: Lake) -> KeptCheckup | None:
        """Return the newest one, perhaps of a version before; None while the first is being made."""
        begun = None
        with self._lock:
            # At most one at a time, however many pages are opened.
            running = self._running
            if self._is_old(lake) and (running is None or not running.is_alive()):
                self._running = threading.Thread(target=self._make, args=(lake,), daemon=True)
                self._running.start()
                begun = self._running
        # Outside the lock: other pages need not wait with this one.
        if begun is not None:
            begun.join(_PATIENCE)
        return self._kept

    def _is_old(self, lake: Lake) -> bool:
        kept = self._kept
        return kept is None or time.time() - kept.at > _SECONDS or kept.versions != versions_of(lake)

    def _make(self, lake: Lake) -> None:
        # Versions before the checkup: if the lake changes meanwhile, this one counts as old at once.
        versions = versions_of(lake)
        try:
            checks = doctor(lake, keys=self._settings.keys, ledger=self._settings.ledger)
            quality = _quality(lake)
        except (TruyVetError, OSError):
            return  # the page that needs the lake says what is wrong with it
        # One assignment, so that a reader sees the old checkup or the new one.
        self._kept = KeptCheckup(checks, quality, time.time(), versions)


def _quality(lake: Lake) -> AnswerQuality | None:
    if not cases_by_id(lake):
        return None
    request = make_request(lake, load_rule(DEFAULT_RULE), [], all_cases=True, depth=None, until=None)
    return request.quality(lake)
