"""The landing: a spool of sealed segments whose messages are acknowledged but not yet committed.

`LAKE.landing` lies beside the lake. A segment appears under its name only once
it is durable. From then on any process that holds the lock may commit it,
including segments of processes that have crashed.

A batch is written down as a plan before it is tried, so that a batch that died
halfway is retried as the same batch and the lake takes it once.

An object store has no lock. There the plan alone keeps two machines apart: it
is created only if absent, under the number of the batch before it. The second
machine finds it and carries out the same plan, which the lake takes once.
"""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pipelines.ingest.formats.discovery.streams import SEALED
from pipelines.lake import Lake, storage
from pipelines.lake.durable_files import TEMPORARY, make_private, writing
from pipelines.privacy.sealed_file import seal_into
from pipelines.terminal.options import beside

if TYPE_CHECKING:
    from pipelines.ingest.formats.discovery.discover import Chunk

BATCH_BYTES: Final = 128 << 20
"""A batch takes no further segment beyond this many bytes."""

BATCH_SEGMENTS: Final = 512

_SUFFIX = ".segment"
_PLAN, _JSON = "next-", ".json"
_FORMER = "next.json"
"""The plan of the version before plans were named; only ever on a disk."""

_LANDING = "landing"
_NAME = "landing.json"
_LOCK = "turn.lock"
_DAMAGED = "damaged-"
_ABANDONED_SECONDS = 600
_STEP = 1 << 32


@dataclass(frozen=True)
class Segment:
    """A durable segment.

    Attributes:
        place: its path or URL.
        size: bytes.
        since: when it was made, seconds since 1970.
    """

    place: str
    size: int
    since: float


