"""The child process of `truyvet land` that commits.

Receiving waits for the network while committing computes; in one interpreter
each would hold the other up. A process of its own rather than a
`ProcessPoolExecutor`, whose worker outlives a parent that is killed with
SIGKILL (cpython#111873): this child ends when the pipe to its parent breaks. The parent needs no
Beam and must not import it, so Beam is imported inside `child`.
"""

import signal
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from pipelines.errors import ServiceError, TruyVetError
from pipelines.runtime.malloc import keep_freed_memory
from pipelines.streaming.batches import CommitterConfig
from pipelines.terminal.quiet import silence_libraries

if TYPE_CHECKING:
    from pipelines.streaming.committer import Committer

_IDLE_SECONDS = 0.02
_RETRY_SECONDS = 2.0


def child(pipe: Connection, config: CommitterConfig) -> None:
    """Commit until the parent asks to drain or is gone.

    Sends `Landed`, warnings as text, a `TruyVetError` that ends the process, and True once it has drained.
    """
    silence_libraries()  # before Beam is imported, which warns
    _ignore_interrupts()
    keep_freed_memory()
    from pipelines.streaming.committer import Committer

    try:
        committer = Committer(config, pipe.send)
        committer.catch_up()
        _commit_until_drained(pipe, committer, config.options.batch_seconds)
        pipe.send(True)
    except (EOFError, BrokenPipeError):  # the parent is gone; the segments stay
        return
    except TruyVetError as error:
        pipe.send(error)


def _commit_until_drained(pipe: Connection, committer: "Committer", batch_seconds: float) -> None:
    """Commit batch after batch; a drain ends once all segments that waited at its start are gone.

    Raises:
        EOFError: the parent is gone.
        TruyVetError: an error that waiting does not mend.
    """
    # None until the parent asks to drain, then the segments waiting at that moment.
    draining: set[str] | None = None
    warned = ""
    not_before = 0.0  # monotonic time before which no batch starts
    while draining is None or draining & _waiting(committer):
        # Listen to the parent until the next batch is due; do not wait while draining.
        if pipe.poll(max(_IDLE_SECONDS, not_before - time.monotonic()) if draining is None else 0):
            pipe.recv()
            draining = _waiting(committer)
        not_before = time.monotonic() + batch_seconds
        try:
            landed = committer.land()
        except ServiceError as error:
            # No retry while draining: the parent waits for the end.
            if draining is not None:
                raise
            if str(error) != warned:
                pipe.send(str(error))
            warned, not_before = str(error), time.monotonic() + _RETRY_SECONDS
            continue
        if landed is None:
            not_before = 0.0  # nothing to commit: look again soon
        else:
            warned = ""
            pipe.send(landed)


def _waiting(committer: "Committer") -> set[str]:
    return {segment.place for segment in committer.landing.segments()}


def _ignore_interrupts() -> None:
    """Ignore signals of the terminal, which reach both processes; the parent decides when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
