"""What has changed since an earlier list of the same question."""

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.errors import DataError, UsageError
from pipelines.export.exposure_list import WITHDRAWN
from pipelines.export.list_files import CSV, JSON, PARQUET
from pipelines.export.list_text import PERSON_PREFIX
from pipelines.export.manifest import Manifest
from pipelines.export.pages.wording import LANGUAGES, wording
from pipelines.export.sheet import LIST, XLSX
from pipelines.export.sheet_reading import sheet_rows
from pipelines.export.signing import check_list, fingerprint
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import storage
from pipelines.times import EPOCH, SECOND_US
from schemas.tables import INSTANT

NEW, CHANGED, SAME = "new", "changed", "same"

_COMPARED = ("tier", "exposed_at", "last_contact", "venues")


def read_earlier(
    folder: str | Path, question: tuple[tuple[str, ...], str, int, bool], key: Ed25519PrivateKey
) -> tuple[pa.Table, Manifest]:
    """The rows of an earlier list.

    Args:
        folder: of the list.
        question: cases, rule, depth and humans that it must have answered.
        key: that it must be signed with.

    Returns:
        Rows of `WITHDRAWN`, and its manifest. An expired list is taken: the caller says so.

    Raises:
        DataError: it is damaged, or has no file that persons can be read from.
        RefusedError: it is signed with another key.
        UsageError: it answers another question.
    """
    folder = Path(folder)
    # Signature and files are checked before a single row is read.
    checked = check_list(folder, fingerprint_hex=fingerprint(key.public_key()), allow_expired=True)
    if checked.manifest.question != question:
        raise UsageError(
            f"--since {folder} answers another question", "name one of the same cases, rule and depth"
        )
    names = {file.name for file in checked.manifest.files}
    # The most exact format first: sheets and CSV keep whole seconds in local time.
    for name, read in _READERS.items():
        if name in names:
            rows = read(folder / name, ZoneInfo(checked.manifest.zone))
            return rows.cast(WITHDRAWN), checked.manifest
    raise UsageError(
        f"--since {folder} has no file that holds its persons",
        f"name a list with one of {' '.join(_READERS)}",
    )


def of_known_humans(earlier: pa.Table, human_of: Callable[[Int64], Int64]) -> pa.Table:
    """Return earlier rows under the tokens of today: links since may have joined persons of that list.

    Args:
        earlier: rows of `WITHDRAWN`.
        human_of: the token of today for each token.

    Returns:
        One row a human, the one that was exposed at the lowest tier, then earliest.
    """
    person = earlier["person"].to_numpy()
    human = human_of(person)
    # Without new links every token is its own human, and the rows stay as they are.
    if (person == human).all():
        return earlier
    # Two rows of that list may be one human now: the lowest tier, then the earliest exposure stays.
    rows = earlier.set_column(0, WITHDRAWN.field(0), column(human))
    order = np.lexsort((rows["exposed_at"].cast(pa.int64()).to_numpy(), rows["tier"].to_numpy(), human))
    # unique gives the first position of each human in this order.
    first = order[np.unique(human[order], return_index=True)[1]]
    return rows.take(column(np.sort(first)))


def changes(rows: pa.Table, earlier: pa.Table) -> tuple[list[str], pa.Table]:
    """What has become of each row, and who is not there any more.

    Times are compared in whole seconds, which every file of a list keeps.

    Args:
        rows: with the columns of `WITHDRAWN`.
        earlier: of `WITHDRAWN`.

    Returns:
        `new`, `changed` or `same` for each row, and the earlier rows of absent persons, by token.
    """
    before = dict(_keyed(earlier))
    now = dict(_keyed(rows))
    states = [
        NEW if person not in before else SAME if before[person] == values else CHANGED
        for person, values in _keyed(rows)
    ]
    absent = [person not in now for person in earlier["person"].to_pylist()]
    withdrawn = earlier.filter(pa.array(absent, pa.bool_())).sort_by("person")
    return states, withdrawn


