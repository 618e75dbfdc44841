"""The index over `stays` in both orders: a person's stays, and the rows beside them.

The sidecars of a lake's live files stay mapped as long as the process lives,
so a question costs a few binary searches.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.graph.human_stays import human_orders
from pipelines.graph.row_ranges import OwnStays, rows_beside
from pipelines.graph.stay_files import Span, StayOrder, plain_orders, sidecars
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LiveFile
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.linkage.human_lake import HumanLake
from pipelines.registry.venue_names import places
from schemas.tables import INSTANT, STAYS

__all__ = [
    "Span", "files_spanning", "live_files", "own_stays", "rows_beside_stays", "sidecars", "stay_orders",
    "stays_of_person",
]  # fmt: skip

_STAYS = pa.schema(
    [
        (name, STAYS.schema.field(name).type)
        for name in ("venue", "enter", "exit", "enter_kind", "exit_kind", "stay_id")
    ]
)


def own_stays(lake: Lake, person: int, span: Span) -> OwnStays:
    """Return one person's stays that reach into `span`, in the order of the lake's files."""
    parts: list[OwnStays] = []
    for columns in sidecars(live_files(lake, "person", span, np.array([person], np.int64))):
        first, last = columns.rows_of(np.array([person], np.int64))
        if first < last:
            parts.append(_stays(columns, slice(first.item(), last.item())))
    names = [field.name for field in fields(OwnStays)]
    stays = OwnStays(*(_concatenated([getattr(part, name) for part in parts]) for name in names))
    # Bounds are of whole files: most have stays outside the span too.
    return stays.where((stays.exit_us > span.begins_at()) & (stays.enter_us < span.ends_at()))


def stays_of_person(lake: Lake, person: int, span: Span) -> pa.Table:
    """Return a person's stays in the files that may reach into `span`, whole.

    Returns:
        Columns `venue enter exit enter_kind exit_kind stay_id`.
    """
    wanted = np.array([person], np.int64)
    found = [_STAYS.empty_table()]
    for columns in sidecars(live_files(lake, "person", span, wanted)):
        first, last = columns.rows_of(wanted)
        rows = slice(first.item(), last.item())
        times = (column(columns.enter_us[rows]).cast(INSTANT), column(columns.exit_us[rows]).cast(INSTANT))
        kinds = (columns.enter_kind(rows), columns.exit_kind(rows))
        arrays = [column(columns.venue[rows]), *times, *kinds, column(columns.stay_id[rows])]
        found.append(pa.table(arrays, schema=_STAYS))
    return pa.concat_tables(found)


def rows_beside_stays(lake: Lake, own: OwnStays, person: int) -> pa.Table:
    """Return every stay of somebody else that overlaps a stay of `own`, a row a pair.

    Returns:
        columns as `sql/overlaps.sql` takes them; `venue` is its code.
    """
    pairs = [_no_pairs()]
    if own.venue.size:
        # For each file, the own stays beside which it may hold rows.
        near = _files_beside(lake, own)
        for (_, chosen), columns in zip(near, sidecars(file for file, _ in near), strict=True):
            pairs.append(_pairs(own, chosen, columns, person))
    stays = np.concatenate([part.stays for part in pairs])
    return pa.table(
        {
            "person": column(np.concatenate([part.person for part in pairs])),
            # Looked up once for each own stay, not for each pair.
            "venue": places(lake).codes(own.venue).take(column(stays)),
            "zone": _zones(pairs),
            "enter_us": column(np.concatenate([part.enter_us for part in pairs])),
            "exit_us": column(np.concatenate([part.exit_us for part in pairs])),
            "imputed_from_us": column(np.concatenate([part.imputed_from_us for part in pairs])),
            "own_enter_us": column(own.enter_us[stays]),
            "own_exit_us": column(own.exit_us[stays]),
            "own_imputed_from_us": column(own.imputed_from_us[stays]),
        }
    )


def live_files(lake: Lake, by: str, span: Span, ids: Int64 | None = None) -> list[LiveFile]:
    """Return the files of the newest `stays` in one order that may hold a stay reaching into `span`.

    Args:
        lake: the lake.
        by: the order, `venue` or `person`.
        span: the time concerned.
        ids: int64[n], the venues or persons concerned, ascending; None is all.
    """
    return files_spanning(stay_orders(lake)[by], span, ids)


def files_spanning(order: StayOrder, span: Span, ids: Int64 | None = None) -> list[LiveFile]:
    """Return the files of an order that may hold a stay reaching into `span`; see `live_files`."""
    # By bounds in the log; those of persons are wide, so some files are looked at in vain.
    wanted = (order.enter_us < span.ends_at()) & (order.exit_us > span.begins_at())
    if ids is not None:
        first = np.searchsorted(ids, order.least_id)  # the smallest id that a file may hold
        # Is the smallest id at or above the file's least also at or below its greatest? The number appended
        # stands in where there is none, which the next line rules out.
        wanted &= np.append(ids, 2**63 - 1)[first] <= order.greatest_id
        wanted &= first < ids.size
    return [order.files[file] for file in np.flatnonzero(wanted).tolist()]


def stay_orders(lake: Lake) -> dict[str, StayOrder]:
    """Return the files of the newest `stays`, by order."""
    return human_orders(lake) if isinstance(lake, HumanLake) else plain_orders(lake)


def _files_beside(lake: Lake, own: OwnStays) -> list[tuple[LiveFile, Int64]]:
    """Return the files that may hold rows beside own stays, and the positions of those stays."""
    order = stay_orders(lake)["venue"]
    # bool[files, own stays]
    near = own.exit_us > order.enter_us[:, np.newaxis]
    near &= own.enter_us < order.exit_us[:, np.newaxis]
    near &= own.venue >= order.least_id[:, np.newaxis]
    near &= own.venue <= order.greatest_id[:, np.newaxis]
    return [
        (order.files[file], np.flatnonzero(near[file])) for file in np.flatnonzero(near.any(axis=1)).tolist()
    ]


def _stays(columns: Sidecar, rows: slice) -> OwnStays:
    return OwnStays(
        columns.venue[rows], columns.enter_us[rows], columns.exit_us[rows], columns.imputed_from_us[rows]
    )


@dataclass(frozen=True)
class _StayPairs:
    """Stays of one file beside a person's own: positions of the latter, columns of the former."""

    stays: Int64
    person: Int64
    zone_code: npt.NDArray[np.int32]
    zone_names: pa.Array
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64


