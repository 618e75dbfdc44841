"""`list.csv`, `list.json` and `list.parquet`: the rows of a list as tables."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.exposure_list import ExposureList, ListSettings, WrittenFile
from pipelines.export.list_columns import COLUMNS
from pipelines.export.list_text import PERSON_PREFIX
from pipelines.export.local_columns import local_instants, readable, shown_columns
from pipelines.lake import storage
from pipelines.terminal.output import safe_cell, write_json, write_parquet

CSV, JSON, PARQUET = "list.csv", "list.json", "list.parquet"

_ROWS_AT_ONCE = 20_000


def write_csv_list(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write `list.csv` for Excel: UTF-8 with a mark, CRLF, local times.

    A cell that a spreadsheet would execute gets an apostrophe: this file is for
    people, who see it and know why. Files for machines never do that.
    """
    settings = made.settings
    names = shown_columns(settings)
    with (folder / CSV).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=settings.separator, lineterminator="\r\n")
        writer.writerow([settings.words("column", name) for name in names])
        # In slices, so that the texts of all rows are never in memory together.
        for start in range(0, made.rows.num_rows, _ROWS_AT_ONCE):
            rows = made.rows.slice(start, _ROWS_AT_ONCE)
            columns = [_cells(rows, name, settings) for name in names]
            writer.writerows(zip(*columns, strict=True))
    return [WrittenFile(CSV, made.rows.num_rows)]


def read_csv_list(folder: Path, separator: str) -> list[str]:
    """The codes of the persons in `list.csv`, for comparison with what was to be written."""
    text = (folder / CSV).read_text(encoding="utf-8-sig")
    # newline="" leaves line breaks inside quoted cells as they are.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    next(rows)
    return [row[1].removeprefix(PERSON_PREFIX) for row in rows]


def write_json_list(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write `list.json`: an array of objects with all columns by name."""
    with (folder / JSON).open("wb") as file:
        write_json(made.rows, file)
    return [WrittenFile(JSON, made.rows.num_rows)]


def read_json_list(folder: Path) -> list[str]:
    """The tokens of the persons in `list.json`."""
    return [row["person"] for row in orjson.loads((folder / JSON).read_bytes())]


def write_parquet_list(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write `list.parquet` with the types of the columns."""
    with (folder / PARQUET).open("wb") as file:
        # With the schema's metadata, which marks tokens.
        write_parquet(made.rows.cast(COLUMNS), file)
    return [WrittenFile(PARQUET, made.rows.num_rows)]


def read_parquet_list(folder: Path) -> list[int]:
    """The tokens of the persons in `list.parquet`."""
    rows = storage.parquet(str(folder / PARQUET)).read(columns=["person"])
    persons: list[int] = rows["person"].to_pylist()
    return persons


def _cells(rows: pa.Table, name: str, settings: ListSettings) -> Sequence[str]:
    if pa.types.is_timestamp(rows.schema.field(name).type):
        times = pc.strftime(local_instants(rows[name], settings.zone), "%Y-%m-%d %H:%M:%S")
        texts: list[str] = pc.fill_null(times, "").to_pylist()
        return texts
    values = readable(rows, name, settings)
    # Only texts can be executed; numbers and dates keep their look.
    if any(isinstance(value, str) for value in values):
        return ["" if value is None else safe_cell(value) for value in values]
    return ["" if value is None else str(value) for value in values]
