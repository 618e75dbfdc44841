"""The table of long pairs as it will be, once all buckets have told what changes."""

import numpy as np
import pyarrow as pa

from pipelines.kernels.arrow_columns import event_key_words
from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import LiveFile, snapshot
from pipelines.runtime.spill import Piece, read_pieces
from pipelines.times import DAY_US
from pipelines.windowing.find_long_pairs import (
    AFTER,
    AROUND,
    BEFORE,
    CROSSING,
    KNOWN,
    PAIR_CHANGES,
    SEARCHED,
    SEARCHES,
    PairFindings,
    pair_changes,
    pairs_of,
)
from pipelines.windowing.long_pairs import read_pairs
from pipelines.windowing.pairing import pair, twins
from pipelines.windowing.plan import RecomputePlan, date_of
from pipelines.windowing.scan_files import direction_codes, micros, read_batches
from pipelines.windowing.stay_neighbours import first_lone_out_after, last_open_before
from pipelines.windowing.stay_rows import PUT_IN, TAKE_OUT
from pipelines.windowing.stay_scan import NO_ZONE

_COLUMNS = ("event_key", "person", "venue", "direction", "occurred_at")


def settled_pairs(plan: RecomputePlan, findings: PairFindings) -> pa.Table | None:
    """Return the long pairs of the lake, or None if they are unchanged.

    Args:
        plan: of the recomputation.
        findings: of all buckets.

    Returns:
        Rows of `long_pairs.CODED`, in no particular order.

    Raises:
        DataError: a file cannot be read.
    """
    base = read_pairs(plan.lake, plan.pairs_version)
    changes = _read(findings.changes, PAIR_CHANGES)
    searches = _read(findings.searches, SEARCHES)
    if searches.num_rows:
        scans = _read(findings.scans, SEARCHED)
        changes = pa.concat_tables([changes, _searched(plan, base, searches, scans)])
    rows = merged_pairs(base.slice(0, 0) if plan.is_rebuild else base, changes)
    order = [("person", "ascending"), ("stay_id", "ascending")]
    # Unchanged pairs make no new version of the table.
    return None if rows.sort_by(order).equals(base.sort_by(order)) else rows


def merged_pairs(base: pa.Table, changes: pa.Table) -> pa.Table:
    """Take rows out of long pairs and put rows in; each `out` ends one pair at most."""
    puts = changes["change"].to_numpy() == PUT_IN
    arriving = changes.filter(pa.array(puts)).select(base.column_names)
    # One pair may be found by two searches.
    keys = arriving["person"].to_numpy(), arriving["stay_id"].to_numpy()
    _, first = np.unique(np.stack(keys), axis=1, return_index=True)
    arriving = arriving.take(pa.array(first))
    # A row put in takes out the row of the same `out` too, so it replaces it.
    gone = twins(
        changes["person"].to_numpy(),
        changes["stay_id"].to_numpy(),
        base["person"].to_numpy(),
        base["stay_id"].to_numpy(),
    )
    return pa.concat_tables([base.filter(pa.array(gone < 0)), arriving]).combine_chunks()


def _searched(plan: RecomputePlan, base: pa.Table, searches: pa.Table, scans: pa.Table) -> pa.Table:
    """Search the unread dates for changes of pairs, rows of `PAIR_CHANGES`.

    Each search becomes a window of time, outside of which nothing can matter;
    with all scans of its person in the window the pairing rule decides.
    """
    windows = _windows(plan, searches)
    persons = IdSet(windows.column("person").to_numpy())
    files = _files_between(plan, windows)
    read = [_scans_of(plan, file, persons) for file in files]
    # People whose search found no neighbour have dropped out of `windows`.
    known = scans.filter(pa.array(persons.holds(scans["person"].to_numpy())))
    pairs = _paired(plan, pa.concat_tables([known, *read]))
    # Outside the windows dates are missing, and pairing would see neighbours that are none.
    found = pairs.filter(pa.array(_is_within(pairs, windows)))
    # A pair that still holds is in `found`, and is put back.
    doubted = windows.filter(pa.array(windows["kind"].to_numpy() == KNOWN))
    gone = base.filter(pa.array(_is_one_of(base, doubted)))
    return pa.concat_tables([pair_changes(gone, TAKE_OUT), pair_changes(found, PUT_IN)])


