"""Deliver scans as files, one per day of arrival, late ones in a folder of their own, and count them."""

import os
from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from pipelines.simulate.dtypes import Rows
from pipelines.simulate.lines import Names, write_lines
from pipelines.simulate.malformed import FLAWS
from pipelines.simulate.observe import AGAIN, ENTERING, LEAVING, PHOTOGRAPHED, REMOTE, SCAN
from pipelines.simulate.people import People
from pipelines.simulate.places import GUARD, ONE_WAY, SELF, Places
from pipelines.simulate.settings import Settings
from pipelines.simulate.threads import in_order

FOLDERS = ("scans", "late")
MAX_AGE_DAYS, MAX_AHEAD_DAYS = 60, 1
"""Limits of the pipeline on the age of a record, measured from the end of the world."""

_DAY = 86_400
_LINES_AT_ONCE = 1 << 16
_KINDS = {
    "entering": ENTERING,
    "leaving": LEAVING,
    "again": AGAIN,
    "photographed": PHOTOGRAPHED,
    "remote": REMOTE,
}


def create(path: Path) -> IO[bytes]:
    """Open a new file that only its owner may read."""
    # O_EXCL: never over a file that is there.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@dataclass
class Delivery:
    """Scans on their way into the files of a folder.

    Attributes:
        settings: of the world.
        out: the folder.
        people: everybody.
        places: all places.
        names: texts that the lines need.
        pool: threads that write lines.
        waiting: scans that have not arrived, by folder (position in FOLDERS) and day.
        counts: counts of the delivered scans, by folder.
    """

    settings: Settings
    out: Path
    people: People
    places: Places
    names: Names
    pool: Executor
    waiting: dict[tuple[int, int], list[Rows]] = field(default_factory=dict)
    counts: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))

    def take(self, scans: Rows) -> None:
        """Hold scans until the day of their arrival."""
        days = scans["arrives"] // _DAY
        # 2 · day + folder, one number to split by.
        slots = days * 2 + scans["late"]
        for slot in np.unique(slots).tolist():
            # Held by day of arrival: a late scan waits for its file, however long ago it was made.
            self.waiting.setdefault((slot % 2, slot // 2), []).append(scans[slots == slot])

    def send(self, folder: int, day: int) -> None:
        """Write the file of one folder and day, in the order of arrival."""
        scans = np.concatenate([np.empty(0, SCAN), *self.waiting.pop((folder, day), [])])
        # Stable: of equal arrivals the order of the stays, so that bytes do not depend on threads.
        scans = scans[np.argsort(scans["arrives"], kind="stable")]
        date = np.datetime64(self.settings.start, "D") + day
        parts = [scans[at : at + _LINES_AT_ONCE] for at in range(0, scans.size, _LINES_AT_ONCE)]
        with create(self.out / FOLDERS[folder] / f"scans-{date}.ndjson") as file:
            for lines in in_order(self.pool, lambda part: write_lines(part, self.people, self.names), parts):
                file.write(lines.data)
        self._count(self.counts[folder], scans)

    def send_rest(self) -> None:
        """Write the scans that arrive after the last day."""
        for folder, day in sorted(self.waiting):
            self.send(folder, day)

    def _count(self, counts: Counter[str], scans: Rows) -> None:
        """Count delivered scans by kind, and by what the pipeline must make of them."""
        flaw, written = scans["flaw"].astype(np.int64), scans["written"]
        # flaw 0 is none, 1 to len(FLAWS) are refused, higher ones are unusual and accepted.
        reasons = np.array(["", *(f.reason for f in FLAWS)])
        flawed = (flaw > 0) & (flaw <= len(FLAWS))
        end = self.settings.days * _DAY
        # Time is tested on what the record says, not on when the scan was.
        old = ~flawed & (written < end - MAX_AGE_DAYS * _DAY)
        new = ~flawed & (written > end + MAX_AHEAD_DAYS * _DAY)
        good = ~flawed & ~old & ~new
        counts["received"] += scans.size
        # strict=False: bincount counts unusual flaws as well, beyond the reasons.
        for name, number in zip(reasons[1:], np.bincount(flaw, minlength=reasons.size)[1:], strict=False):
            counts[f"reason {name}"] += int(number)
        counts["reason too_old"] += int(old.sum())
        counts["reason too_new"] += int(new.sum())
        # Copies come after their originals and are the duplicates.
        copies = good & (scans["copy"] == 1)
        counts["duplicate"] += int(copies.sum())
        counts["accepted"] += int((good & ~copies).sum())
        place = self.places.table[scans["place"]]
        # Closed or unknown places: accepted, and counted apart.
        closed = (place["closed"] >= 0) & (written >= place["closed"])
        counts["unregistered"] += int((good & ~copies & (closed | (place["known"] == 0))).sum())
        self._count_kinds(counts, scans)

    def _count_kinds(self, counts: Counter[str], scans: Rows) -> None:
        for name, kind in _KINDS.items():
            counts[f"kind {name}"] += int((scans["kind"] == kind).sum())
        phone = np.isin(scans["mode"], (SELF, ONE_WAY))
        # A visitor's phone, or the device of the place.
        clock = np.where(
            phone, self.people["clock"][scans["person"]], self.places.table["clock"][scans["place"]]
        )
        counts["kind clock_minutes_off"] += int(((clock != 0) & (np.abs(clock) < _DAY)).sum())
        counts["kind clock_broken"] += int((np.abs(clock) >= _DAY).sum())
        counts["kind without_id"] += int((scans["event_id"] == 0).sum())
        counts["kind unusual"] += int((scans["flaw"] > len(FLAWS)).sum())
        counts["kind by_guard"] += int((scans["mode"] == GUARD).sum())
