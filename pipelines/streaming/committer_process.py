"""The process of `truyvet land` that commits: what it is told, what it tells, and its life.

Receiving waits for the network and committing computes; in one interpreter
each would stop the other. The child ends with its parent: the pipe between
them breaks. The parent needs no Beam, and so does not import it.
"""

import signal
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

from pipelines.cli import silence_libraries
from pipelines.errors import ServiceError, TruyVetError
from pipelines.privacy.keys import Keys

if TYPE_CHECKING:
    from pipelines.streaming.committer import Lander

AGES: Final = {"1h": 3_600, "1d": 86_400, "3d": 259_200, "7d": 604_800}
"""Ages of scans at their receipt that are told apart: up to so many seconds."""

OLDER: Final = "older"

_IDLE_SECONDS = 0.02
_RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class Work:
    """What the child is told at its start.

    Attributes:
        lake: its folder.
        keys: of the lake; another process reads them again from their folder.
        max_age_days: scans that are older are refused; None is the bound of `truyvet run`.
        max_ahead_days: scans that are further ahead are refused; None likewise.
        batch_seconds: a batch begins no sooner than so long after the one before.
        lateness_days: scans older than this at their receipt count as late.
    """

    lake: str
    keys: Keys
    max_age_days: float | None
    max_ahead_days: float | None
    batch_seconds: float
    lateness_days: float


@dataclass(frozen=True)
class Landed:
    """What a batch brought: the counts of `pipelines.drivers.run.Report`, and more.

    Attributes:
        ages: accepted scans by a name of `AGES` or `OLDER`.
        late: accepted scans beyond the allowed lateness.
        seconds: that the batch took.
        segments: that it took in.
    """

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unregistered: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    late: int = 0
    scans_version: int = -1
    stays_version: int = -1
    seconds: float = 0.0
    segments: int = 0


def child(pipe: Connection, work: Work) -> None:
    """The child's life: commit until the parent says to drain, or is gone.

    Sends `Landed`, a line of text about trouble, a `TruyVetError` that ends it,
    and True when it is drained.
    """
    silence_libraries()  # before the import of Beam, which warns
    _ignore_interrupts()
    from pipelines.streaming.committer import Lander

    try:
        lander = Lander(work, pipe.send)
        lander.catch_up()
        _commit_until_drained(pipe, lander, work.batch_seconds)
        pipe.send(True)
    except (EOFError, BrokenPipeError):
        return
    except TruyVetError as error:
        pipe.send(error)


def _commit_until_drained(pipe: Connection, lander: "Lander", batch_seconds: float) -> None:
    """Batch after batch; draining ends when all segments that waited then are gone.

    Raises:
        EOFError: the parent is gone.
        TruyVetError: what cannot be mended by waiting.
    """
    draining: set[str] | None = None
    said = ""
    not_before = 0.0
    while draining is None or draining & {segment.place for segment in lander.landing.segments()}:
        if pipe.poll(max(_IDLE_SECONDS, not_before - time.monotonic()) if draining is None else 0):
            pipe.recv()
            draining = {segment.place for segment in lander.landing.segments()}
        not_before = time.monotonic() + batch_seconds
        try:
            landed = lander.land()
        except ServiceError as error:
            if draining is not None:
                raise
            if str(error) != said:
                pipe.send(str(error))
            said, not_before = str(error), time.monotonic() + _RETRY_SECONDS
            continue
        if landed is None:
            not_before = 0.0
        else:
            said = ""
            pipe.send(landed)


def _ignore_interrupts() -> None:
    """The terminal interrupts both processes; the parent says when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