@dataclass(frozen=True)
class PlannedBatch:
    """A batch that has been written down.

    Attributes:
        place: path or URL of the plan.
        after: number of the batch before it.
        number: of this batch in the landing's series; numbers ascend.
        received_us: the one instant at which all of it counts as received.
        names: its segments.

    >>> _next_names([Segment("/l/a.segment", BATCH_BYTES, 0.0), Segment("/l/b.segment", 1, 0.0)])
    ['a.segment']
    """

    place: str
    after: int
    number: int
    received_us: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Landing:
    """The segments of a lake.

    Attributes:
        folder: `LAKE.landing`.
        series: name of this folder's batches in the lake.
        key: what segments are sealed with.
    """

    folder: str
    series: str
    key: bytes

    def write(self, parts: Iterable[bytes]) -> str:
        """Write a segment, make it durable and return its path or URL.

        Args:
            parts: lines of JSON.

        Raises:
            ServiceError: the disk or the store does not take it.
        """
        # Names sort by time and are unique across writers.
        name = f"{time.time_ns():020}-{os.urandom(4).hex()}{_SUFFIX}"
        with writing(self.folder), storage.new_file(self.folder) as new:
            seal_into(new.file, self.key, parts)
            new.keep(name)
            storage.sync(self.folder)
        return f"{self.folder}/{name}"

    def segments(self) -> list[Segment]:
        """Return all waiting segments, oldest first.

        Raises:
            ServiceError: the store cannot be reached.
        """
        return self._list()[0]

    @contextlib.contextmanager
    def lock(self) -> Iterator[bool]:
        """Yield whether this process may commit; on this machine no other may until the block ends."""
        if storage.is_url(self.folder):
            yield True
            return
        handle = os.open(f"{self.folder}/{_LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(handle)  # releases the lock

    def plan(self, committed: int, known: int) -> PlannedBatch | None:
        """Return the batch that was planned and not finished, else plan one; None if nothing waits.

        Carry it out only while the lake still has no batch beyond `committed`. A plan that follows a later
        batch belongs to a machine that is ahead, unless the lake has been restored to an earlier state.

        Args:
            committed: number of the last batch of this series in `scans`, 0 for none.
            known: highest number that any table of the lake has.

        Raises:
            ServiceError: the disk or the store does not take the plan.
        """
        waiting, plans = self._list()
        former = None
        # The plan that follows `committed`; any other is done, ahead or stale.
        place = f"{self.folder}/{_PLAN}{committed}{_JSON}"
        for other in plans - {place}:
            old = self._read(other)
            # Committed but not removed yet, or by a machine that is ahead: the caller tells which.
            if old is not None and (old.number == committed or old.after > committed):
                return old
            if old is not None and _name(other) == _FORMER and old.number >= known:
                former = old
            else:
                storage.remove_each([other])  # made after the lake had gone on: its segments still wait
        # A named plan takes precedence, unless some table already has the former batch.
        if former is not None and (place not in plans or former.number == known):
            return former
        if place not in plans:
            names = _next_names(waiting)
            if not names:
                return None
            # A random step rather than a clock, which may go back; and no two plans share a number.
            number = known + 1 + secrets.randbelow(_STEP)
            now_us = time.time_ns() // 1000
            content = {"after": committed, "number": number, "received_us": now_us, "names": names}
            with writing(self.folder):  # only one of several machines succeeds
                storage.put_new(place, json.dumps(content).encode())
        # Another machine may have been faster: this is its plan then, or None if it is already done.
        return self._read(place)

    def chunks(self, planned: PlannedBatch) -> "list[Chunk]":
        """Return a batch's segments as ingest reads them, without those that are gone."""
        # Here and not above: who only asks what waits need not load the kernels.
        from pipelines.ingest.formats.discovery.discover import Chunk

        places = [f"{self.folder}/{name}" for name in planned.names]
        found = [status for status in storage.statuses(places) if status is not None]
        return [
            Chunk(number, status.place, "ndjson", SEALED, 0, status.size, self.key)
            for number, status in enumerate(found)
        ]

    def done(self, planned: PlannedBatch) -> None:
        """Remove the segments and the plan of a committed batch.

        Raises:
            ServiceError: they cannot be removed.
        """
        with writing(self.folder):
            storage.remove_each(f"{self.folder}/{name}" for name in planned.names)
            # Before the plan goes: after a crash a segment could come back without its plan.
            storage.sync(self.folder)
            self.drop(planned)

    def drop(self, planned: PlannedBatch) -> None:
        """Remove a plan; its segments are planned again.

        Raises:
            ServiceError: it cannot be removed.
        """
        with writing(self.folder):
            storage.remove_each([planned.place])

    def set_aside(self, names: Sequence[str]) -> None:
        """Rename damaged segments so that they are kept but no longer read.

        Raises:
            ServiceError: they cannot be renamed.
        """
        with writing(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    storage.rename(f"{self.folder}/{name}", f"{_DAMAGED}{name}")
            storage.sync(self.folder)

    def sweep(self) -> None:
        """Remove files that killed processes were writing; the broker sends their messages again."""
        before_ns = (time.time() - _ABANDONED_SECONDS) * 1e9
        old = [found.place for found in storage.files(self.folder) if found.modified_ns < before_ns]
        storage.remove_each(place for place in old if _name(place).startswith(TEMPORARY))

    def _list(self) -> tuple[list[Segment], set[str]]:
        """Return the waiting segments, oldest first, and the places of the plans."""
        segments, plans = [], set()
        for found in storage.files(self.folder):
            name = _name(found.place)
            if name.startswith(_PLAN) or name == _FORMER:
                plans.add(found.place)
            elif name.endswith(_SUFFIX) and not name.startswith((TEMPORARY, _DAMAGED)):
                segments.append(Segment(found.place, found.size, found.modified_ns / 1e9))
        return sorted(segments, key=lambda segment: segment.place), plans  # names begin with a timestamp

    def _read(self, place: str) -> PlannedBatch | None:
        """Return a plan, or None if it has been carried out and removed."""
        try:
            content = json.loads(storage.read(place))
        except FileNotFoundError:
            return None
        after = content.get("after", 0)  # absent in plans of the former version
        return PlannedBatch(place, after, content["number"], content["received_us"], tuple(content["names"]))


def _name(place: str) -> str:
    return place.rpartition("/")[2]


def _next_names(waiting: Sequence[Segment]) -> list[str]:
    """Return the names of the segments that the next batch takes."""
    names: list[str] = []
    size = 0
    for segment in waiting[:BATCH_SEGMENTS]:
        # A batch takes at least one segment, however large.
        if names and size + segment.size > BATCH_BYTES:
            break
        names.append(_name(segment.place))
        size += segment.size
    return names


def open_landing(lake: Lake, key: bytes, *, shared: bool = False) -> Landing:
    """Open the landing of a lake, which is made if there is none.

    Args:
        lake: the lake.
        key: `Keys.landing_key`.
        shared: whether other machines must reach it. The landing of a lake in an object store then lies in
            the store too, beside the lake.

    Raises:
        ServiceError: it cannot be made.
    """
    folder = f"{lake.url}.{_LANDING}" if shared else str(beside(lake.url, _LANDING))
    named = f"{folder}/{_NAME}"
    with writing(folder):
        if not storage.is_url(folder):
            make_private(folder)
        if not storage.exists(named):
            storage.put_new(named, json.dumps({"series": f"landing-{os.urandom(8).hex()}"}).encode())
    # Read it back: another process may have been first.
    return Landing(folder, json.loads(storage.read(named))["series"], key)
