"""Checks of the places: rights of folders and files, what waits to be committed, room, the bucket."""

import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipelines.checkup.check import BAD, OK, WARN, Check
from pipelines.checkup.said import Age, Count, Said, Size
from pipelines.lake import Lake, snapshot, storage
from pipelines.lake.kept_objects import kept_objects
from pipelines.privacy.key_folders import AUTHORITY_PRIVATE
from pipelines.streaming.landing_spool import Landing, Segment
from pipelines.terminal.options import beside
from schemas.tables import ALL_TABLES

LANDING_SECONDS: Final = 900
"""Age of a segment from which on landing is behind; a batch takes seconds."""

_DAY_SECONDS = 86_400
_LITTLE_ROOM = 0.05
_NO_ROOM = 0.01


@dataclass
class _Rights:
    """What was found of the modes of files and folders."""

    seen: int = 0
    world: list[str] = field(default_factory=list)
    group_writes: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    owners: set[int] = field(default_factory=set)
    groups: int = 0


def rights(lake: Lake, keys: Path, ledger: Path) -> Check:
    """Check that files and folders are their owner's alone, but for groups that may read the lake."""
    found = _Rights()
    for path in _paths([Path(storage.local(lake.url)), beside(lake.url, "landing")], found):
        _look(path, found, secret=False)
    # Only of the lake itself: the ledger and the keys may belong to other accounts.
    writers = set(found.owners)
    for path in _paths([ledger], found):  # of the account that asks
        _look(path, found, secret=False)
    for path in _paths([keys], found):
        _look(path, found, secret=path.name == AUTHORITY_PRIVATE)
    # Only the worst finding is reported, so the order matters.
    for paths, template in (
        (found.world, "{paths} open to every account of this machine, such as {first}"),
        (found.group_writes, "{paths} open to a group that must not have it, such as {first}"),
    ):
        if paths:
            number = Count(len(paths), "file or folder", "files or folders")
            detail = Said(template, paths=number, first=paths[0])
            return Check("rights", BAD, detail, "make folders 0700 and files 0600: see docs/security.md")
    if found.closed:
        number = Count(len(found.closed), "folder")
        detail = Said(
            "{folders} may not be looked into, such as {first}", folders=number, first=found.closed[0]
        )
        return Check("rights", WARN, detail, "run it as an account that may read them")
    if len(writers) > 1:
        said = "files belong to several accounts, so no account can replace all of them"
        return Check("rights", WARN, said, "run every writer as one account: see docs/security.md")
    shared = Said(", {number} of them for a group too", number=found.groups) if found.groups else ""
    where = "; the bucket's own rights are the provider's" if storage.is_url(lake.url) else ""
    private = Said(
        "{number} files and folders are private{shared}{where}",
        number=found.seen, shared=shared, where=where,
    )  # fmt: skip
    return Check("rights", OK, private)


def _paths(places: Iterable[Path], found: _Rights) -> Iterator[Path]:
    """Yield places that exist and all below them; note folders that may not be looked into."""
    for place in places:
        if not os.path.lexists(place):
            continue
        yield place

        def closed(error: OSError) -> None:
            if isinstance(error, PermissionError):
                found.closed.append(str(error.filename))

        for parent, folders, names in os.walk(place, onerror=closed):
            yield from (Path(parent, name) for name in (*folders, *names))


def _look(path: Path, found: _Rights, *, secret: bool) -> None:
    """Note the mode of a file; `secret` is for its owner alone."""
    try:
        status = path.lstat()
    except OSError:
        return  # removed meanwhile
    if stat.S_ISLNK(status.st_mode):  # a link has no rights of its own
        return
    found.seen += 1
    found.owners.add(status.st_uid)
    if status.st_mode & stat.S_IRWXO:
        found.world.append(str(path))
    # A group can write, or can read a secret.
    elif status.st_mode & stat.S_IWGRP or (secret and status.st_mode & stat.S_IRWXG):
        found.group_writes.append(str(path))
    found.groups += bool(status.st_mode & stat.S_IRWXG)


def waiting_segments(lake: Lake) -> list[Segment]:
    """What `land` received and has not committed yet."""
    # Listing segments needs neither the series nor the key.
    return [found for place in _landing_places(lake) for found in Landing(place, "", b"").segments()]


def _landing_places(lake: Lake) -> list[str]:
    # `land` keeps segments on this machine, `stream` beside the lake in its store.
    return sorted({str(beside(lake.url, "landing")), f"{lake.url}.landing"})


def landing(lake: Lake) -> Check:
    """Check that what `land` received does not wait for its commit."""
    places, segments = _landing_places(lake), waiting_segments(lake)
    damaged = sum(
        "damaged-" in os.path.basename(found.place) for place in places for found in storage.files(place)
    )
    if damaged:
        detail = Said("{segments} set aside, and not in the lake", segments=Count(damaged, "damaged segment"))
        return Check("landing", BAD, detail, "have the messages sent again, then remove the segments")
    if not segments:
        return Check("landing", OK, "nothing waits for its commit")
    age = time.time() - min(segment.since for segment in segments)
    detail = Said(
        "{segments} of {size}, the oldest {age} old",
        segments=Count(len(segments), "segment"),
        size=Size(sum(segment.size for segment in segments)),
        age=Age(age),
    )
    if age < LANDING_SECONDS:
        return Check("landing", OK, detail)
    return Check(
        "landing", BAD if age > _DAY_SECONDS else WARN, detail, "start truyvet land, and see what it says"
    )


def bucket(lake: Lake) -> Check:
    """Check that the store keeps nothing that was deleted."""
    kept = kept_objects(lake.url)
    state = {None: WARN, True: BAD, False: OK}[kept.keeps]
    return Check("deleted objects", state, kept.detail, kept.remedy)


def disk(lake: Lake) -> Check:
    """Check that there is room to write, and to rewrite, the lake."""
    place = Path(storage.local(lake.url))
    # The folder may not exist yet: measure the disk that it would be on.
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    size = sum(file.size for name in ALL_TABLES for file in snapshot(lake, name).files)
    needed = 0 if storage.is_url(lake.url) else size
    share = usage.free / usage.total if usage.total else 0.0
    detail = Said(
        "{free} free ({share}), the lake holds {size}",
        free=Size(usage.free), share=f"{share:.0%}", size=Size(size),
    )  # fmt: skip
    if share < _NO_ROOM:
        return Check("disk", BAD, detail, "make room: without it neither scans nor the ledger are written")
    if share < _LITTLE_ROOM or usage.free < needed:
        return Check("disk", WARN, detail, "make room: a rotation writes the whole lake once more")
    return Check("disk", OK, detail)
