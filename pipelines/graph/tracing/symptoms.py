"""Symptomatic contacts: who declared a symptom after the exposure, and when for the first time.

Forms preselect every "no", so a declaration without a symptom says nothing and
an exposed person who declared none keeps his score.
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import NO_TABLE, Lake, OfNewest, Snapshot, read_live_file, snapshot
from pipelines.linkage.human_lake import HumanLake, human_of
from pipelines.times import DAY_US
from schemas.tables import DECLARATIONS, INSTANT

DAYS_AFTER_EXPOSURE: Final = 21
"""Later declarations say nothing about the exposure; a declaration form asks about as many days."""

_COLUMNS: Final = ("person", "declared_at", "symptoms")
_SCHEMA: Final = pa.schema([DECLARATIONS.schema.field(name) for name in _COLUMNS])


class Symptomatic(NamedTuple):
    """The declarations that name a symptom, ascending by (person, declared_us, symptoms).

    Attributes:
        person: int64[d], tokens.
        declared_us: int64[d], microseconds UTC.
        symptoms: string[d], joined by `;`.
    """

    person: Int64
    declared_us: Int64
    symptoms: pa.Array


class FirstDeclarations(NamedTuple):
    """The first symptomatic declaration of each row; null for a row without one.

    Attributes:
        symptoms: string[n].
        declared_at: timestamp[n].
    """

    symptoms: pa.Array
    declared_at: pa.Array


def symptomatic(declarations: pa.Table) -> Symptomatic:
    """Return the declarations that name a symptom.

    Args:
        declarations: at least `person declared_at symptoms`, in any order.
    """
    # An empty text and null both mean that no symptom was named.
    names_one = pc.fill_null(pc.not_equal(declarations["symptoms"], ""), False)
    named = declarations.select(_COLUMNS).filter(names_one)
    rows = named.sort_by([(name, "ascending") for name in _COLUMNS]).combine_chunks()
    symptoms = rows["symptoms"].combine_chunks() if rows.num_rows else pa.array([], pa.string())
    return Symptomatic(rows["person"].to_numpy(), rows["declared_at"].cast(pa.int64()).to_numpy(), symptoms)


def first_declarations(
    declared: Symptomatic, person: Int64, exposed_us: Int64, until_us: int
) -> FirstDeclarations:
    """Return the first symptomatic declaration in [exposed, exposed + 21 days] and before `until_us`.

    Example:
        >>> declared = Symptomatic(np.array([7, 7]), np.array([5, 9]), pa.array(["cough", "fever"]))
        >>> first_declarations(declared, np.array([3, 7]), np.array([0, 6]), until_us=10).symptoms.to_pylist()
        [None, 'fever']

    Args:
        declared: the symptomatic declarations of the lake.
        person: int64[n], tokens, ascending, each once.
        exposed_us: int64[n], when the exposure of each began, microseconds UTC.
        until_us: what is not known yet is left out.
    """
    if declared.person.size == 0 or person.size == 0:
        return FirstDeclarations(pa.nulls(person.size, pa.string()), pa.nulls(person.size, INSTANT))
    # For people who were not exposed any row will do: the comparison of persons below rejects it.
    row = np.minimum(np.searchsorted(person, declared.person), person.size - 1)
    after_us = declared.declared_us - exposed_us[row]
    in_time = (after_us >= 0) & (after_us <= DAYS_AFTER_EXPOSURE * DAY_US) & (declared.declared_us < until_us)
    counts = np.flatnonzero((person[row] == declared.person) & in_time)
    # Ascending by time within a person, so the first entry of each row is the earliest declaration.
    of_row, first = np.unique(row[counts], return_index=True)
    entry = np.full(person.size, -1, np.int64)
    entry[of_row] = counts[first]
    # -1 becomes null, and taking at null gives null.
    taken = pa.array(entry, mask=entry < 0)
    return FirstDeclarations(
        declared.symptoms.take(taken), column(declared.declared_us).cast(INSTANT).take(taken)
    )


def _of_lake(_lake: Lake, declarations: Snapshot) -> Symptomatic:
    parts = [read_live_file(file, _SCHEMA) for file in declarations.files]
    return symptomatic(pa.concat_tables([_SCHEMA.empty_table(), *parts]))


_of_newest = OfNewest("declarations", _of_lake)
_NOBODY: Final = symptomatic(_SCHEMA.empty_table())


def symptomatic_declarations(lake: Lake) -> Symptomatic:
    """Return the declarations of a lake that name a symptom; without the table that takes microseconds."""
    if snapshot(lake, "declarations").version == NO_TABLE:
        return _NOBODY
    declared = _of_newest(lake)
    return _of_humans(lake, declared) if isinstance(lake, HumanLake) else declared


def _of_humans(lake: HumanLake, declared: Symptomatic) -> Symptomatic:
    """Relabel declarations for a lake of humans."""
    person = human_of(lake, declared.person)
    rows = pa.table({"person": person, "at": declared.declared_us, "symptoms": declared.symptoms})
    # Several tokens of a human come together: sorted again by (person, time, symptoms).
    order = pc.sort_indices(rows, [(name, "ascending") for name in rows.column_names])
    at = order.to_numpy()
    return Symptomatic(person[at], declared.declared_us[at], declared.symptoms.take(order))
