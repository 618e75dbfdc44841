"""The process of `truyvet land` that commits: what it is told, what it tells, and its life.

Receiving waits for the network and committing computes; in one interpreter
each would stop the other. The child ends with its parent: the pipe between
them breaks. The parent needs no Beam, and so does not import it.
"""

import signal
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from pipelines.errors import ServiceError, TruyVetError
from pipelines.streaming.batches import Work
from pipelines.terminal.quiet import silence_libraries

if TYPE_CHECKING:
    from pipelines.streaming.committer import Lander

_IDLE_SECONDS = 0.02
_RETRY_SECONDS = 2.0


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
