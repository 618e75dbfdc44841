"""Tables of counts that may be published."""

import math
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import pyarrow as pa

from pipelines.answer import Answer
from pipelines.disclosure.count_cells import Counted, TableCut, count_bounded, count_cells
from pipelines.disclosure.linked_cells import Counts, Mask, with_margins
from pipelines.disclosure.releases import Protection, Release, ReleaseRegister
from pipelines.disclosure.rounding import rounded
from pipelines.errors import UsageError
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.freshness import freshness_of_scans

K = 11
BASE = 5
TOTAL = "total"
_MOST = 1_000_000


def statistics(
    lake: LakeLike,
    rows: str = "district",
    columns: str = "week",
    *,
    measure: str = "people",
    k: int = K,
    base: int = BASE,
    epsilon: float | None = None,
    audit: bool = False,
) -> Answer:
    """Count people, scans or stays in a table that may be published, and note the release.

    Counts from 1 to k - 1 are hidden, and others until nothing hidden can be derived; the rest is rounded.
    Of a measure and a version of `scans` one cut is released; the same question is answered with the table
    that was released then.

    Example:
        >>> statistics(lake, "type", "week", measure="stays", k=2, base=1).to_pylist()
        [{'type': 'home', '2021-W27': None, 'total': None},
         {'type': 'restaurant', '2021-W27': None, 'total': None},
         {'type': 'total', '2021-W27': 3, 'total': 3}]

    Args:
        lake: the lake, or where it lies.
        rows: `district`, `type`, `week` (ISO, `2021-W27`) or `day`, both local, of the registry and the time
            of a scan or of the begin of a stay.
        columns: another of them.
        measure: `people` (distinct in each cell), `scans` or `stays`.
        k: the least count that is shown; 0 is shown as well.
        base: what shown counts are rounded to; 1 rounds nothing.
        epsilon: add noise by OpenDP instead of hiding cells: the privacy loss of a person and week.
        audit: release nothing, and answer what a reader of the table could derive of its hidden cells.

    Returns:
        The row dimension as text, a column for each value of the other, and `total`; the last row is `total`.
        Hidden counts are null. Totals are sums of cells. With `audit` a row for each hidden cell with `low`
        and `high`, null without a limit.

    Raises:
        UsageError: the question is malformed.
        RefusedError: these counts were released in another cut, or with more protection; or the register in
            `LAKE.releases` cannot be written.
        ServiceError: OpenDP is not installed.
        DataError: there is no such lake, or a file of it or of the register is damaged.
    """
    cut = TableCut(measure, rows, columns)
    cut.check()
    protection = _protection(k, base, epsilon, audit=audit, measure=measure)
    where = opened(lake)
    register = ReleaseRegister(where, measure)
    # First without the lock: a table that was released before is only read again.
    release = register.find(cut.said, protection)
    if release is None:
        # An audit releases nothing, so it needs neither the lock nor a line in the register.
        with nullcontext() if audit else register.held():
            release = register.find(cut.said, protection)  # another process may have come first
            if release is None:
                release = _new_release(where, cut, protection, register)
                if not audit:
                    register.add(release)
    notes = _notes(cut, release, register)
    if audit:
        # Here and not above: a table that was released before needs no solver.
        from pipelines.disclosure.audit import audit_table

        notes += [_AUDITED, *freshness_of_scans(where).lines()]  # no hidden cell is nothing to warn of
        return Answer(audit_table(release, (rows, columns)), tuple(notes))
    return Answer(table_of(release), tuple(notes), lambda: freshness_of_scans(where))


_AUDITED = (
    "low and high: what a reader can derive of each hidden count; low knows nothing of hidden counts, "
    "high knows that none is 0"
)


def _protection(k: int, base: int, epsilon: float | None, *, audit: bool, measure: str) -> Protection:
    for flag, value in (("--k", k), ("--round", base)):
        if not 1 <= value <= _MOST:
            raise UsageError(f"{flag} must be an integer from 1 to {_MOST:,}", f"leave {flag} out")
    if epsilon is not None:
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise UsageError("--epsilon must be a number > 0", "write --epsilon 1")
        if audit:
            raise UsageError(
                "--audit does not go with --epsilon", "noise hides no cell: leave one of them out"
            )
        if measure != "people":
            raise UsageError("--epsilon needs --measure people", "how often a person scans has no bound")
    return Protection(k, base, epsilon)


