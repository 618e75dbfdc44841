"""Messages to durable segments: pull, append, fsync, rename, fsync, then acknowledge.

Nothing is pulled while the messages held reach a bound, so memory is bounded
whatever waits at the broker. While segments pile up nothing is appended and
nothing acknowledged, and soon nothing is pulled.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.errors import ServiceError
from pipelines.streaming.avro_messages import Decoder
from pipelines.streaming.broker import Subscription, pulled
from pipelines.streaming.land_options import LEASE_SECONDS, PULLS
from pipelines.streaming.landing_spool import Landing

HELD_MESSAGES: Final = 20_000
HELD_BYTES: Final = 128 << 20
SEGMENT_BYTES: Final = 16 << 20  # enough to be worth an fsync
LINGER_SECONDS: Final = 0.05  # how long a segment waits for more messages

_MESSAGES_A_PULL = 1000
_PULL_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_PAUSE_SECONDS = 1.0


@dataclass
class Received:
    """What has been received so far.

    Attributes:
        messages: durable messages.
        records: scans in them.
        segments: segments that hold them.
        last_at: when the last message came, seconds of the monotonic clock.
        lag_seconds: of the last segment, from publishing to being durable.
        answered: pulls that the broker answered last time.
        warning: the last warning; the same one is not repeated.

    >>> Received(answered=4).messages
    0
    """

    messages: int = 0
    records: int = 0
    segments: int = 0
    last_at: float = field(default_factory=time.monotonic)
    lag_seconds: float = 0.0
    answered: int = 0
    warning: str = ""


@dataclass(frozen=True, eq=False)
class ReceivedBatch:
    """The messages of one pull.

    Attributes:
        messages: `ReceivedMessage`s, as they came.
        ack_ids: their ids.
        size: bytes of their data.
    """

    messages: list[Any]
    ack_ids: list[str]
    size: int


class Receiver:
    """The pulling threads and the one writer of a process.

    Attributes:
        received: what has been received so far.
    """

    def __init__(
        self,
        subscription: Subscription,
        landing: Landing,
        decoder: Decoder,
        *,
        full: Callable[[], bool],
        warn: Callable[[str], None],
        pulls: int = PULLS,
        lease_seconds: int = LEASE_SECONDS,
        held_messages: int = HELD_MESSAGES,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            subscription: where messages come from.
            landing: where they go.
            decoder: turns messages into lines.
            full: returns whether too many segments wait to write more.
            warn: receives warnings, a line each.
            pulls: calls under way at once.
            lease_seconds: how long the broker is asked to wait for an acknowledgement.
            held_messages: nothing is pulled while this many are held.
        """
        self.received = Received(answered=pulls)
        self._subscription, self._landing, self._decoder = subscription, landing, decoder
        self._full, self._warn, self._lease_seconds = full, warn, lease_seconds
        self._held_messages = held_messages
        self._stopped = threading.Event()
        # pull → `_arrived` → write → `_durable` → acknowledge; None ends a queue.
        self._arrived: queue.SimpleQueue[ReceivedBatch | None] = queue.SimpleQueue()
        self._durable: queue.SimpleQueue[list[ReceivedBatch] | None] = queue.SimpleQueue()
        # Pulled but not acknowledged: leased, and counted against the bounds.
        self._held: set[ReceivedBatch] = set()
        self._calls: set[Any] = set()
        self._lock = threading.Lock()
        self._pullers = [
            threading.Thread(target=self._pull, name=f"pull-{number}", daemon=True) for number in range(pulls)
        ]
        self._writer = threading.Thread(target=self._write, name="write", daemon=True)
        self._acknowledger = threading.Thread(target=self._acknowledge, name="acknowledge", daemon=True)
        self._leaser = threading.Thread(target=self._lease, name="lease", daemon=True)

    def start(self) -> None:
        """Start pulling."""
        for thread in (self._writer, self._acknowledger, self._leaser, *self._pullers):
            thread.start()

    def stop(self) -> None:
        """Stop pulling, make durable what has come and acknowledge it."""
        # Stop stage by stage from the source on, so that nothing stays in a queue.
        self._stopped.set()
        with self._lock:
            for call in self._calls:
                call.cancel()
        for puller in self._pullers:
            puller.join(_LONGEST_PAUSE_SECONDS)  # gRPC may sit in a connect; the thread is a daemon
        self._arrived.put(None)
        self._writer.join()
        self._durable.put(None)
        self._acknowledger.join()

    def held(self) -> list[str]:
        """Return the ids of all messages that are not acknowledged yet."""
        with self._lock:
            return [ack_id for batch in self._held for ack_id in batch.ack_ids]

    def _pull(self) -> None:
        """Pull repeatedly, pausing longer after each failure while the broker does not answer."""
        pause, answered = _FIRST_PAUSE_SECONDS, True
        while not self._stopped.is_set():
            if not self._has_room():
                self._stopped.wait(LINGER_SECONDS)
                continue
            try:
                messages = self._pull_once()
            except Exception as error:  # grpc's errors share no class but Exception
                if self._stopped.is_set():
                    return
                self._warn_once(f"the broker closed the connection ({_code_of(error)}); trying again")
                now = False
                self._stopped.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                # An idle broker times out too: that says nothing new about whether it answers.
                now, pause = answered or messages is not None, _FIRST_PAUSE_SECONDS
            with self._lock:
                # Difference of booleans: +1 when this thread's pulls get answers again, -1 when they stop.
                self.received.answered += now - answered
            answered = now

    def _has_room(self) -> bool:
        with self._lock:
            messages = sum(len(batch.ack_ids) for batch in self._held)
            size = sum(batch.size for batch in self._held)
        return messages < self._held_messages and size < HELD_BYTES

    def _pull_once(self) -> list[Any] | None:
        """Pull once; return None if the time ran out."""
        # Under the lock, so that `stop` finds every call.
        with self._lock:
            if self._stopped.is_set():
                return None
            call = self._subscription.start_pull(_MESSAGES_A_PULL, _PULL_SECONDS)
            self._calls.add(call)
        try:
            messages = pulled(call)
        finally:
            with self._lock:
                self._calls.discard(call)
        if messages:
            size = sum(len(item.message.data) for item in messages)
            batch = ReceivedBatch(messages, [item.ack_id for item in messages], size)
            with self._lock:  # held before it is queued, so that its lease is extended
                self._held.add(batch)
            self._arrived.put(batch)
            self.received.last_at = time.monotonic()  # a wall clock may be set back
        return messages

    def _write(self) -> None:
        """Write segment after segment until `stop` ends the queue."""
        for batches in self._batches():
            # Nothing is acknowledged meanwhile, so held messages reach their bound and pulling stops.
            while self._full() and not self._stopped.wait(LINGER_SECONDS):
                pass
            self._write_segment(batches)

    def _batches(self) -> Iterator[list[ReceivedBatch]]:
        """Yield what arrived, gathered until a segment is worth its fsync."""
        ended = False
        while not ended:
            first = self._arrived.get()
            if first is None:
                return
            batches, size = [first], first.size
            # The first pull waits at most this long for others to share its fsync.
            until = time.monotonic() + LINGER_SECONDS
            while size < SEGMENT_BYTES:
                try:
                    more = self._arrived.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
                if more is None:
                    ended = True
                    break
                batches.append(more)
                size += more.size
            yield batches

    def _write_segment(self, batches: list[ReceivedBatch]) -> None:
        """Write one segment; retry while the disk refuses, since nothing is acknowledged before."""
        while True:
            try:
                # Inside the loop: a schema that cannot be fetched now is a `ServiceError` as well.
                parts, records = self._lines(batches)
                self._landing.write(parts)
                break
            except ServiceError as error:
                self._warn_once(str(error))
                if self._stopped.wait(_PAUSE_SECONDS):
                    return  # not acknowledged, so the broker sends it again to the next process
        # The first message of a pull is about its oldest.
        oldest = min(_published_at(batch.messages[0].message) for batch in batches)
        self.received.messages += sum(len(batch.ack_ids) for batch in batches)
        self.received.records += records
        self.received.segments += 1
        self.received.lag_seconds = max(0.0, time.time() - oldest)
        self._durable.put(batches)

    def _lines(self, batches: list[ReceivedBatch]) -> tuple[list[bytes], int]:
        parts, records = [], 0
        for batch in batches:
            for item in batch.messages:
                lines, count = self._decoder.lines(item.message.data, item.message.attributes)
                parts.append(lines)
                records += count
        return parts, records

    def _acknowledge(self) -> None:
        """Acknowledge durable messages until `stop` ends the queue; they stay leased until then."""
        while (batches := self._durable.get()) is not None:
            try:
                self._subscription.acknowledge([ack_id for batch in batches for ack_id in batch.ack_ids])
            except Exception as error:  # unheard, the message comes again and is a duplicate
                self._warn_once(f"the broker did not take acknowledgements ({_code_of(error)})")
            # Only now: until then they count as held and stay leased.
            with self._lock:
                self._held.difference_update(batches)

    def _lease(self) -> None:
        """Extend the leases of messages that are not durable yet, well before the subscription's deadline."""
        # A third, so that two renewals may fail before a lease expires.
        period = min(self._subscription.lease_seconds, self._lease_seconds) / 3
        while not self._stopped.wait(period):
            with contextlib.suppress(Exception):  # an expired message comes again
                self._subscription.extend(self.held(), self._lease_seconds)

    def _warn_once(self, line: str) -> None:
        if line != self.received.warning:
            self.received.warning = line
            self._warn(line)


def _published_at(message: Any) -> float:
    return float(message.publish_time.seconds + message.publish_time.nanos / 1e9)


def _code_of(error: Exception) -> str:
    """Return the name of a gRPC status, never its text: that may quote a message."""
    code = getattr(error, "code", None)
    found = code() if callable(code) else code
    return str(getattr(found, "name", None) or type(error).__name__)
