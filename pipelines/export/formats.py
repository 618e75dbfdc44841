"""The formats of a list: what each writes, and how it is read back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import UsageError
from pipelines.export.exposure_list import ExposureList, WrittenFile
from pipelines.export.format_names import ALL, DEFAULT, FORMATS
from pipelines.export.interchange.epicontacts import read_epicontacts, write_epicontacts
from pipelines.export.interchange.godata import read_godata, write_godata
from pipelines.export.interchange.graphml import read_graphml, write_graphml
from pipelines.export.interchange.sormas import SormasSettings, read_sormas, write_sormas
from pipelines.export.list_files import (
    read_csv_list,
    read_json_list,
    read_parquet_list,
    write_csv_list,
    write_json_list,
    write_parquet_list,
)
from pipelines.export.pages.notice import PublicSpan, read_notice, write_notice
from pipelines.export.pages.report import MOST_ROWS as MOST_REPORT_ROWS
from pipelines.export.pages.report import read_report, write_report
from pipelines.export.sheet import MOST_ROWS as MOST_SHEET_ROWS
from pipelines.export.sheet import read_sheet, write_sheet
from pipelines.terminal.output import token_text


@dataclass(frozen=True)
class Beside:
    """What some formats need beside the list.

    Attributes:
        sormas: what SORMAS must be told.
        event_key: of the lake, for the ids in Go.Data.
        earlier: by token first and last contact in the earlier list, microseconds UTC; None without one.
        spans: what the notice publishes.
        spans_left_out: how many spans it must not, for the few people there.
    """

    sormas: SormasSettings
    event_key: bytes
    earlier: Mapping[int, tuple[int, int]] | None
    spans: Sequence[PublicSpan]
    spans_left_out: int


def chosen_formats(names: Sequence[str]) -> list[str]:
    """The formats asked for, each once, in the order of `FORMATS`; none named is the default.

    Example:
        >>> chosen_formats(["html", "csv", "html"])
        ['csv', 'html']

    Raises:
        UsageError: one is unknown.
    """
    for name in names:
        if name not in (*FORMATS, ALL):
            raise UsageError("--format is unknown", f"choose some of {' '.join(FORMATS)}, or {ALL}")
    # In the order of FORMATS whatever the flags' order, so that folders compare.
    wanted = set(FORMATS if ALL in names else names or DEFAULT)
    return [name for name in FORMATS if name in wanted]


def write_format(name: str, made: ExposureList, folder: Path, beside: Beside) -> list[WrittenFile]:
    """Write the files of one format, and read them back.

    Raises:
        AssertionError: a file holds other persons, or another order of them, than the list.
    """
    written = _WRITERS[name](made, folder, beside)
    found, expected = _READERS[name](made, folder, beside)
    # A list that differs from the answer must not reach anybody: whom it lacks would never be called.
    if list(found) != list(expected):
        raise AssertionError(f"the files of the format {name} do not read back as they were to be written")
    return written


_Writer = Callable[[ExposureList, Path, Beside], list[WrittenFile]]
_Reader = Callable[[ExposureList, Path, Beside], tuple[Sequence[object], Sequence[object]]]

_WRITERS: dict[str, _Writer] = {
    "csv": lambda made, folder, _: write_csv_list(made, folder),
    "xlsx": lambda made, folder, _: write_sheet(made, folder),
    "json": lambda made, folder, _: write_json_list(made, folder),
    "parquet": lambda made, folder, _: write_parquet_list(made, folder),
    "html": lambda made, folder, _: write_report(made, folder),
    "sormas": lambda made, folder, beside: write_sormas(made, folder, beside.sormas),
    "godata": lambda made, folder, beside: write_godata(made, folder, beside.event_key, beside.earlier),
    "epicontacts": lambda made, folder, _: write_epicontacts(made, folder),
    "graphml": lambda made, folder, _: write_graphml(made, folder),
    "notice": lambda made, folder, beside: write_notice(made, folder, beside.spans, beside.spans_left_out),
}

_READERS: dict[str, _Reader] = {
    "csv": lambda made, folder, _: (read_csv_list(folder, made.settings.separator), _tokens(made.rows)),
    # A sheet, and the report, hold the first rows only; what they leave out is counted beside.
    "xlsx": lambda made, folder, _: (read_sheet(folder), _tokens(made.rows.slice(0, MOST_SHEET_ROWS))),
    "json": lambda made, folder, _: (read_json_list(folder), _tokens(made.rows)),
    "parquet": lambda made, folder, _: (read_parquet_list(folder), made.rows["person"].to_pylist()),
    "html": lambda made, folder, _: (read_report(folder), _tokens(made.rows.slice(0, MOST_REPORT_ROWS))),
    "sormas": lambda made, folder, _: (
        read_sormas(folder, made.settings.separator),
        _tokens(_first_tier(made)),
    ),
    "godata": lambda made, folder, beside: (read_godata(folder), _tokens(_new_contacts(made, beside))),
    "epicontacts": lambda made, folder, _: (read_epicontacts(folder), _tokens(made.rows)),
    # A graph's nodes come back in another order.
    "graphml": lambda made, folder, _: (sorted(read_graphml(folder)), sorted(_tokens(made.rows))),
    "notice": lambda _made, folder, beside: (
        read_notice(folder),
        [(span.venue, span.from_) for span in beside.spans],
    ),
}


def _tokens(rows: pa.Table) -> list[str]:
    return [token_text(person) for person in rows["person"].to_pylist()]


def _first_tier(made: ExposureList) -> pa.Table:
    # The other tiers have no place in SORMAS and Go.Data.
    return made.rows.filter(pc.equal(made.rows["tier"], 1))


def _new_contacts(made: ExposureList, beside: Beside) -> pa.Table:
    rows = _first_tier(made)
    if beside.earlier is None:
        return rows
    # A second import of a known contact harms there, so only new ones are in the file.
    known = pa.array(sorted(beside.earlier), pa.int64())
    return rows.filter(pc.invert(pc.is_in(rows["person"], known)))
