"""Field audits: heads that somebody counted at a venue, beside the people whom the lake saw there."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.errors import DataError, UsageError
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.lake import Lake, snapshot
from pipelines.privacy.keys import venue_id
from pipelines.registry.registry import Registry
from pipelines.terminal.named_csv import read_named_csv
from pipelines.times import DAY_US, parse_instant

COLUMNS: Final = ("venue", "start", "end", "heads")
_HEADS: Final = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Audit:
    """Heads counted at a venue over [start_us, end_us).

    Example:
        >>> Audit(row=1, venue=5, start_us=0, end_us=3_600_000_000, heads=40).heads
        40

    Attributes:
        row: its number in the file, from 1.
        venue: hash of the venue's code.
        start_us, end_us: microseconds UTC.
        heads: people who were counted, each once.
    """

    row: int
    venue: int
    start_us: int
    end_us: int
    heads: int


@dataclass(frozen=True)
class CountedAudit:
    """An audit that can be compared, with the people who have a stay there then.

    Example:
        >>> CountedAudit(venue=5, heads=40, seen=12).seen
        12
    """

    venue: int
    heads: int
    seen: int


def read_audits(path: str | Path) -> list[Audit]:
    """Read a file of audits, CSV with the columns `COLUMNS`.

    Raises:
        DataError: it cannot be read, lacks a column, or a row is malformed.
    """
    rows = read_named_csv(path, "--audits", COLUMNS, COLUMNS)
    return [_audit(row, number, path) for number, row in enumerate(rows, 1)]


def _audit(row: Mapping[str, str | None], number: int, path: str | Path) -> Audit:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    where = f"--audits {path}: row {number}"
    if not cells["venue"]:
        raise DataError(f"{where} has no venue", "write the code of the venue")
    if not _HEADS.fullmatch(cells["heads"]):
        raise DataError(f"{where}: heads must be an integer ≥ 0", "write digits alone")
    start_us, end_us = (_instant(cells[name], f"{where}: {name}") for name in ("start", "end"))
    if start_us >= end_us:
        raise DataError(f"{where}: start must lie before end", "write when the counting began and ended")
    # Codes are hashed in NFC, as ingest does; a spreadsheet may have saved the other form.
    return Audit(
        number, venue_id(unicodedata.normalize("NFC", cells["venue"])), start_us, end_us, int(cells["heads"])
    )


def _instant(text: str, what: str) -> int:
    try:
        return parse_instant(text)
    except UsageError as error:
        raise DataError(
            f"{what} must be a time with offset", "write 2021-07-01T08:30:00+07:00 or ...Z"
        ) from error


def compare_audits(
    lake: Lake, registry: Registry, audits: Sequence[Audit]
) -> tuple[list[CountedAudit], list[str]]:
    """Count the people whom the lake saw at each audit.

    Args:
        lake: where.
        registry: its venues.
        audits: as read.

    Returns:
        The audits that can be compared, and a sentence for each reason why others cannot.
    """
    known = np.isin([audit.venue for audit in audits], registry.venue).tolist()
    begin_us, end_us = _known_days(lake)
    left_out: dict[str, list[int]] = {}
    counted = []
    for audit, is_known in zip(audits, known, strict=True):
        if not is_known:
            left_out.setdefault("names a venue that is not registered", []).append(audit.row)
        elif audit.start_us < begin_us or audit.end_us > end_us:
            left_out.setdefault("reaches beyond the days of the lake's stays", []).append(audit.row)
        # More people scanned than heads were counted: the count is wrong, and p would exceed 1.
        elif (seen := _people_there(lake, audit)) > audit.heads:
            left_out.setdefault("counted fewer heads than people scanned", []).append(audit.row)
        else:
            counted.append(CountedAudit(audit.venue, audit.heads, seen))
    return counted, list(_sentences(left_out))


def _sentences(left_out: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for reason, rows in left_out.items():
        shown = ", ".join(str(row) for row in rows[:10]) + (", …" if len(rows) > 10 else "")
        many = "row" if len(rows) == 1 else "rows"
        yield f"{len(rows):,} of the audits left out, for each {reason}: {many} {shown}"


def _known_days(lake: Lake) -> tuple[int, int]:
    """The UTC days that the lake's stays lie in, as [begin, end) in microseconds; empty without any."""
    stats = [file.stats for file in snapshot(lake, "stays").files]
    if not stats:
        return 0, 0
    first_us = min(one.least["enter"] for one in stats)
    # Widened to whole UTC days: an audit may begin before the first scan of its day.
    last_us = max(one.greatest["exit"] for one in stats)
    return first_us // DAY_US * DAY_US, -(-last_us // DAY_US) * DAY_US


def _people_there(lake: Lake, audit: Audit) -> int:
    """Count the people with a stay at the venue of an audit that overlaps its time."""
    wanted = np.array([audit.venue], np.int64)
    found = [np.empty(0, np.int64)]
    # The venue order: a venue's stays are neighbours, found by its sidecar's index.
    for columns in sidecars(live_files(lake, "venue", Span(audit.start_us, audit.end_us), wanted)):
        row = rows_between(*columns.rows_of(wanted))
        # Half-open: who leaves as the counting begins was not counted.
        there = (columns.enter_us[row] < audit.end_us) & (columns.exit_us[row] > audit.start_us)
        found.append(columns.person[row[there]])
    return int(np.unique(np.concatenate(found)).size)