def _keyed(rows: pa.Table) -> Iterator[tuple[int, tuple[Any, ...]]]:
    columns = []
    for name in _COMPARED:
        column = rows[name]
        if pa.types.is_timestamp(column.type):
            # Microseconds are cut: a list for people keeps none, and all would count as changed.
            columns.append([value // SECOND_US for value in column.cast(pa.int64()).to_pylist()])
        else:
            columns.append(column.to_pylist())
    return zip(rows["person"].to_pylist(), zip(*columns, strict=True), strict=True)


def _from_parquet(path: Path, _zone: ZoneInfo) -> pa.Table:
    return storage.parquet(str(path)).read(columns=WITHDRAWN.names)


def _from_json(path: Path, _zone: ZoneInfo) -> pa.Table:
    rows = [
        {
            "person": _token(row["person"]),
            "tier": row["tier"],
            "exposed_at": dt.datetime.fromisoformat(row["exposed_at"]),
            "last_contact": dt.datetime.fromisoformat(row["last_contact"]),
            "venues": row["venues"],
        }
        for row in orjson.loads(path.read_bytes())
    ]
    return pa.Table.from_pylist(rows, WITHDRAWN)


def _from_sheet(path: Path, zone: ZoneInfo) -> pa.Table:
    rows = sheet_rows(path, LIST)
    at = _places(next(rows))
    cells = ({name: row[column] for name, column in at.items()} for row in rows)
    return _from_cells(cells, lambda time: time, zone)


def _from_csv(path: Path, zone: ZoneInfo) -> pa.Table:
    # utf-8-sig drops the byte order mark, which would stick to the first head.
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        # The separator is told by the head, for the list does not state it; texts may hold either sign.
        rows = csv.reader(file, delimiter=";" if head.count(";") > head.count(",") else ",")
        at = _places(next(rows))
        cells = [{name: row[column] for name, column in at.items()} for row in rows]
    return _from_cells(iter(cells), dt.datetime.fromisoformat, zone)


def _from_cells(
    rows: Iterator[Mapping[str, Any]], moment: Callable[[Any], dt.datetime], zone: ZoneInfo
) -> pa.Table:
    """Rows of a file for people: codes, and local times as `moment` reads them."""
    found = []
    for row in rows:
        times = [moment(row[name]) for name in ("exposed_at", "last_contact")]
        # Tiers come from a sheet as floats.
        found.append(
            (_token(row["person"].removeprefix(PERSON_PREFIX)), int(float(row["tier"])),
             # The apostrophe that a list puts before a cell which a spreadsheet would execute.
             *(_instant_us(time, zone) for time in times), row["venues"].removeprefix("'"))
        )  # fmt: skip
    # zip of no rows has no columns.
    columns = list(zip(*found, strict=True)) or [()] * len(WITHDRAWN)
    kinds = (pa.int64(), pa.int64(), pa.int64(), pa.int64(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.table(
        [array.cast(INSTANT) if 2 <= place <= 3 else array for place, array in enumerate(arrays)],
        schema=WITHDRAWN,
    )


def _places(head: Sequence[str]) -> dict[str, int]:
    """Where the columns stand, by their heads in either language.

    Raises:
        DataError: one is missing.
    """
    # A list in the other language is taken too: heads of both are known.
    by_head = {wording(one)("column", name): name for one in LANGUAGES for name in WITHDRAWN.names}
    at = {by_head[text]: column for column, text in enumerate(head) if text in by_head}
    if missing := [name for name in WITHDRAWN.names if name not in at]:
        raise DataError(f"the earlier list has no column {missing[0]}", "name another list with --since")
    return at


def _instant_us(local: dt.datetime, zone: ZoneInfo) -> int:
    """A naive local time as microseconds UTC, to the nearest second: a sheet keeps fractions of days."""
    return round((local.replace(tzinfo=zone) - EPOCH).total_seconds()) * SECOND_US


def _token(digits: str) -> int:
    return int.from_bytes(bytes.fromhex(digits), "big", signed=True)


_READERS: dict[str, Callable[[Path, ZoneInfo], pa.Table]] = {
    PARQUET: _from_parquet,
    JSON: _from_json,
    XLSX: _from_sheet,
    CSV: _from_csv,
}
"""The files that persons can be read from, the most exact first."""