def _windows(plan: RecomputePlan, searches: pa.Table) -> pa.Table:
    """Return the searches whose neighbours are known by now, with the instants of both scans."""
    kind = searches["kind"].to_numpy()
    # These know both of their scans already, so they are windows as they are.
    direct = searches.filter(pa.array((kind == KNOWN) | (kind == CROSSING)))
    files = [file for file in plan.stays.files if file.partition["by"] == "person"]

    # The others look for one neighbour, or two, on the unread dates.
    person, venue, at_us = (searches[name].to_numpy() for name in ("person", "venue", "from_us"))
    backward = np.flatnonzero((kind == BEFORE) | (kind == AROUND))
    forward = np.flatnonzero((kind == AFTER) | (kind == AROUND))
    # The stays tell the nearest neighbour cheaply; whether it makes a pair, pairing in the window decides.
    came = last_open_before(files, plan.unread, person[backward], at_us[backward])
    left = first_lone_out_after(files, plan.unread, person[forward], at_us[forward])
    size = searches.num_rows
    ends = {
        "venue_in": _spread(size, backward, came.venue, came.found),
        "venue_out": _spread(size, forward, left.venue, left.found),
        "in": _spread(size, backward, came.at_us, came.found),
        "out": _spread(size, forward, left.at_us, left.found),
    }
    # By row of `searches` from here on.
    has_in, has_out = _marked(size, backward, came.found), _marked(size, forward, left.found)
    fits_in, fits_out = ends["venue_in"] == venue, ends["venue_out"] == venue
    both = has_in & has_out & (ends["venue_in"] == ends["venue_out"])
    # A pair is of one venue: a nearest neighbour elsewhere ends it.
    chosen = np.flatnonzero(
        ((kind == BEFORE) & has_in & fits_in)
        | ((kind == AFTER) & has_out & fits_out)
        | ((kind == AROUND) & both)
    )
    # Where one neighbour was looked for, the known scan is the other end of the window.
    from_us = np.where(has_in, ends["in"], at_us)[chosen]
    to_us = np.where(has_out, ends["out"], at_us)[chosen]
    found = pa.table([kind[chosen], person[chosen], venue[chosen], from_us, to_us], schema=SEARCHES)
    return pa.concat_tables([direct, found]).combine_chunks()


def _spread(size: int, place: Int64, values: Int64, found: Bool) -> Int64:
    spread = np.zeros(size, np.int64)
    spread[place[found]] = values[found]
    return spread


def _marked(size: int, place: Int64, found: Bool) -> Bool:
    marks = np.zeros(size, np.bool_)
    marks[place[found]] = True
    return marks


def _files_between(plan: RecomputePlan, windows: pa.Table) -> list[LiveFile]:
    """Return the files of `scans` on unread dates inside a window."""
    unread: Int64 = np.array(plan.unread, np.int64)
    first = np.searchsorted(unread, windows["from_us"].to_numpy() // DAY_US, "left")
    last = np.searchsorted(unread, windows["to_us"].to_numpy() // DAY_US, "right")
    # How many windows lie over each unread date: +1 where one begins, -1 behind its last.
    depth = np.zeros(unread.size + 1, np.int64)
    np.add.at(depth, first, 1)
    np.add.at(depth, last, -1)
    dates = set(unread[np.cumsum(depth)[:-1] > 0].tolist())
    files = snapshot(plan.lake, "scans", plan.scans_version).files
    return [file for file in files if date_of(file) in dates]


def _scans_of(plan: RecomputePlan, file: LiveFile, persons: IdSet) -> pa.Table:
    """Read the scans of some persons at registered venues from a file."""
    parts = [SEARCHED.empty_table()]
    for batch in read_batches(file.path, _COLUMNS):
        venue, at_us = batch["venue"].to_numpy(), micros(batch["occurred_at"])
        types = plan.registries.after.type_codes(venue, at_us)
        # Only scans at venues that are registered now: the others take part in nothing.
        row = np.flatnonzero(persons.holds(batch["person"].to_numpy()) & (types >= 0))
        high, low = event_key_words(batch["event_key"])
        columns = {
            "person": batch["person"].to_numpy()[row],
            "venue": venue[row],
            "occurred_us": at_us[row],
            "event_high": high[row],
            "event_low": low[row],
            "direction": direction_codes(batch["direction"])[row],
            "type_after": types[row],
        }
        parts.append(pa.table([columns[name] for name in SEARCHED.names], schema=SEARCHED))
    return pa.concat_tables(parts)


def _paired(plan: RecomputePlan, scans: pa.Table) -> pa.Table:
    """Pair scans and return the long pairs."""
    columns = {name: scans[name].to_numpy() for name in SEARCHED.names}
    # Zones decide no pair.
    no_zone = np.full(scans.num_rows, NO_ZONE, np.int32)
    stays = pair(
        columns["person"],
        columns["venue"],
        columns["occurred_us"],
        columns["event_high"],
        columns["event_low"],
        columns["direction"],
        no_zone,
        columns["type_after"],
        plan.rules,
    )
    return pairs_of(stays)


def _is_within(pairs: pa.Table, windows: pa.Table) -> Bool:
    """Tell which pairs lie inside a window of their person: only there all scans are known."""
    # Few enough for dictionaries.
    spans: dict[int, list[tuple[int, int]]] = {}
    columns = (windows[name].to_pylist() for name in ("person", "from_us", "to_us"))
    for person, from_us, to_us in zip(*columns, strict=True):
        spans.setdefault(person, []).append((from_us, to_us))
    rows = zip(*(pairs[name].to_pylist() for name in ("person", "in_at", "out_at")), strict=True)
    return np.array(
        [
            any(first <= came and left <= last for first, last in spans.get(person, ()))
            for person, came, left in rows
        ],
        np.bool_,
    )


def _is_one_of(base: pa.Table, windows: pa.Table) -> Bool:
    """Tell which pairs of the table a search was about."""
    names = ("person", "venue", "from_us", "to_us")
    wanted = set(zip(*(windows[name].to_pylist() for name in names), strict=True))
    rows = zip(*(base[name].to_pylist() for name in ("person", "venue", "in_at", "out_at")), strict=True)
    return np.array([row in wanted for row in rows], np.bool_)


def _read(pieces: tuple[Piece, ...], schema: pa.Schema) -> pa.Table:
    return read_pieces(pieces).cast(schema) if pieces else schema.empty_table()
