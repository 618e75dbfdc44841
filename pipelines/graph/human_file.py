"""A file of `stays` as humans have it: some rows under another token, lengthened, or gone."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.stay_files import ChangedFile, mapped
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import LiveFile, read_live_file
from pipelines.lake.sidecars import sidecar_search as search
from pipelines.lake.sidecars.sidecar import Sidecar, enter_code, exit_code
from schemas.codes import ENTER_KINDS, EXIT_KINDS
from schemas.tables import INSTANT

_COLUMNS = (
    *("person", "venue", "enter_us", "exit_us", "imputed_from_us"),
    *("scanned_both", "kinds", "stay_id", "zone_code"),
)
_SCANNED_IN, _SCANNED_OUT = ENTER_KINDS.index("scanned"), EXIT_KINDS.index("scanned")


@dataclass(frozen=True)
class Patch:
    """What changes in a file; a row each.

    Attributes:
        row: int64[r], in the file, ascending.
        person: int64[r], the token that stands for the person.
        exit_us, imputed_from_us, kinds: int64[r], of the union; as before where there is none.
        is_union: bool[r], whether the row stands for several.
        is_dropped: bool[r], whether another row stands for it.
        is_zoneless: bool[r], whether the stays of the union name different zones.
    """

    row: Int64
    person: Int64
    exit_us: Int64
    imputed_from_us: Int64
    kinds: Int64
    is_union: Bool
    is_dropped: Bool
    is_zoneless: Bool


@dataclass(frozen=True)
class _Patched:
    """The file with its changes.

    Attributes:
        columns: as a question sees them.
        origin: int64[n], the row of the data file of each row; None where they are the same.
        unions: int64[u], the rows that stand for several, ascending.
    """

    columns: Sidecar
    origin: Int64 | None
    unions: Int64


@dataclass(frozen=True)
class HumanFile(ChangedFile):
    """A file of `stays` that holds stays of a human with several identifiers.

    Attributes:
        source: the file as it lies in the lake.
        patch: what changes in it.
    """

    source: LiveFile = field(kw_only=True, repr=False)
    patch: Patch = field(kw_only=True, repr=False)
    _kept: list[_Patched] = field(default_factory=list, init=False, compare=False, repr=False)

    def columns(self) -> Sidecar:
        """Return the columns as humans have them; kept as long as the files of the lake are."""
        return self._seen().columns

    def read(self, schema: pa.Schema, rows: Int64) -> pa.Table:
        """Return whole rows as humans have them."""
        seen = self._seen()
        # `rows` count as a question sees the file, `origin` as it lies in the lake.
        origin = rows if seen.origin is None else seen.origin[rows]
        found = read_live_file(self.source, schema).take(column(origin))
        for name in schema.names:
            values = self._values(name, seen, rows, found)
            if values is not None:
                at = schema.get_field_index(name)
                found = found.set_column(at, schema.field(at), values.cast(schema.field(at).type))
        return found

    def _seen(self) -> _Patched:
        if not self._kept:
            self._kept.append(_patched(mapped(self.source), self.patch))
        return self._kept[0]

    @staticmethod
    def _values(name: str, seen: _Patched, rows: Int64, found: pa.Table) -> Any:
        """Return a column where it may differ from the data file, else None."""
        columns = seen.columns
        if name == "person":
            return column(columns.person[rows])
        # Without a union all columns but the token are as the file has them.
        if not seen.unions.size:
            return None
        is_union = np.isin(rows, seen.unions)
        if name == "exit":
            return column(columns.exit_us[rows]).cast(INSTANT)
        if name == "enter_kind":
            return columns.enter_kind(rows)
        if name == "exit_kind":
            return columns.exit_kind(rows)
        if name == "zone":
            return columns.zone_names.take(pa.array(columns.zone_code[rows]))
        if name == "last_seen":
            # As the sidecar tells the last scan: at a scanned exit, else where the imputed part begins.
            out = exit_code(columns.kinds[rows]) == _SCANNED_OUT
            seen_us = np.where(out, columns.exit_us[rows], columns.imputed_from_us[rows])
            return pc.if_else(pa.array(is_union), column(seen_us).cast(INSTANT), found[name])
        return None


def _patched(source: Sidecar, patch: Patch) -> _Patched:
    """Apply the changes, and sort again what has moved."""
    # Whole columns are copied below, so whole columns are checked.
    source.check(*_COLUMNS)
    values = {name: getattr(source, name) for name in _COLUMNS}
    names, longest_us = source.zone_names, source.longest_us
    values["person"] = _with(source.person, patch.row, patch.person)
    if patch.is_union.any():
        kinds = patch.kinds.astype(np.uint8)
        both = (enter_code(kinds) == _SCANNED_IN) & (exit_code(kinds) == _SCANNED_OUT)
        values["exit_us"] = _with(source.exit_us, patch.row, patch.exit_us)
        values["imputed_from_us"] = _with(source.imputed_from_us, patch.row, patch.imputed_from_us)
        values["kinds"] = _with(source.kinds, patch.row, kinds)
        values["scanned_both"] = _with(source.scanned_both, patch.row, both.astype(np.uint8))
        values["zone_code"], names = _zones(source, patch)
        of_union = patch.row[patch.is_union]
        # Searches look this far back for rows that reach a stay.
        longest_us = max(longest_us, int((patch.exit_us[patch.is_union] - source.enter_us[of_union]).max()))
    origin = _origin(source, patch, values["person"])
    if origin is not None:
        values = {name: one[origin] for name, one in values.items()}
    unions = patch.row[patch.is_union]
    # Where the rows of unions stand now.
    rows = np.flatnonzero(np.isin(origin, unions)) if origin is not None else unions
    return _Patched(Sidecar(source.by, zone_names=names, longest_us=longest_us, **values), origin, rows)


def _origin(source: Sidecar, patch: Patch, person: Int64) -> Int64 | None:
    """Return the row of the data file that each row comes from, in the order of the file."""
    # Only the order by person moves rows; by venue they keep their places.
    is_moved = ~patch.is_dropped & (source.person[patch.row] != patch.person)
    moved = patch.row[is_moved] if source.by == "person" else patch.row[:0]
    gone = patch.row[patch.is_dropped]
    if not moved.size and not gone.size:
        return None
    rest = np.delete(np.arange(source.rows), np.concatenate((moved, gone)))
    if not moved.size:
        return rest
    enter_us = source.enter_us
    moved = moved[np.lexsort((enter_us[moved], person[moved]))]
    # `place`: the first row of that person that enters at the same instant or later.
    keys = person[moved], enter_us[moved] - 1, enter_us[moved]
    _, place = search.rows_entering(person[rest], enter_us[rest], *keys)
    origin: Int64 = np.insert(rest, place, moved)
    return origin


def _zones(source: Sidecar, patch: Patch) -> tuple[Any, pa.Array]:
    """Return the zone of each row, none where stays of a union name different ones."""
    rows = patch.row[patch.is_zoneless]
    names = source.zone_names
    if not rows.size:
        return source.zone_code, names
    # The code of "no zone", added if the file has none.
    at = pc.index(pc.is_null(names), True).as_py()
    if at < 0:
        at, names = len(names), pa.concat_arrays([names, pa.nulls(1, pa.string())])
    return _with(source.zone_code, rows, at), names


def _with(values: Any, rows: Int64, new: Any) -> Any:
    changed = values.copy()
    changed[rows] = new
    return changed
