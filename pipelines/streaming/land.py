"""`truyvet land`: a subscription to the lake, with nothing lost and nothing doubled."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from pipelines.errors import ServiceError, TruyVetError
from pipelines.lake import open_lake
from pipelines.privacy.keys import load_keys
from pipelines.streaming.avro_messages import Decoder
from pipelines.streaming.batches import Landed, Work
from pipelines.streaming.broker import Subscription, schema_definition
from pipelines.streaming.committer_process import child
from pipelines.streaming.land_metrics import Gauges, Teller, Values, serve
from pipelines.streaming.landing_spool import Landing, Segment, open_landing
from pipelines.streaming.receiver import LEASE_SECONDS, PULLS, Receiver
from pipelines.terminal.options import keys_folder

BATCH_SECONDS: Final = 0.0
LATENESS_DAYS: Final = 3.0
FULL_BYTES: Final = 1 << 30
FULL_SEGMENTS: Final = 20_000

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Options:
    """How `land` goes about it.

    Attributes:
        until_idle: end when no message has come for so many seconds; None is never.
        batch_seconds: a batch begins no sooner than so long after the one before.
        lateness_days: scans older than this at their receipt count as late.
        max_age_days: scans that are older are refused; None is the bound of `truyvet run`.
        max_ahead_days: scans that are further ahead are refused; None likewise.
        pulls: how many are under way at once.
        lease_seconds: how long the broker waits for an acknowledgement.
        metrics_port: of the Prometheus endpoint; None is none.
        json_lines: tell the numbers as JSON lines.
    """

    until_idle: float | None = None
    batch_seconds: float = BATCH_SECONDS
    lateness_days: float = LATENESS_DAYS
    max_age_days: float | None = None
    max_ahead_days: float | None = None
    pulls: int = PULLS
    lease_seconds: int = LEASE_SECONDS
    metrics_port: int | None = None
    json_lines: bool = False


def land(
    lake: str,
    subscription: str,
    *,
    keys: str | None = None,
    options: Options | None = None,
    stopped: threading.Event | None = None,
) -> Values:
    """Land messages until told to stop, or until none has come for a while.

    Args:
        lake: folder of the lake, made when there is none.
        subscription: `projects/P/subscriptions/S`.
        keys: folder of the keys; None is `LAKE.keys`.
        options: how to go about it.
        stopped: set it to drain and end.

    Returns:
        The counters at the end.

    Raises:
        UsageError: a flag is wrong.
        ServiceError: the broker or the subscription is missing, or the lake cannot be written.
        RefusedError: other keys, or other stay rules.
    """
    options = options or Options()
    broker = Subscription(subscription)
    folder = keys_folder(keys, lake)
    opened = open_lake(lake, folder, create=True)
    own = load_keys(folder)
    landing = open_landing(opened, own.landing_key)
    work = Work(
        opened.url,
        own,
        options.max_age_days,
        options.max_ahead_days,
        options.batch_seconds,
        options.lateness_days,
    )
    return _Process(broker, landing, work, options).run(stopped or threading.Event())


class _Process:
    """The parent: receives, watches its child, tells."""

    def __init__(self, broker: Subscription, landing: Landing, work: Work, options: Options) -> None:
        self._landing, self._options, self._broker = landing, options, broker
        self._teller, self._gauges = Teller(options.json_lines), Gauges()
        self._waiting: list[Segment] = landing.segments()
        self._receiver = Receiver(
            broker,
            landing,
            Decoder(schema_definition),
            full=self._full,
            say=self._teller.say,
            pulls=options.pulls,
            lease_seconds=options.lease_seconds,
        )
        # Not forked: threads of the broker's client are running.
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._child = context.Process(target=child, args=(end, work), daemon=True)
        self._child.start()
        end.close()

    def run(self, stopped: threading.Event) -> Values:
        """Receive until stopped or idle, then drain."""
        port = self._options.metrics_port
        server = None if port is None else serve(port, self._values)
        try:
            self._receiver.start()
            while not stopped.wait(_LOOK_SECONDS) and not self._is_idle():
                self._look()
            lost = self._receiver.received.answered == 0 and not stopped.is_set()
            self._receiver.stop()
            self._drain()
            self._teller.tell(self._values(), last=True)
            if lost:
                raise ServiceError("the broker is gone", "start it again; what it sent is in the lake")
            return self._values()
        finally:
            self._child.kill()
            self._child.join()
            if server is not None:
                server.shutdown()
                server.server_close()

    def _full(self) -> bool:
        """Whether so many segments wait that nothing more is taken."""
        waiting = self._waiting
        return len(waiting) > FULL_SEGMENTS or sum(segment.size for segment in waiting) > FULL_BYTES

    def _values(self) -> Values:
        return self._gauges.values(self._receiver.received, self._waiting)

    def _is_idle(self) -> bool:
        seconds = self._options.until_idle
        if seconds is None or self._waiting:
            return False
        return time.monotonic() - self._receiver.received.last_at > seconds

    def _look(self) -> None:
        """Hear what the child has done, and tell it."""
        self._waiting = self._landing.segments()
        while self._pipe.poll():
            self._hear(self._pipe)
        self._teller.tell(self._values())

    def _hear(self, pipe: Connection) -> bool:
        """One message of the child; whether it is drained.

        Raises:
            TruyVetError: what ended it.
            ServiceError: it is gone without a word.
        """
        try:
            heard: Any = pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise ServiceError("the process that commits has been killed", "start land again") from error
        if isinstance(heard, TruyVetError):
            raise heard
        if isinstance(heard, Landed):
            self._gauges.add(heard)
        elif isinstance(heard, str):
            self._teller.say(heard)
        return heard is True

    def _drain(self) -> None:
        """Let the child commit what waits."""
        self._pipe.send("drain")
        while not self._hear(self._pipe):
            self._waiting = self._landing.segments()
            self._teller.tell(self._values())
        self._waiting = self._landing.segments()


def stop_on_signals(stopped: threading.Event) -> Callable[[], None]:
    """Let SIGTERM and an interrupt set the event; the function gives the signals back."""
    before = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
