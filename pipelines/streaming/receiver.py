"""Messages to durable segments: pull, append, fsync, rename, fsync, then acknowledge.

Nothing is asked for while so much is held that more would need more memory, so
what is held is bounded whatever waits at the broker. While segments pile up
nothing is appended and nothing acknowledged, and soon nothing is asked for.
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
from pipelines.streaming.broker import Subscription, arrived
from pipelines.streaming.landing_spool import Landing

PULLS: Final = 4
HELD_MESSAGES: Final = 20_000
HELD_BYTES: Final = 128 << 20
SEGMENT_BYTES: Final = 16 << 20
LINGER_SECONDS: Final = 0.05
LEASE_SECONDS: Final = 30

_MESSAGES_A_PULL = 1000
_PULL_SECONDS = 10.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_PAUSE_SECONDS = 1.0


@dataclass
class Received:
    """What has come in so far.

    Attributes:
        messages: that are durable.
        records: scans in them.
        segments: that hold them.
        last_at: when the last message came, seconds of the monotonic clock.
        lag_seconds: between the publishing of a message and its being durable, of the last segment.
        answered: pulls that the broker has answered last time.
        said: the last trouble, told once.
    """

    messages: int = 0
    records: int = 0
    segments: int = 0
    last_at: float = field(default_factory=time.monotonic)
    lag_seconds: float = 0.0
    answered: int = 0
    said: str = ""


@dataclass(frozen=True, eq=False)
class ReceivedBatch:
    """The messages of one pull.

    Attributes:
        messages: as they came, `ReceivedMessage`.
        ack_ids: of them.
        size: bytes of their data.
    """

    messages: list[Any]
    ack_ids: list[str]
    size: int


class Receiver:
    """Pulls and the one writer of a process."""

    def __init__(
        self,
        subscription: Subscription,
        landing: Landing,
        decoder: Decoder,
        *,
        full: Callable[[], bool],
        say: Callable[[str], None],
        pulls: int = PULLS,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            subscription: where messages come from.
            landing: where they go.
            decoder: what turns them into lines.
            full: whether so many segments wait that no more may be written.
            say: tells people about trouble, a line at a time.
            pulls: how many are under way at once.
            lease_seconds: for how long the broker is asked to wait on for an acknowledgement.
        """
        self.received = Received(answered=pulls)
        self._subscription, self._landing, self._decoder = subscription, landing, decoder
        self._full, self._say, self._lease_seconds = full, say, lease_seconds
        self._stopped = threading.Event()
        self._arrived: queue.SimpleQueue[ReceivedBatch | None] = queue.SimpleQueue()
        self._durable: queue.SimpleQueue[list[ReceivedBatch] | None] = queue.SimpleQueue()
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
        """Begin to pull."""
        for thread in (self._writer, self._acknowledger, self._leaser, *self._pullers):
            thread.start()

    def stop(self) -> None:
        """Pull no more, make durable what has come, acknowledge it."""
        self._stopped.set()
        with self._lock:
            for call in self._calls:
                call.cancel()
        for puller in self._pullers:
            puller.join(_LONGEST_PAUSE_SECONDS)
        self._arrived.put(None)
        self._writer.join()
        self._durable.put(None)
        self._acknowledger.join()

    def _pull(self) -> None:
        """Pull again and again, with longer pauses between trials while the broker does not answer."""
        pause, answered = _FIRST_PAUSE_SECONDS, True
        while not self._stopped.is_set():
            if not self._has_room():
                self._stopped.wait(LINGER_SECONDS)
                continue
            try:
                came = self._ask()
            except Exception as error:  # grpc's errors share no class worth naming
                if self._stopped.is_set():
                    return
                self._trouble(f"the broker broke off ({_code_of(error)}); trying again")
                now, pause = False, self._rested(pause)
            else:
                now, pause = answered or came is not None, _FIRST_PAUSE_SECONDS
            with self._lock:
                self.received.answered += now - answered
            answered = now

    def _rested(self, pause: float) -> float:
        """Wait; the next pause."""
        self._stopped.wait(pause)
        return min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _has_room(self) -> bool:
        with self._lock:
            messages, size = sum(len(batch.ack_ids) for batch in self._held), self._held_bytes()
        return messages < HELD_MESSAGES and size < HELD_BYTES

    def _held_bytes(self) -> int:
        return sum(batch.size for batch in self._held)

    def _ask(self) -> list[Any] | None:
        """Pull once; None when the broker has not answered in time."""
        with self._lock:
            if self._stopped.is_set():
                return None
            call = self._subscription.asking(_MESSAGES_A_PULL, _PULL_SECONDS)
            self._calls.add(call)
        try:
            found = arrived(call)
        finally:
            with self._lock:
                self._calls.discard(call)
        if found:
            size = sum(len(item.message.data) for item in found)
            batch = ReceivedBatch(found, [item.ack_id for item in found], size)
            with self._lock:
                self._held.add(batch)
            self._arrived.put(batch)
            self.received.last_at = time.monotonic()
        return found

    def _write(self) -> None:
        """Make one segment after the other durable until told to end."""
        for batches in self._batches():
            while self._full() and not self._stopped.wait(LINGER_SECONDS):
                pass
            self._write_segment(batches)

    def _batches(self) -> Iterator[list[ReceivedBatch]]:
        """What arrived, gathered until a segment is worth its fsync."""
        ended = False
        while not ended:
            first = self._arrived.get()
            if first is None:
                return
            batches, size = [first], first.size
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
        """One segment; a disk that refuses is asked again, for nothing is acknowledged before."""
        while True:
            try:
                parts, records = self._lines(batches)
                self._landing.write(parts)
                break
            except ServiceError as error:
                self._trouble(str(error))
                if self._stopped.wait(_PAUSE_SECONDS):
                    return  # unacknowledged: it comes again, to whoever is there then
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
        """Tell the broker what is durable, until told to end; held, and so leased, until then."""
        while (batches := self._durable.get()) is not None:
            try:
                self._subscription.acknowledge([ack_id for batch in batches for ack_id in batch.ack_ids])
            except Exception as error:  # what the broker has not heard comes again, as a duplicate
                self._trouble(f"the broker did not take acknowledgements ({_code_of(error)})")
            with self._lock:
                self._held.difference_update(batches)

    def _lease(self) -> None:
        """Ask for more time for what is not durable yet, well before the subscription's own deadline."""
        period = min(self._subscription.lease_seconds, self._lease_seconds) / 3
        while not self._stopped.wait(period):
            with self._lock:
                held = [ack_id for batch in self._held for ack_id in batch.ack_ids]
            with contextlib.suppress(Exception):  # it comes again
                self._subscription.extend(held, self._lease_seconds)

    def _trouble(self, line: str) -> None:
        if line != self.received.said:
            self.received.said = line
            self._say(line)


def _published_at(message: Any) -> float:
    return float(message.publish_time.seconds + message.publish_time.nanos / 1e9)


def _code_of(error: Exception) -> str:
    """The name of a status, never its text."""
    code = getattr(error, "code", None)
    found = code() if callable(code) else code
    return str(getattr(found, "name", None) or type(error).__name__)
