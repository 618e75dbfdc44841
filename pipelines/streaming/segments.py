"""The landing: sealed segments of messages that are acknowledged and not committed yet.

`LAKE.landing` lies beside the lake. A segment appears under its name only when
it is durable, and belongs to everybody from then on: whoever holds the turn
commits the segments of all, of the dead as well. What is to be committed next
is written down before it is tried, so that a batch which died is tried again
as the same batch and the lake takes it once.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.ingest.inputs import Chunk
from pipelines.ingest.sources import SEALED
from pipelines.lake import Lake
from pipelines.lake.files import TEMPORARY, make_private, sync_path, unfinished, writing
from pipelines.options import beside
from pipelines.sealed import seal_into

BATCH_BYTES: Final = 128 << 20
"""A batch takes no further segment beyond this many bytes."""

BATCH_SEGMENTS: Final = 512

_SUFFIX = ".segment"
_NEXT = "next.json"
_NAME = "landing.json"
_TURN = "turn.lock"
_DAMAGED = "damaged-"
_FORGOTTEN_SECONDS = 600


@dataclass(frozen=True)
class Segment:
    """A durable segment.

    Attributes:
        path: where it lies.
        size: bytes.
        since: when it was made, seconds since 1970.
    """

    path: Path
    size: int
    since: float


@dataclass(frozen=True)
class Planned:
    """A batch that has been written down.

    Attributes:
        number: in the landing's series; ascends.
        received_us: the one instant at which it counts as received.
        names: of its segments.
    """

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

    folder: Path
    series: str
    key: bytes

    def write(self, parts: Iterable[bytes]) -> Path:
        """Make a segment durable.

        Args:
            parts: lines of JSON.

        Raises:
            ServiceError: the disk does not take it.
        """
        name = f"{time.time_ns():020}-{os.urandom(4).hex()}{_SUFFIX}"
        with writing(self.folder), unfinished(self.folder) as (file, path):
            seal_into(file, self.key, parts)
            os.fsync(file.fileno())
            os.rename(path, self.folder / name)
            sync_path(self.folder)
        return self.folder / name

    def segments(self) -> list[Segment]:
        """All segments that wait, the oldest first."""
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX) and not entry.name.startswith((TEMPORARY, _DAMAGED)):
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat()
                        found.append(Segment(Path(entry.path), status.st_size, status.st_mtime))
        return sorted(found, key=lambda segment: segment.path.name)

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether this process may commit segments now; nobody else may until the block ends."""
        handle = os.open(self.folder / _TURN, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(handle)

    def plan(self, after: int) -> Planned | None:
        """The batch that was written down and not done, else a new one; None when nothing waits.

        Args:
            after: the last number that the lake knows of this series.

        Raises:
            ServiceError: the disk does not take it.
        """
        with contextlib.suppress(FileNotFoundError):
            said = json.loads((self.folder / _NEXT).read_bytes())
            return Planned(said["number"], said["received_us"], tuple(said["names"]))
        names: list[str] = []
        size = 0
        for segment in self.segments()[:BATCH_SEGMENTS]:
            if names and size + segment.size > BATCH_BYTES:
                break
            names.append(segment.path.name)
            size += segment.size
        if not names:
            return None
        now_us = time.time_ns() // 1000
        planned = Planned(max(now_us, after + 1), now_us, tuple(names))  # the clock may have been set back
        said = {"number": planned.number, "received_us": planned.received_us, "names": names}
        self._put(_NEXT, json.dumps(said).encode())
        return planned

    def chunks(self, planned: Planned) -> list[Chunk]:
        """A batch's segments as ingest reads them; those that have gone are left out."""
        chunks: list[Chunk] = []
        for name in planned.names:
            path = self.folder / name
            with contextlib.suppress(FileNotFoundError):
                size = path.stat().st_size
                chunks.append(Chunk(len(chunks), str(path), "ndjson", SEALED, 0, size, self.key))
        return chunks

    def done(self, planned: Planned) -> None:
        """Remove what has been committed.

        Raises:
            ServiceError: it cannot be removed.
        """
        with writing(self.folder):
            for name in planned.names:
                (self.folder / name).unlink(missing_ok=True)
            sync_path(self.folder)  # before the plan goes: else a segment could come back without it
            (self.folder / _NEXT).unlink(missing_ok=True)

    def set_aside(self, names: Sequence[str]) -> None:
        """Keep damaged segments where nobody takes them for whole ones."""
        for name in names:
            os.rename(self.folder / name, self.folder / f"{_DAMAGED}{name}")
        sync_path(self.folder)

    def sweep(self) -> None:
        """Remove what killed processes were still writing; its messages come again."""
        before = time.time() - _FORGOTTEN_SECONDS
        for path in self.folder.glob(f"{TEMPORARY}*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def _put(self, name: str, content: bytes) -> None:
        with writing(self.folder), unfinished(self.folder) as (file, path):
            file.write(content)
            os.fsync(file.fileno())
            os.rename(path, self.folder / name)
            sync_path(self.folder)


def open_landing(lake: Lake, key: bytes) -> Landing:
    """The landing of a lake, made when there is none.

    Args:
        lake: the lake.
        key: `Keys.landing_key`.

    Raises:
        ServiceError: it cannot be made.
    """
    folder = beside(lake.url, "landing")
    named = folder / _NAME
    with writing(folder):
        make_private(folder)
        if not named.exists():
            with unfinished(folder) as (file, path):
                file.write(json.dumps({"series": f"landing-{os.urandom(8).hex()}"}).encode())
                os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):
                    os.link(path, named)
            sync_path(folder)
            sync_path(folder.parent)
    return Landing(folder, json.loads(named.read_bytes())["series"], key)