def _new_release(lake: Lake, cut: TableCut, protection: Protection, register: ReleaseRegister) -> Release:
    if protection.epsilon is None:
        counted = count_cells(lake, cut)
        cells = protected(counted.counts, protection, register.earlier())
    else:
        from pipelines.disclosure.noise import MOST_CELLS, noisy

        # With noise: counts of people with bounded contributions, so that epsilon means what it says.
        counted = count_bounded(lake, cut, MOST_CELLS)
        # Totals are of the noisy counts as drawn. Cut off at 0 first, their errors would no longer cancel.
        drawn = with_margins(noisy(counted.counts, protection.epsilon)).counts
        shown = rounded(np.maximum(drawn, 0), protection.base)
        shape = len(counted.rows) + 1, len(counted.columns) + 1
        cells = with_nulls(shown.reshape(shape), np.zeros(shape, bool))  # noise hides no cell
    return _release(cut, protection, register, counted, cells)


def protected(counts: Counts, protection: Protection, earlier: Sequence[Release]) -> list[list[int | None]]:
    """Return a table with its totals, hidden and rounded; None is hidden.

    Args:
        counts: of shape (rows, columns).
        protection: how much is hidden.
        earlier: releases of the same table, whose hidden cells stay hidden.
    """
    # Here and not above: noise, and a table that was released before, need no solver.
    from pipelines.disclosure.audit import check_safe
    from pipelines.disclosure.suppress import hidden_cells

    cells = with_margins(counts)
    # What an earlier release hid stays hidden: shown now, it would be known there too.
    before = np.zeros(len(cells.counts), bool)
    for release in earlier:
        before |= np.array([cell is None for row in release.rows for cell in row[1:]], bool)
    hidden = hidden_cells(cells, protection.k, before)
    # Checked as if the shown counts were exact; rounding tells a reader less still.
    check_safe(cells, hidden, protection.k)
    shape = tuple(size + 1 for size in counts.shape)
    return with_nulls(rounded(cells.counts, protection.base).reshape(shape), hidden.reshape(shape))


def with_nulls(counts: Counts, hidden: Mask) -> list[list[int | None]]:
    """Return rows of counts, None where they are hidden."""
    return [
        [None if is_hidden else int(count) for count, is_hidden in zip(*row, strict=True)]
        for row in zip(counts, hidden, strict=True)
    ]


def _release(
    cut: TableCut,
    protection: Protection,
    register: ReleaseRegister,
    counted: Counted,
    cells: list[list[int | None]],
) -> Release:
    names = (*counted.rows, TOTAL)
    rows = tuple((name, *row) for name, row in zip(names, cells, strict=True))
    return Release(cut.said, protection, register.versions, (cut.rows, *counted.columns, TOTAL), rows)


def table_of(release: Release) -> pa.Table:
    """Return the rows of a release."""
    columns = list(zip(*release.rows, strict=True))
    kinds = [pa.string(), *(pa.int64() for _ in columns[1:])]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(release.columns))


def _notes(cut: TableCut, release: Release, register: ReleaseRegister) -> list[str]:
    protection = release.protection
    by_place = "of the registry, 'none' without one or at a code that is not registered"
    said = [f"{cut.said}, weeks and days local, districts and types {by_place}"]
    if cut.measure == "people":
        said.append("people are distinct within a cell; a total adds cells, so a person may count in several")
    if protection.epsilon is not None:
        from pipelines.disclosure.noise import MOST_CELLS

        said.append(
            f"noise of epsilon = {protection.epsilon:g} for each person and week, who counts in at most "
            f"{MOST_CELLS} cells: counts are off by {MOST_CELLS / protection.epsilon:,.0f} on average"
        )
    else:
        cells = [cell for row in release.rows for cell in row[1:]]
        said.append(
            f"{sum(cell is None for cell in cells):,} of {len(cells):,} cells are hidden: counts from 1 to "
            f"{protection.k - 1}, and others from which they could be derived; the rest is rounded to "
            f"{protection.base}"
        )
    # The register refuses a second cut of one version only; over versions it can but warn.
    said += [
        f"an earlier version of these counts was released as {other}: where little has changed since, "
        "the two tables can be subtracted"
        for other in register.other_cuts(cut.said)
    ]
    return said