def _pairs(own: OwnStays, chosen: Int64, columns: Sidecar, person: int) -> _StayPairs:
    """Return the pairs of the `chosen` own stays with the rows of one file."""
    some = own.where(chosen)
    # Both bounds are exclusive. A row that enters the longest stay before ours ends at our enter at the
    # latest, and touching is no overlap.
    first, last = columns.rows_entering(some.venue, some.enter_us - columns.longest_us, some.exit_us)
    stays, rows = rows_beside(some, first, last, columns.exit_us)
    # Nobody meets himself: the own stays lie among the candidates.
    who = columns.person[rows]
    others = who != person
    rows = rows[others]
    return _StayPairs(
        chosen[stays[others]],
        who[others],
        columns.zone_code[rows],
        columns.zone_names,
        columns.enter_us[rows],
        columns.exit_us[rows],
        columns.imputed_from_us[rows],
    )


def _no_pairs() -> _StayPairs:
    none = np.empty(0, np.int64)
    return _StayPairs(none, none, none.astype(np.int32), pa.nulls(0, pa.string()), none, none, none)


def _zones(pairs: list[_StayPairs]) -> pa.Array:
    """Return the zone of each pair as text: one list of the names of all files, and codes moved into it."""
    moved, before = [], 0
    for part in pairs:
        # Codes of a file count from its own names: shifted behind those of the files before.
        moved.append(part.zone_code + np.int64(before))
        before += len(part.zone_names)
    return pa.concat_arrays([part.zone_names for part in pairs]).take(column(np.concatenate(moved)))


def _concatenated(parts: list[Int64]) -> Int64:
    return np.concatenate([np.empty(0, np.int64), *parts])
