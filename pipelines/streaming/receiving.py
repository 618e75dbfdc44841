"""Messages from several streams to durable segments: pull, append, fsync, rename, fsync, then acknowledge.

The broker sends no more than it is allowed to have outstanding, so what is
held in memory is bounded whatever waits there. While segments pile up nothing
is appended, nothing acknowledged, and so nothing more is sent.
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
from pipelines.streaming.broker import Subscription
from pipelines.streaming.segments import Landing

STREAMS: Final = 16
HELD_MESSAGES: Final = 20_000
HELD_BYTES: Final = 128 << 20
SEGMENT_BYTES: Final = 16 << 20
LINGER_SECONDS: Final = 0.05
LEASE_SECONDS: Final = 30

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_PAUSE_SECONDS = 1.0


@dataclass
class Received:
    """What has come in so far; written by the receiver alone.

    Attributes:
        messages: that are durable.
        records: scans in them.
        segments: that hold them.
        last_at: when the last message came, seconds of the monotonic clock.
        lag_seconds: between the publishing of a message and its being durable, of the last segment.
        connected: streams that are open.
        said: the last trouble, told once.
    """

    messages: int = 0
    records: int = 0
    segments: int = 0
    last_at: float = field(default_factory=time.monotonic)
    lag_seconds: float = 0.0
    connected: int = 0
    said: str = ""


class Receiver:
    """Streams and the one writer of a process."""

    def __init__(
        self,
        subscription: Subscription,
        landing: Landing,
        decoder: Decoder,
        *,
        full: Callable[[], bool],
        say: Callable[[str], None],
        streams: int = STREAMS,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            subscription: where messages come from.
            landing: where they go.
            decoder: what turns them into lines.
            full: whether so many segments wait that no more may be written.
            say: tells people about trouble, a line at a time.
            streams: how many pull at once.
            lease_seconds: how long the broker waits for an acknowledgement before it sends again.
        """
        self.received = Received()
        self._subscription, self._landing, self._decoder = subscription, landing, decoder
        self._full, self._say, self._lease_seconds = full, say, lease_seconds
        self._stopped = threading.Event()
        self._arrived: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self._held: dict[int, list[str]] = {}
        self._calls: list[Any] = []
        self._lock = threading.Lock()
        share = (HELD_MESSAGES // streams, HELD_BYTES // streams)
        self._pullers = [
            threading.Thread(target=self._pull, args=share, name=f"pull-{number}", daemon=True)
            for number in range(streams)
        ]
        self._writer = threading.Thread(target=self._write, name="write", daemon=True)
        self._leaser = threading.Thread(target=self._lease, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to pull."""
        for thread in (self._writer, self._leaser, *self._pullers):
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

    def _pull(self, messages: int, size: int) -> None:
        """Keep one stream open, with longer pauses between trials while there is none."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopped.is_set():
            try:
                if self._read_stream(messages, size):
                    pause = _FIRST_PAUSE_SECONDS
            except Exception as error:  # grpc's errors share no class worth naming
                if not self._stopped.is_set():
                    self._trouble(f"the broker broke off ({_code_of(error)}); trying again")
            self._stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _read_stream(self, messages: int, size: int) -> bool:
        """Read one stream to its end; whether anything came."""
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        requests.put(self._subscription.first_request(self._lease_seconds, messages, size))
        call = self._subscription.stream(iter(requests.get, None))
        came = False
        with self._lock:
            self._calls.append(call)
            self.received.connected += 1
        try:
            for response in call:
                came = True
                found = response.received_messages
                with self._lock:
                    self._held[id(found)] = [message.ack_id for message in found]
                self._arrived.put(found)
                self.received.last_at = time.monotonic()
                if self._stopped.is_set():
                    break
        finally:
            requests.put(None)
            call.cancel()
            with self._lock:
                self._calls.remove(call)
                self.received.connected -= 1
        return came

    def _write(self) -> None:
        """Make one segment after the other durable until told to end."""
        for batches in self._batches():
            while self._full() and not self._stopped.wait(LINGER_SECONDS):
                pass
            self._write_segment(batches)

    def _batches(self) -> Iterator[list[list[Any]]]:
        """What arrived, gathered until a segment is worth its fsync."""
        ended = False
        while not ended:
            first = self._arrived.get()
            if first is None:
                return
            batches, size = [first], _size_of(first)
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
                size += _size_of(more)
            yield batches

    def _write_segment(self, batches: list[list[Any]]) -> None:
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
        oldest = min(_published_at(batch[0].message) for batch in batches)
        ack_ids = self._let_go(batches)
        self.received.messages += len(ack_ids)
        self.received.records += records
        self.received.segments += 1
        self.received.lag_seconds = max(0.0, time.time() - oldest)
        try:
            self._subscription.acknowledge(ack_ids)
        except Exception as error:  # what the broker has not heard comes again, as a duplicate
            self._trouble(f"the broker did not take acknowledgements ({_code_of(error)})")

    def _lines(self, batches: list[list[Any]]) -> tuple[list[bytes], int]:
        parts, records = [], 0
        for batch in batches:
            for item in batch:
                lines, count = self._decoder.lines(item.message.data, item.message.attributes)
                parts.append(lines)
                records += count
        return parts, records

    def _let_go(self, batches: list[list[Any]]) -> list[str]:
        with self._lock:
            return [ack_id for batch in batches for ack_id in self._held.pop(id(batch))]

    def _lease(self) -> None:
        """Ask for more time for what is not durable yet."""
        while not self._stopped.wait(self._lease_seconds / 3):
            with self._lock:
                held = [ack_id for ids in self._held.values() for ack_id in ids]
            with contextlib.suppress(Exception):  # it comes again
                self._subscription.extend(held, self._lease_seconds)

    def _trouble(self, line: str) -> None:
        if line != self.received.said:
            self.received.said = line
            self._say(line)


def _size_of(messages: list[Any]) -> int:
    return sum(len(item.message.data) for item in messages)


def _published_at(message: Any) -> float:
    return float(message.publish_time.seconds + message.publish_time.nanos / 1e9)


def _code_of(error: Exception) -> str:
    """The name of a status, never its text."""
    code = getattr(error, "code", None)
    found = code() if callable(code) else code
    return str(getattr(found, "name", None) or type(error).__name__)
