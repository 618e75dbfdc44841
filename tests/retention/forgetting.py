"""Worlds with every input, lakes made of them, and what a lake holds in tables and in bytes."""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake import open_lake, read_table, snapshot
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import run, truyvet
from tests.end_to_end.worlds import (
    BEGIN_US,
    DAY_US,
    MINUTE_US,
    NOW,
    make_world,
    record,
    rfc3339,
    write_records,
    write_venues,
)

Record = dict[str, Any]

BEGINS = {
    "scans": "occurred_at",
    "encounters": "started_at",
    "declarations": "declared_at",
    "links": "seen_at",
}
"""The field that dates a record, by input."""

_NOT_COMPARED = ("rejects", "retries")
"""Logs of what was refused: the laws leave them out."""


@dataclass(frozen=True)
class Inputs:
    """What a lake is fed with; each list is of records of the wire."""

    scans: list[Record]
    encounters: list[Record]
    declarations: list[Record]
    cases: list[Record]
    links: list[Record] = field(default_factory=list)

    def only(self, keep: Callable[[str, Record], bool]) -> "Inputs":
        """The records that a test of (input, record) keeps."""
        return Inputs(*([one for one in rows if keep(name, one)] for name, rows in vars(self).items()))


class Home:
    """The registry and the keys that all lakes of a test share."""

    def __init__(self, folder: Path, seed: int, size: int = 6) -> None:
        self.folder, self.keys, self.dice = folder, folder / "keys", random.Random(seed)
        world = make_world(seed, size)
        self.venues = write_venues(folder / "venues.csv", world.venues)
        self.people = sorted({scan.person for scan in world.scans})
        scans = [record(scan) for scan in world.scans]
        self.inputs = Inputs(scans, *self._beside(), self._links(seed))

    def _beside(self) -> tuple[list[Record], list[Record], list[Record]]:
        """Encounters, declarations and cases; some persons are in nothing else, others not in them."""
        people = [*self.people[::2], *(f"device:beside-{number}" for number in range(4))]
        meetings, declared, cases = [], [], []
        for number in range(40):
            one, other = self.dice.sample(people, 2)
            at_us = BEGIN_US + self.dice.randrange(6 * DAY_US)
            times = {"started_at": rfc3339(at_us), "ended_at": rfc3339(at_us + 9 * MINUTE_US)}
            meetings.append({"event_id": f"m{number}", "person_a": one, "person_b": other, **times})
            declared.append(
                {
                    "event_id": f"d{number}",
                    "person": other,
                    "declared_at": rfc3339(at_us),
                    "symptoms": "cough",
                }
            )
        for number in range(8):
            sampled_us = BEGIN_US + self.dice.randrange(-90, 6) * DAY_US
            cases.append(
                {
                    "case_id": f"BN-{number}",
                    "person": self.dice.choice(people),
                    "sampled_at": rfc3339(sampled_us),
                    "withdrawn_at": rfc3339(sampled_us + DAY_US),
                }
            )
        return meetings, declared, cases

    def _links(self, seed: int) -> list[Record]:
        """Links between identifiers, some of which are in nothing else."""
        dice, links = random.Random(-seed), []
        people = [*self.people, *(f"cccd:05120000000{number}" for number in range(6))]
        for number in range(30):
            one, other = dice.sample(people, 2)
            at_us = BEGIN_US + dice.randrange(6 * DAY_US)
            seen = {"seen_at": rfc3339(at_us), "source": "card", "self": number % 3 > 0}
            links.append({"event_id": f"l{number}", "person_a": one, "person_b": other, **seen})
        return links

    def run(self, lake: Path, inputs: Inputs, batches: int = 1) -> list[Record]:
        """Feed a lake; the reports of its batches."""
        reports = []
        for batch in range(batches):
            words: list[object] = ["--keys", self.keys, "--max-age-days", 200, "--venues", self.venues]
            for name, rows in vars(inputs).items():
                own = rows[batch::batches] if name != "cases" else rows
                ending = "csv" if name == "cases" else "ndjson"
                path = self.folder / f"{lake.name}-{name}-{batch}.{ending}"
                if own:
                    words += [f"--{name}", write_records(path, own)]
            reports.append(run(lake, *words, now=NOW))
        return reports

    def contacts(self, lake: Path) -> None:
        """Make the contact network of some dates."""
        for day in (6, 8):
            done = truyvet("contacts", "--lake", lake, "--date", f"2021-07-{day:02}", "--min-minutes", 1)
            assert done.code == 0, done.err


def tables_of(lake: Path, *, free: Sequence[str] = ()) -> dict[str, list[str]]:
    """All that the laws compare: rows as text, without times of receipt, what is sealed and free columns."""
    opened, found = open_lake(str(lake)), {}
    for name in ALL_TABLES:
        if name not in _NOT_COMPARED and snapshot(opened, name).version >= 0:
            rows = read_table(opened, name)
            left_out = {"received_at", "sealed", *free} & set(rows.column_names)
            if rows.num_rows:
                found[name] = sorted(map(repr, rows.drop_columns(list(left_out)).to_pylist()))
    return found


def differences(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[Any]:
    """The first rows that only one of two lakes has, by table."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        mine, its = one.get(name, []), other.get(name, [])
        if mine != its:
            found.append((name, len(mine), len(its), sorted(set(mine) ^ set(its))[:3]))
    return found


def spellings(token: int) -> dict[str, bytes]:
    """A token as it may stand in a file."""
    return {
        "little-endian": token.to_bytes(8, "little", signed=True),
        "big-endian": token.to_bytes(8, "big", signed=True),
        "decimal": str(token).encode(),
        "hexadecimal": f"{token & (1 << 64) - 1:016x}".encode(),
    }


def places_of(folder: Path, token: int, texts: Sequence[bytes] = ()) -> list[tuple[str, str]]:
    """(file, spelling) wherever a token, or a text, lies in a file below a folder, raw or decoded."""
    wanted = spellings(token) | {f"text {number}": text for number, text in enumerate(texts)}
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = bytes_of(path)
        found += [(str(path.relative_to(folder)), how) for how, text in wanted.items() if text in content]
    return found


def bytes_of(path: Path) -> bytes:
    """The bytes of a file and, of Parquet, of its columns; those of a sidecar lie in it as they are."""
    raw = path.read_bytes()
    return raw + b"\n" + _decoded(raw) if path.name.endswith(".parquet") else raw


@lru_cache(512)
def _decoded(parquet: bytes) -> bytes:
    return b"\n".join(_plain(pq.ParquetFile(pa.BufferReader(parquet)).read()))


def _plain(rows: pa.Table) -> list[bytes]:
    """The columns as text and, of numbers, as they lie in memory."""
    found = [repr(rows.to_pylist()).encode()]
    for column in rows.columns:
        if pa.types.is_integer(column.type) and column.type.bit_width == 64:
            values = column.drop_null().combine_chunks().to_numpy(zero_copy_only=False)
            found += [values.astype("<i8").tobytes()]
    return found


def day_of(text: str) -> dt.date:
    """The UTC day of a time of the wire."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC).date()
