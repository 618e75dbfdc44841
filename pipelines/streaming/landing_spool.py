"""The landing: sealed segments of messages that are acknowledged and not committed yet.

`LAKE.landing` lies beside the lake. A segment appears under its name only when
it is durable, and belongs to everybody from then on: whoever holds the turn
commits the segments of all, of the dead as well. What is to be committed next
is written down before it is tried, so that a batch which died is tried again
as the same batch and the lake takes it once.

In an object store nobody can hold a turn. There the plan alone keeps two
apart: it is put where there is none, under the number of the batch before it,
and whoever comes second carries out the same plan, of which the lake takes one.
"""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.ingest.formats.discover import Chunk
from pipelines.ingest.formats.streams import SEALED
from pipelines.lake import Lake, storage
from pipelines.lake.durable_files import TEMPORARY, make_private, writing
from pipelines.privacy.sealed_file import seal_into
from pipelines.terminal.options import beside

BATCH_BYTES: Final = 128 << 20
"""A batch takes no further segment beyond this many bytes."""

BATCH_SEGMENTS: Final = 512

_SUFFIX = ".segment"
_PLAN, _JSON = "next-", ".json"
_FORMER = "next.json"
"""A plan of the version before plans were named; it lies on a disk only."""

_LANDING = "landing"
_NAME = "landing.json"
_TURN = "turn.lock"
_DAMAGED = "damaged-"
_FORGOTTEN_SECONDS = 600
_STEP = 1 << 32


@dataclass(frozen=True)
class Segment:
    """A durable segment.

    Attributes:
        place: where it lies.
        size: bytes.
        since: when it was made, seconds since 1970.
    """

    place: str
    size: int
    since: float


