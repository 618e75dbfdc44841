"""Small lakes drawn as text, written as the pipelines write them.

A table is lines of cells between bars, the first line its columns; an empty
cell is null and a column left out is filled in. A time is `D HH:MM[:SS[.f]]`,
UTC, of July 2021. A person is a name, whose identifier is `device:<name>`.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.lake import Lake, LiveFile, commit, open_lake, snapshot, write_data_file
from pipelines.lake.sidecars.sidecar import write_sidecar
from pipelines.privacy.keys import Keys, load_keys, token, venue_id
from pipelines.times import DAY_US, day_text, parse_instant
from schemas.tables import STAY_ORDERS, STAYS, TABLES, Table

Row = dict[str, Any]


def at(text: str) -> int:
    """Return the microseconds of `D HH:MM[:SS[.f]]`, UTC, of July 2021."""
    day, clock = text.split()
    hours = clock if clock.count(":") == 2 else f"{clock}:00"
    return parse_instant(f"2021-07-{int(day):02}T{hours}Z")


def drawn(text: str) -> list[Row]:
    """Return the rows of a table drawn as text; every value is text or None."""
    lines = [line for line in text.strip().splitlines() if line.strip(" |─-")]
    head, *body = [[cell.strip() or None for cell in line.split("|")] for line in lines]
    rows = (zip_longest(head, cells) for cells in body)  # cells at the end may be left out
    return [{name: cell for name, cell in row if name} for row in rows]


def new_lake(folder: Path) -> Lake:
    """Return an empty lake `folder/lake` with its keys beside it."""
    return open_lake(str(folder / "lake"), folder / "lake.keys", create=True)


def keys_of(lake: Lake) -> Keys:
    """Return the keys of a lake made by `new_lake`."""
    return load_keys(Path(f"{lake.url}.keys"))


def person_token(lake: Lake, name: str) -> int:
    """Return the token of a person of the drawings."""
    return token(keys_of(lake), f"device:{name}")


def put_stays(lake: Lake, stays: str | Sequence[Row], *, files_a_date: int = 1, sidecars: bool = True) -> int:
    """Commit stays in both orders; returns the new version.

    Columns `person venue enter exit`, and if they are drawn `zone enter_kind
    exit_kind last_seen scans`: scanned, last seen at the exit when that was
    scanned, else at the enter.
    """
    rows = pa.Table.from_pylist(
        [_stay(lake, row) for row in (drawn(stays) if isinstance(stays, str) else stays)],
        schema=STAYS.file_schema,
    )
    files = []
    for by, order in STAY_ORDERS.items():
        other = "person" if by == "venue" else "venue"
        keys = [(name, "ascending") for name in (*order, other, "stay_id")]
        for date, of_date in _by_day(rows.sort_by(keys), "enter"):
            for part in _cut(of_date, files_a_date):
                file = write_data_file(lake, STAYS, {"by": by, "date": date}, part)
                if sidecars:
                    write_sidecar(lake, file, part)
                files.append(file)
    marks = {f"{name}_version": snapshot(lake, name).version for name in ("scans", "venues")}
    return commit(lake, "stays", files, after=snapshot(lake, "stays").version, marks=marks)


def put_venues(lake: Lake, venues: str) -> int:
    """Commit the registry in place of the last one: columns `venue_code type`, and any other of `venues`."""
    rows = [{"venue": venue_id(row["venue_code"]), **row} for row in drawn(venues)]
    before = snapshot(lake, "venues").files
    return put(lake, "venues", _typed(lake, TABLES["venues"], rows), remove=before)


def put_cases(lake: Lake, cases: str | Sequence[Row]) -> int:
    """Commit cases: columns `case_id person`, and any of the times."""
    rows = drawn(cases) if isinstance(cases, str) else cases
    return put(lake, "cases", _typed(lake, TABLES["cases"], rows))


def put_scans(lake: Lake, scans: str | Sequence[Row]) -> int:
    """Commit accepted scans: columns `person venue occurred_at`, and any other of `scans`."""
    rows = [
        {"direction": "unknown", "received_at": "31 00:00", "event_key": str(number), **row}
        for number, row in enumerate(drawn(scans) if isinstance(scans, str) else scans)
    ]
    return put(lake, "scans", _typed(lake, TABLES["scans"], rows), day_of="occurred_at")


def put_rejects(lake: Lake, rejects: str) -> int:
    """Commit refused records: columns `reason source`."""
    rows = [
        {"received_at": "31 00:00", "digest": str(number), **row} for number, row in enumerate(drawn(rejects))
    ]
    return put(lake, "rejects", _typed(lake, TABLES["rejects"], rows), day_of="received_at")


def put_declarations(lake: Lake, declarations: str | Sequence[Row]) -> int:
    """Commit health declarations: columns `person declared_at`, and any other of `declarations`."""
    rows = drawn(declarations) if isinstance(declarations, str) else declarations
    return put(lake, "declarations", _typed(lake, TABLES["declarations"], rows), day_of="declared_at")


def put(
    lake: Lake, name: str, rows: pa.Table, day_of: str | None = None, remove: Sequence[LiveFile] = ()
) -> int:
    """Commit rows of a table that is partitioned by nothing, or by the day of a column."""
    table = TABLES[name]
    rows = rows.sort_by([(column, "ascending") for column in table.sorted_by])
    days: Iterable[tuple[str, pa.Table]] = _by_day(rows, day_of) if day_of else [("", rows)]
    files = [write_data_file(lake, table, {"date": day} if day else {}, part) for day, part in days]
    return commit(lake, name, files, remove=remove, after=snapshot(lake, name).version)


def _stay(lake: Lake, row: Mapping[str, Any]) -> Row:
    """Return a drawn stay, or one whose cells are values already, as a row of `stays`."""
    enter, leave = _micros(row["enter"]), _micros(row["exit"])
    exit_kind = row.get("exit_kind") or "scanned"
    seen = row.get("last_seen")
    stay = {
        "person": _token(lake, row["person"]),
        "venue": _venue(row["venue"]),
        "zone": row.get("zone"),
        "enter": enter,
        "exit": leave,
        "enter_kind": row.get("enter_kind") or "scanned",
        "exit_kind": exit_kind,
        "last_seen": _micros(seen) if seen is not None else leave if exit_kind == "scanned" else enter,
        "scans": int(row.get("scans") or 1),
    }
    name = repr([stay[column] for column in ("person", "venue", "enter", "exit")])
    stay["stay_id"] = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    return stay


def _typed(lake: Lake, table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = table.file_schema
    cells = [{field.name: _value(lake, field, row.get(field.name)) for field in schema} for row in rows]
    return pa.Table.from_pylist(cells, schema=schema)


def _value(lake: Lake, field: pa.Field, value: Any) -> Any:
    if value is None:
        return None
    if field.name in ("person", "scanner"):
        return _token(lake, value)
    if field.name == "venue":
        return _venue(value)
    if pa.types.is_timestamp(field.type):
        return _micros(value)
    if pa.types.is_binary(field.type):
        return hashlib.sha256(value.encode()).digest()[: 16 if field.name == "event_key" else 32]
    return pa.scalar(value).cast(field.type).as_py()


def _token(lake: Lake, person: str | int) -> int:
    return person if isinstance(person, int) else person_token(lake, person)


def _venue(venue: str | int) -> int:
    return venue if isinstance(venue, int) else venue_id(venue)


def _micros(when: str | int) -> int:
    return when if isinstance(when, int) else at(when)


def _by_day(rows: pa.Table, column: str) -> Iterable[tuple[str, pa.Table]]:
    days = [value // DAY_US for value in rows[column].cast(pa.int64()).to_pylist()]
    for day in sorted(set(days)):
        yield day_text(day), rows.filter(pa.array([other == day for other in days]))


def _cut(rows: pa.Table, parts: int) -> Iterable[pa.Table]:
    size = -(-rows.num_rows // parts)
    return (rows.slice(start, size) for start in range(0, rows.num_rows, size))


def assert_one_line(shown: Any, said: str) -> None:
    """Assert that a refused command says why in one line, on standard error, without the value MARKER."""
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert said in shown.err
    assert "MARKER" not in shown.err.replace("'MARKER'", "")
