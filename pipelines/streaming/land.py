"""`truyvet land`: a subscription into the lake, with nothing lost and nothing doubled."""

import multiprocessing
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, Final

from pipelines.errors import ServiceError, TruyVetError
from pipelines.lake import open_lake
from pipelines.privacy.keys import load_keys
from pipelines.streaming.avro_messages import Decoder
from pipelines.streaming.batches import CommitterConfig, Landed
from pipelines.streaming.broker import Subscription, schema_definition
from pipelines.streaming.committer_process import child
from pipelines.streaming.land_metrics import LandTotals, Narrator, Values, serve
from pipelines.streaming.land_options import LandOptions
from pipelines.streaming.landing_spool import Landing, Segment, open_landing
from pipelines.streaming.receiver import Receiver
from pipelines.terminal.options import keys_folder

FULL_BYTES: Final = 1 << 30
"""Nothing more is received while segments of more bytes wait for their commit."""

FULL_SEGMENTS: Final = 20_000

_LOOK_SECONDS = 0.1


def land(
    lake: str,
    subscription: str,
    *,
    keys: str | None = None,
    options: LandOptions | None = None,
    stopped: threading.Event | None = None,
) -> Values:
    """Land messages until stopped, or until none has come for a while.

    Args:
        lake: folder or URL of the lake; it is made if there is none.
        subscription: `projects/P/subscriptions/S`.
        keys: folder of the keys; None is `LAKE.keys`.
        options: how to work.
        stopped: set it to drain and end.

    Returns:
        The counters at the end.

    Raises:
        UsageError: a flag is wrong.
        ServiceError: the broker or the subscription is missing, or the lake cannot be written.
        RefusedError: the keys or the stay rules are not the lake's.
    """
    options = options or LandOptions()
    options.check()
    broker = Subscription(subscription)
    folder = keys_folder(keys, lake)
    opened = open_lake(lake, folder, create=True)
    loaded = load_keys(folder)
    landing = open_landing(opened, loaded.landing_key)
    config = CommitterConfig(opened.url, loaded, options.batches)
    return _LandProcess(broker, landing, config, options).run(stopped or threading.Event())


class _LandProcess:
    """The parent process: receives, watches the child that commits, and tells."""

    def __init__(
        self, broker: Subscription, landing: Landing, config: CommitterConfig, options: LandOptions
    ) -> None:
        self._landing, self._options, self._broker = landing, options, broker
        self._narrator, self._totals = Narrator(options.json_lines), LandTotals()
        self._waiting: list[Segment] = landing.segments()  # including those of earlier processes
        self._receiver = Receiver(
            broker,
            landing,
            Decoder(schema_definition),
            full=self._is_full,
            warn=self._narrator.warn,
            pulls=options.pulls,
            lease_seconds=options.lease_seconds,
        )
        # Spawned, not forked: gRPC has running threads, and a fork would copy their locks (grpc#15334).
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._child = context.Process(target=child, args=(end, config), daemon=True)
        self._child.start()
        end.close()  # else our copy would keep the pipe open after the child has died

    def run(self, stopped: threading.Event) -> Values:
        """Receive until stopped or idle, then drain."""
        port = self._options.metrics_port
        server = None if port is None else serve(port, self._values)
        try:
            self._receiver.start()
            while not stopped.wait(_LOOK_SECONDS) and not self._is_idle():
                self._look()
            # Idle because no pull was answered is not idle: the broker has died.
            lost = self._receiver.received.answered == 0 and not stopped.is_set()
            # Stop first: what the receiver still holds becomes durable and is drained as well.
            self._receiver.stop()
            self._drain()
            self._narrator.tell(self._values(), last=True)
            if lost:
                raise ServiceError("the broker is gone", "run land again; what it sent is in the lake")
            return self._values()
        finally:
            # Drained or failed, it holds nothing: segments stay until a committer removes them.
            self._child.kill()
            self._child.join()
            if server is not None:
                server.shutdown()
                server.server_close()

    def _is_full(self) -> bool:
        """Return whether too much waits for its commit to receive more."""
        waiting = self._waiting
        return len(waiting) > FULL_SEGMENTS or sum(segment.size for segment in waiting) > FULL_BYTES

    def _values(self) -> Values:
        return self._totals.values(self._receiver.received, self._waiting)

    def _is_idle(self) -> bool:
        seconds = self._options.until_idle
        if seconds is None or self._waiting:
            return False
        return time.monotonic() - self._receiver.received.last_at > seconds

    def _look(self) -> None:
        """Take in what the child has done, and tell it."""
        self._waiting = self._landing.segments()
        while self._pipe.poll():
            self._hear(self._pipe)
        self._narrator.tell(self._values())

    def _hear(self, pipe: Connection) -> bool:
        """Take in one message of the child and return whether it has drained.

        Raises:
            TruyVetError: the error that ended it.
            ServiceError: it is gone without a message.
        """
        # Messages: `Landed`, a warning, the error that ended the child, or True once drained.
        try:
            message: Any = pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise ServiceError("the process that commits was killed", "run land again") from error
        if isinstance(message, TruyVetError):
            raise message
        if isinstance(message, Landed):
            self._totals.add(message)
        elif isinstance(message, str):
            self._narrator.warn(message)
        return message is True

    def _drain(self) -> None:
        """Let the child commit what waits."""
        self._pipe.send("drain")
        while not self._hear(self._pipe):
            self._waiting = self._landing.segments()
            self._narrator.tell(self._values())
        self._waiting = self._landing.segments()
