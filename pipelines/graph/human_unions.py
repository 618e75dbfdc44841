"""The union of stays that several identifiers of one human made at one venue at the same time.

Pure functions over columns of stays.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from pipelines.kernels.types import Bool, Int64
from pipelines.lake.sidecars.sidecar import enter_code, exit_code, kinds_of
from schemas.codes import ENTER_KINDS, EXIT_KINDS

_SCANNED_IN, _SCANNED_OUT = ENTER_KINDS.index("scanned"), EXIT_KINDS.index("scanned")


@dataclass(frozen=True)
class HumanStays:
    """Stays of people who have several identifiers; all columns int64[s].

    Attributes:
        file: the position of the file in the order of persons.
        row: the row in it.
        token: of the identifier that was scanned.
        human: the token that stands for the person.
        venue: where.
        enter_us, exit_us, imputed_from_us: microseconds UTC, as in `Sidecar`.
        kinds: the codes of enter and exit kind.
        stay_id: of the stay.
        zone: a number for each zone, and one for none.
    """

    file: Int64
    row: Int64
    token: Int64
    human: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64
    kinds: Int64
    stay_id: Int64
    zone: Int64

    def at(self, chosen: Int64) -> "HumanStays":
        """Return some of the stays, by position."""
        return HumanStays(*(getattr(self, one.name)[chosen] for one in fields(self)))


@dataclass(frozen=True)
class Relabelled:
    """What becomes of each stay.

    Attributes:
        is_changed: bool[s], whether it is not as the lake holds it.
        exit_us, imputed_from_us: int64[s], of the union that it stands for, microseconds UTC.
        kinds: int64[s], likewise.
        is_union: bool[s], whether it stands for several.
        is_dropped: bool[s], whether another stands for it.
        is_zoneless: bool[s], whether those that it stands for name different zones.
    """

    is_changed: Bool
    exit_us: Int64
    imputed_from_us: Int64
    kinds: Int64
    is_union: Bool
    is_dropped: Bool
    is_zoneless: Bool

    def at(self, chosen: Int64) -> "Relabelled":
        """Return some of the stays, by position."""
        return Relabelled(*(getattr(self, one.name)[chosen] for one in fields(self)))

    def columns(self) -> tuple[Any, ...]:
        """Return all but `is_changed`, in their order."""
        return tuple(getattr(self, one.name) for one in fields(self))[1:]


def relabelled(stays: HumanStays) -> Relabelled:
    """Decide what becomes of stays: each union of two identifiers or more is a stay of its own.

    It has the enter of the first and the exit of the last; what is imputed of it follows from these as of
    any stay: all of it when the enter is imputed, else what lies behind the last scan unless the exit was
    scanned. Stays of one identifier that overlap stay apart, as they do without links.
    """
    from pipelines.kernels.sort import as_unsigned, dense_rank, order_by  # they load Numba

    size = stays.row.size
    (human, _), (venue, venues) = dense_rank(stays.human), dense_rank(stays.venue)
    # Stays that begin together are ordered by id: the same one always stands for a union.
    tie = as_unsigned(stays.stay_id)
    order = order_by(human * max(venues.size, 1) + venue, stays.enter_us, tie, tie)
    some = stays.at(order)
    begins = np.flatnonzero(_begins(some))
    if size == 0 or begins.size == size:
        return _unjoined(stays)
    number = np.cumsum(np.bincount(begins, minlength=size)) - 1  # the union of each stay

    # A union of two tokens joins identifiers. `[number]` spreads a value of each union to its stays.
    least = np.minimum.reduceat(some.token, begins)
    joined = (least != np.maximum.reduceat(some.token, begins))[number]
    is_first = np.zeros(size, np.bool_)
    is_first[begins] = True
    enter_us = some.enter_us[begins][number]
    exit_us = np.maximum.reduceat(some.exit_us, begins)[number]
    # Only stays that begin, or end, with the union have a say in how it was entered, or left.
    entered = _least(np.where(some.enter_us == enter_us, enter_code(some.kinds), len(ENTER_KINDS)), begins)
    left = _least(np.where(some.exit_us == exit_us, exit_code(some.kinds), len(EXIT_KINDS)), begins)
    seen_us = np.maximum.reduceat(_last_seen_us(some), begins)[number]
    # The union is imputed behind the last scan of any of its stays, or as a whole.
    imputed_us = np.where(left[number] == _SCANNED_OUT, exit_us, np.minimum(seen_us, exit_us))
    imputed_us = np.where(entered[number] == _SCANNED_IN, imputed_us, enter_us)
    zone = np.minimum.reduceat(some.zone, begins) != np.maximum.reduceat(some.zone, begins)

    # From the order of the unions back to that of the caller.
    back = np.empty(size, np.int64)
    back[order] = np.arange(size)
    return Relabelled(
        (joined | (some.token != some.human))[back],
        np.where(joined, exit_us, some.exit_us)[back],
        np.where(joined, imputed_us, some.imputed_from_us)[back],
        np.where(joined, kinds_of(entered, left)[number], some.kinds)[back],
        (joined & is_first)[back],
        (joined & ~is_first)[back],
        (joined & zone[number])[back],
    )


def _begins(stays: HumanStays) -> Bool:
    """Tell which stays, by (human, venue, enter), overlap none before them; touching is no overlap."""
    size = stays.row.size
    is_new = np.ones(size, np.bool_)
    if size < 2:
        return is_new
    is_new[1:] = (stays.human[1:] != stays.human[:-1]) | (stays.venue[1:] != stays.venue[:-1])
    group = np.cumsum(is_new) - 1
    by_exit = np.argsort(stays.exit_us, kind="stable")
    rank = np.empty(size, np.int64)
    rank[by_exit] = np.arange(size)
    # The latest exit so far in each group: ranks are small enough to put the group above them.
    latest = np.maximum.accumulate(group * size + rank) - group * size
    is_new[1:] |= stays.enter_us[1:] >= stays.exit_us[by_exit][latest[:-1]]
    return is_new


def _last_seen_us(stays: HumanStays) -> Int64:
    """Return the time of the last scan of each stay, as its imputed part tells it."""
    scanned_in, scanned_out = (
        enter_code(stays.kinds) == _SCANNED_IN,
        exit_code(stays.kinds) == _SCANNED_OUT,
    )
    return np.where(scanned_out, stays.exit_us, np.where(scanned_in, stays.imputed_from_us, stays.enter_us))


def _least(codes: Int64, begins: Int64) -> Int64:
    """Return the smallest code of each union: of equal instants a scanned one counts."""
    least: Int64 = np.minimum.reduceat(codes, begins)
    return least


def _unjoined(stays: HumanStays) -> Relabelled:
    none = np.zeros(stays.row.size, np.bool_)
    changed = stays.token != stays.human
    return Relabelled(changed, stays.exit_us, stays.imputed_from_us, stays.kinds, none, none, none)
