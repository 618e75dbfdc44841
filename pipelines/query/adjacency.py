"""The network in its two orders: a person's stays, and the rows beside them.

The sidecars of a lake's live files stay mapped for as long as the process
lives, so a question costs a few binary searches. A sidecar is known by the
path of its data file, which is named by its content: it never goes stale.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from pipelines.lake import Lake, LiveFile, snapshot
from pipelines.lake.sidecar import Sidecar, open_sidecar
from pipelines.query.candidates import Int64, OwnStays, rows_beside, rows_of
from pipelines.query.places import places
from schemas.tables import INSTANT

_KEPT_AT_MOST = 8192  # mapped files; a process may map 65,530

_lock = threading.Lock()
_mapped: dict[str, Sidecar] = {}


@dataclass(frozen=True)
class Span:
    """The instants [from_us, to_us) asked about, microseconds UTC; None is open."""

    from_us: int | None = None
    to_us: int | None = None

    def begins_at(self) -> int:
        """The first instant, or one before all."""
        return -(2**62) if self.from_us is None else self.from_us

    def ends_at(self) -> int:
        """The end, or an instant after all."""
        return 2**62 if self.to_us is None else self.to_us


def own_stays(lake: Lake, person: int, span: Span) -> OwnStays:
    """One person's stays that reach into `span`, in the order of the lake's files."""
    found: list[OwnStays] = []
    for columns in sidecars(live_files(lake, "person", span)):
        rows = rows_of(columns.person, person)
        if rows.stop > rows.start:
            found.append(_stays(columns, rows))
    stays = OwnStays(*(_joined(found, field.name) for field in fields(OwnStays)))
    return stays.where((stays.exit_us > span.begins_at()) & (stays.enter_us < span.ends_at()))


def rows_beside_stays(lake: Lake, own: OwnStays, person: int) -> pa.Table:
    """Every stay of somebody else that overlaps a stay of `own`, a row a pair.

    Returns:
        Columns as `sql/overlaps.sql` takes them; `venue` is its code.
    """
    codes = places(lake).codes(own.venue)
    parts = [_BESIDE.empty_table()]
    if own.venue.size:
        reach = Span(int(own.enter_us.min()), int(own.exit_us.max()))
        files = live_files(lake, "venue", reach)
        for file, columns in zip(files, sidecars(files), strict=True):
            near = (own.exit_us > file.stats.least["enter"]) & (own.enter_us < file.stats.greatest["exit"])
            chosen = np.flatnonzero(near)
            stays, rows = rows_beside(
                own.where(chosen), columns.venue, columns.enter_us, columns.exit_us, columns.longest_us
            )
            others = columns.person[rows] != person
            parts.append(_pairs(own, codes, chosen[stays[others]], columns, rows[others]))
    return pa.concat_tables(parts)


def live_files(lake: Lake, by: str, span: Span) -> list[LiveFile]:
    """The files of `stays` in one order that hold a stay reaching into `span`."""
    return [
        file
        for file in snapshot(lake, "stays").files
        if file.partition["by"] == by
        and file.stats.least["enter"] < span.ends_at()
        and file.stats.greatest["exit"] > span.begins_at()
    ]


def sidecars(files: Iterable[LiveFile]) -> list[Sidecar]:
    """The columns of files, mapped once a process."""
    return [_mapped.get(file.path) or _map(file) for file in files]


def _map(file: LiveFile) -> Sidecar:
    columns = open_sidecar(file)
    with _lock:
        if len(_mapped) >= _KEPT_AT_MOST:
            _mapped.clear()
        _mapped[file.path] = columns
    return columns


def _stays(columns: Sidecar, rows: slice) -> OwnStays:
    return OwnStays(
        columns.venue[rows], columns.enter_us[rows], columns.exit_us[rows], columns.imputed_from_us[rows]
    )


def _joined(found: list[OwnStays], name: str) -> Int64:
    return np.concatenate([np.empty(0, np.int64), *(getattr(stays, name) for stays in found)])


_BESIDE = pa.schema(
    [
        ("person", pa.int64()),
        ("venue", pa.string()),
        ("zone", pa.string()),
        *[(name, INSTANT) for name in ("enter", "exit", "imputed_from")],
        *[(name, INSTANT) for name in ("own_enter", "own_exit", "own_imputed_from")],
    ]
)


def _pairs(own: OwnStays, codes: pa.Array, stays: Int64, columns: Sidecar, rows: Int64) -> pa.Table:
    times = (
        columns.enter_us[rows],
        columns.exit_us[rows],
        columns.imputed_from_us[rows],
        own.enter_us[stays],
        own.exit_us[stays],
        own.imputed_from_us[stays],
    )
    return pa.table(
        [
            pa.array(columns.person[rows]),
            codes.take(pa.array(stays)),
            columns.zone.take(pa.array(rows)).dictionary_decode(),
            *(pa.array(values).view(INSTANT) for values in times),
        ],
        schema=_BESIDE,
    )
