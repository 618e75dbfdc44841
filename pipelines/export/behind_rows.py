"""The stays behind the rows of a list, and the people at a place: read from the lake."""

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipelines.export.exposure_list import MILESTONES, STAYS, ListedCase
from pipelines.export.pages.notice import PublicStay
from pipelines.graph.infectious_window import Window
from pipelines.graph.read_stays import read_stays
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, OfNewest, Snapshot, read_table
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.registry.venue_names import described
from pipelines.times import EPOCH
from schemas.districts import address_of
from schemas.tables import STAYS as STAYS_TABLE

# `venue` is read as the id and becomes the code in _with_names.
_READ_COLUMNS = ("stay_id", "person", "venue", "enter", "exit", "enter_kind", "exit_kind", "last_seen")
_READ = pa.schema([STAYS_TABLE.schema.field(name) for name in _READ_COLUMNS])
_WHERE = pa.schema([field for field in _READ if field.name != "last_seen"])
_IN_WINDOW = pa.schema([*(field for field in STAYS if field.name != "last_seen"), ("venue_id", pa.int64())])
HOME = "home"


def stays_behind(lake: Lake, persons: Int64, stay_ids: Int64, span: Span) -> pa.Table:
    """Stays by their ids.

    Args:
        lake: where.
        persons: int64[p], tokens of whom they are.
        stay_ids: int64[s].
        span: the time they reach into.

    Returns:
        Rows of `STAYS`, ordered by person, enter.
    """
    # isin against distinct, sorted ids: a stay is behind several rows.
    wanted = np.unique(stay_ids)
    rows = read_stays(
        lake, _READ, np.unique(persons), span, lambda columns, row: np.isin(columns.stay_id[row], wanted)
    )
    rows = _with_names(lake, rows)
    return rows.select(STAYS.names).cast(STAYS).sort_by([("person", "ascending"), ("enter", "ascending")])


def people_at(lake: Lake, venue: int, from_us: int, to_us: int) -> int:
    """How many distinct people were at a venue in [from, to), microseconds UTC."""
    found: list[Int64] = []
    for stays in sidecars(live_files(lake, "venue", Span(from_us, to_us), np.array([venue], np.int64))):
        # The order of venue files: a venue's stays are one slice.
        first, last = np.searchsorted(stays.venue, [venue, venue + 1])
        rows = slice(first, last)
        there = (stays.enter_us[rows] < to_us) & (stays.exit_us[rows] > from_us)
        found.append(stays.person[rows][there])
    # One person may have several stays there, in several files.
    return int(np.unique(np.concatenate(found)).size) if found else 0


def _names_by_code(lake: Lake, _newest: Snapshot) -> Mapping[str, str]:
    rows = read_table(lake, "venues", ["venue_code", "name"])
    rows = rows.filter(rows["name"].is_valid())
    return dict(zip(rows["venue_code"].to_pylist(), rows["name"].to_pylist(), strict=True))


names_by_code = OfNewest("venues", _names_by_code)
"""The names of all registered venues that have one, by code; kept until the registry changes."""


def milestones_of(lake: Lake, cases: Sequence[ListedCase]) -> pa.Table:
    """The stays of cases that reach into their infectious windows, whole; by case and enter.

    Args:
        lake: where.
        cases: each with its window.
    """
    parts = [MILESTONES.empty_table()]
    for case in cases:
        stays = _stays_in_window(lake, case)
        rows = stays.append_column("case", pa.array([case.case_id] * stays.num_rows, pa.string()))
        parts.append(rows.select(MILESTONES.names).cast(MILESTONES))
    return pa.concat_tables(parts)


def public_stays(lake: Lake, cases: Sequence[ListedCase]) -> list[PublicStay]:
    """The stays of cases in their infectious windows that may be published: none at homes."""
    registry = read_table(lake, "venues", ["venue", "type", "district_code", "commune_code"])
    known = {row["venue"]: row for row in registry.to_pylist()}
    found = []
    for case in cases:
        for stay in _stays_in_window(lake, case).to_pylist():
            # A venue without a row in the registry counts as no home.
            place = known.get(stay["venue_id"], {})
            # Only the registry can tell a home.
            if place.get("type") != HOME:
                address = address_of(place.get("district_code"), place.get("commune_code"))
                times = (_us(stay["enter"]), _us(stay["exit"]))
                found.append(PublicStay(stay["venue_id"], stay["name"] or "", address, *times))
    return found


def _stays_in_window(lake: Lake, case: ListedCase) -> pa.Table:
    """The stays of a case that overlap its window: columns of `STAYS` but `last_seen`, and `venue_id`."""
    window = Window(case.start_us, case.end_us)

    def keep(columns: Sidecar, row: Int64) -> Bool:
        # Clipped to the window and not empty: touching it is not being in it.
        start_us = np.maximum(columns.enter_us[row], window.start_us)
        met: Bool = start_us < np.minimum(columns.exit_us[row], window.end_us)
        return met

    rows = _WHERE.empty_table()
    if not window.empty:
        persons = np.array([case.person], np.int64)
        rows = read_stays(lake, _WHERE, persons, Span(window.start_us, window.end_us), keep)
    # _with_names puts the code into `venue`; the id is kept for joins.
    rows = rows.append_column("venue_id", rows["venue"])
    return _with_names(lake, rows).select(_IN_WINDOW.names).cast(_IN_WINDOW).sort_by("enter")


def _with_names(lake: Lake, rows: pa.Table) -> pa.Table:
    """The rows with the code of each venue for its id, and its name."""
    said = described(lake, rows["venue"].to_numpy())
    rows = rows.set_column(rows.schema.get_field_index("venue"), "venue", said["venue"])
    return rows.append_column("name", said["name"])


def _us(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(microseconds=1)
