"""Who is flagged in a lake, and which stays the scans of flagged devices belong to."""

from collections.abc import Iterator

import numpy as np

from pipelines.anomalies.crowding import peaks
from pipelines.anomalies.evidence import Evidence, flag_tests, significant_units
from pipelines.anomalies.flag_definitions import FLAGS, PERSON, STAY, VENUE
from pipelines.anomalies.scan_table import ScanTable, read_scan_table
from pipelines.anomalies.tested_units import numbered
from pipelines.kernels.group_by import changes
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, snapshot
from pipelines.lake.sidecars.sidecar import Sidecar, open_sidecar

Entries = tuple[Int64, Int64, Int64]
"""Kind, id and bits, int64[e] each."""


def entries_of(lake: Lake, evidence: Evidence | None = None) -> Entries:
    """Return the flags of venues, persons and stays, ascending by (kind, id).

    Args:
        lake: where.
        evidence: of all its scans, if it is there already.

    Raises:
        DataError: a file is damaged or may not be read.
    """
    evidence = evidence or Evidence(read_scan_table(lake), lambda: peaks(lake))
    scans = evidence.scans
    # Venues are tested by their position in the registry; the lake names them by id.
    number, bits = _flagged(evidence, "venue")
    venues = scans.venues.ids[number], bits
    persons = _flagged(evidence, "person")
    parts = [
        (VENUE, *venues),
        (PERSON, *persons),
        (STAY, *_stays(lake, scans, *_flagged(evidence, "scanner"))),
    ]
    # VENUE < PERSON < STAY, each part ascending by id: the whole ascends by (kind, id).
    kind = np.concatenate([np.full(ids.size, kind, np.int64) for kind, ids, _ in parts])
    return kind, np.concatenate([ids for _, ids, _ in parts]), np.concatenate([bits for *_, bits in parts])


def _flagged(evidence: Evidence, by: str) -> tuple[Int64, Int64]:
    """Return the ids of flagged units, ascending, and their bits."""
    ids, bits = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for test in flag_tests(evidence, by):
        found = significant_units(test)
        ids.append(found)
        # One bit a flag, at its position in FLAGS, which kept sidecars rely on.
        bits.append(np.full(found.size, 1 << FLAGS.index(test.flag), np.int64))
    return together(np.concatenate(ids), np.concatenate(bits))


def together(ids: Int64, bits: Int64) -> tuple[Int64, Int64]:
    """Return each id once, ascending, with the bits of all its entries.

    Example:
        >>> [values.tolist() for values in together(np.array([7, 5, 7]), np.array([1, 2, 4]))]
        [[5, 7], [2, 5]]
    """
    order = order_of(ids)
    ids, bits = ids[order], bits[order]
    starts = np.flatnonzero(changes(ids)) if ids.size else np.empty(0, np.int64)
    return ids[starts], np.bitwise_or.reduceat(bits, starts) if ids.size else bits


def _stays(lake: Lake, scans: ScanTable, scanner: Int64, bits: Int64) -> tuple[Int64, Int64]:
    """Return the stays that scans of flagged devices belong to, and the bits of these devices."""
    if not scanner.size:
        return scanner, bits
    # `scanner` ascends; a token that is not in it lands on a neighbour and fails the comparison.
    at = np.minimum(np.searchsorted(scanner, scans.scanner), scanner.size - 1)
    rows = np.flatnonzero(scans.has_scanner & (scanner[at] == scans.scanner))
    of_scan = bits[at[rows]]
    # File by file, so that the stays of all dates never lie in memory together.
    parts = [
        _in_file(
            columns, scans.person[rows], scans.venues.ids[scans.venue[rows]], scans.occurred_us[rows], of_scan
        )
        # by=person only: the other order holds the same stays, and each would be found twice.
        for columns in _by_person(lake)
    ]
    none = np.empty(0, np.int64)
    ids, found = (np.concatenate([none, *(part[column] for part in parts)]) for column in range(2))
    return together(ids, found)


def _by_person(lake: Lake) -> Iterator[Sidecar]:
    for file in snapshot(lake, "stays").files:
        if file.partition["by"] == "person":
            columns = open_sidecar(file)
            columns.check("person", "venue", "enter_us", "exit_us", "stay_id")
            yield columns


def _in_file(stays: Sidecar, person: Int64, venue: Int64, at_us: Int64, bits: Int64) -> tuple[Int64, Int64]:
    """Return the stays of a file that scans lie in, both ends included, and the bits of these scans."""
    none = np.empty(0, np.int64)
    if not stays.rows or not at_us.size:
        return none, none
    # Only scans that can lie in a stay of this file are packed, which keeps their times small.
    first_us, last_us = int(stays.enter_us.min()), int(stays.exit_us.max())
    near = np.flatnonzero((at_us >= first_us) & (at_us <= last_us))
    if not near.size:
        return none, none
    # Stays and scans get one numbering of (person, venue), so that one int64 packs pair and time.
    pair = _pairs(np.concatenate([stays.person, person[near]]), np.concatenate([stays.venue, venue[near]]))

    # key = pair << width | microseconds since the file's first enter; it sorts as (pair, time) does
    width = (last_us - first_us + 1).bit_length()
    begins = (pair[: stays.rows] << width) + (stays.enter_us - first_us)
    order = order_of(begins)
    wanted = (pair[stays.rows :] << width) + (at_us[near] - first_us)
    # The last stay of the pair that began at or before the scan; -1 is none.
    before = np.searchsorted(begins[order], wanted, "right") - 1
    row = order[np.maximum(before, 0)]
    inside = (before >= 0) & (pair[row] == pair[stays.rows :]) & (at_us[near] <= stays.exit_us[row])
    return stays.stay_id[row[inside]], bits[near[inside]]


def _pairs(one: Int64, other: Int64) -> Int64:
    """Return a number for each pair of values, counted from 0."""
    # Ranks, not tokens: the product of two int64 tokens would overflow.
    first, second = numbered(one)[0], numbered(other)[0]
    found: Int64 = numbered(first * (int(second.max()) + 1) + second)[0]
    return found