@dataclass(frozen=True)
class Planned:
    """A batch that has been written down.

    Attributes:
        place: where that is.
        after: the number of the batch before it.
        number: in the landing's series; ascends.
        received_us: the one instant at which it counts as received.
        names: of its segments.
    """

    place: str
    after: int
    number: int
    received_us: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Landing:
    """The folder of segments of a lake.

    Attributes:
        folder: `LAKE.landing`.
        series: names this folder's batches in the lake.
        key: what segments are sealed with.
    """

    folder: str
    series: str
    key: bytes

    def write(self, parts: Iterable[bytes]) -> str:
        """Make a segment durable; returns its place.

        Args:
            parts: lines of JSON.

        Raises:
            ServiceError: the disk or the store does not take it.
        """
        name = f"{time.time_ns():020}-{os.urandom(4).hex()}{_SUFFIX}"
        with writing(self.folder), storage.new_file(self.folder) as new:
            seal_into(new.file, self.key, parts)
            new.keep(name)
            storage.sync(self.folder)
        return f"{self.folder}/{name}"

    def segments(self) -> list[Segment]:
        """All segments that wait, the oldest first.

        Raises:
            ServiceError: the store cannot be asked.
        """
        return self._look()[0]

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether this process may commit segments now; of one machine no other may until the block ends."""
        if storage.is_url(self.folder):
            yield True
            return
        handle = os.open(f"{self.folder}/{_TURN}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(handle)

    def plan(self, committed: int, known: int) -> Planned | None:
        """The batch that was written down and not done, else a new one; None when there is none.

        It is to be carried out only while the lake still knows no number beyond `committed`.
        One that follows a later batch is of those ahead, unless the lake has been restored.

        Args:
            committed: the number of the last batch of this series whose scans the lake has, 0 of none.
            known: the highest number that any table of the lake knows.

        Raises:
            ServiceError: the disk or the store does not take it.
        """
        waiting, plans = self._look()
        former = None
        place = f"{self.folder}/{_PLAN}{committed}{_JSON}"
        for other in plans - {place}:
            old = self._read(other)
            if old is not None and (old.number == committed or old.after > committed):
                return old
            if old is not None and _name(other) == _FORMER and old.number >= known:
                former = old
            else:
                storage.remove_each([other])  # made when the lake had gone on: its segments still wait
        if former is not None and (place not in plans or former.number == known):
            return former
        if place not in plans:
            names = _batch(waiting)
            if not names:
                return None
            number = known + 1 + secrets.randbelow(_STEP)  # no clock ascends, and no two plans share a number
            now_us = time.time_ns() // 1000
            said = {"after": committed, "number": number, "received_us": now_us, "names": names}
            with writing(self.folder):
                storage.put_new(place, json.dumps(said).encode())
        return self._read(place)  # another's, when that one was faster; None when it has been done as well

    def chunks(self, planned: Planned) -> list[Chunk]:
        """A batch's segments as ingest reads them; those that have gone are left out."""
        places = [f"{self.folder}/{name}" for name in planned.names]
        found = [status for status in storage.statuses(places) if status is not None]
        return [
            Chunk(number, status.place, "ndjson", SEALED, 0, status.size, self.key)
            for number, status in enumerate(found)
        ]

    def done(self, planned: Planned) -> None:
        """Remove what has been committed.

        Raises:
            ServiceError: it cannot be removed.
        """
        with writing(self.folder):
            storage.remove_each(f"{self.folder}/{name}" for name in planned.names)
            storage.sync(self.folder)  # before the plan goes: else a segment could come back without it
            self.drop(planned)

    def drop(self, planned: Planned) -> None:
        """Forget a plan; what waits of its segments is planned anew.

        Raises:
            ServiceError: it cannot be removed.
        """
        with writing(self.folder):
            storage.remove_each([planned.place])

    def set_aside(self, names: Sequence[str]) -> None:
        """Keep damaged segments where nobody takes them for whole ones.

        Raises:
            ServiceError: they cannot be renamed.
        """
        with writing(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    storage.rename(f"{self.folder}/{name}", f"{_DAMAGED}{name}")
            storage.sync(self.folder)

    def sweep(self) -> None:
        """Remove what killed processes were still writing; its messages come again."""
        before_ns = (time.time() - _FORGOTTEN_SECONDS) * 1e9
        old = [found.place for found in storage.files(self.folder) if found.modified_ns < before_ns]
        storage.remove_each(place for place in old if _name(place).startswith(TEMPORARY))

    def _look(self) -> tuple[list[Segment], set[str]]:
        """The segments that wait, the oldest first, and the places of the plans."""
        segments, plans = [], set()
        for found in storage.files(self.folder):
            name = _name(found.place)
            if name.startswith(_PLAN) or name == _FORMER:
                plans.add(found.place)
            elif name.endswith(_SUFFIX) and not name.startswith((TEMPORARY, _DAMAGED)):
                segments.append(Segment(found.place, found.size, found.modified_ns / 1e9))
        return sorted(segments, key=lambda segment: segment.place), plans

    def _read(self, place: str) -> Planned | None:
        """A plan; None when it has been done."""
        try:
            said = json.loads(storage.read(place))
        except FileNotFoundError:
            return None
        after = said.get("after", 0)  # the former version did not say it
        return Planned(place, after, said["number"], said["received_us"], tuple(said["names"]))


def _name(place: str) -> str:
    return place.rpartition("/")[2]


def _batch(waiting: Sequence[Segment]) -> list[str]:
    """The names of the segments that the next batch takes."""
    names: list[str] = []
    size = 0
    for segment in waiting[:BATCH_SEGMENTS]:
        if names and size + segment.size > BATCH_BYTES:
            break
        names.append(_name(segment.place))
        size += segment.size
    return names


def open_landing(lake: Lake, key: bytes, *, shared: bool = False) -> Landing:
    """The landing of a lake, made when there is none.

    Args:
        lake: the lake.
        key: `Keys.landing_key`.
        shared: whether other machines have to reach it: then that of a lake in an object store
            lies there too, beside the lake.

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
    return Landing(folder, json.loads(storage.read(named))["series"], key)
