"""What a QR system observes of the true movements: scans, with everything that goes wrong.

People with a phone or a card usually scan when they enter and less often when
they leave; guards scan each visitor once a day; some posters do not distinguish
in and out. Phones and readers have wrong clocks and lose the network, records
arrive twice or broken, and photographed codes are scanned at other places.

Times are seconds of the world.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.simulate.dtypes import Bytes, Floats, Int64, Row, Rows, Words
from pipelines.simulate.malformed import FLAW_COUNT, UNUSUAL_COUNT
from pipelines.simulate.people import People
from pipelines.simulate.places import GUARD, MANUAL, ONE_WAY, SELF, Places
from pipelines.simulate.rng import below, chance, draw, key, mix, unit
from pipelines.simulate.rng_streams import EVENT_ID, PHONE_OFFLINE, READER_OFFLINE, SIGHT
from pipelines.simulate.settings import Settings

SCAN = np.dtype(
    [
        ("event_id", "u8"),
        ("written", "i8"),
        ("at", "i4"),
        ("arrives", "i4"),
        ("person", "i4"),
        ("place", "i4"),
        ("zone", "u1"),
        ("kind", "u1"),
        ("copy", "u1"),
        ("direction", "u1"),
        ("mode", "u1"),
        ("scanner", "u1"),
        ("spelling", "u1"),
        ("flaw", "u1"),
        ("late", "u1"),
    ],
    align=True,
)
"""A scan: its id (0 for none), the second its clock shows, the true second, the second of delivery,
person and place; zone and scanner (0 for none); whether it is a copy; its flaw (0 for none, then as in
`malformed`: rejected ones up to FLAW_COUNT, unusual ones above); whether it belongs to the late files."""

ENTERING, LEAVING, AGAIN, PHOTOGRAPHED, REMOTE = range(5)
UNKNOWN, IN, OUT, ABSENT = range(4)
"""Directions as written; ABSENT leaves the field out, which means unknown."""

CONFLICTING = 1
"""The flaw of a scan that reuses the event id of another one."""

VISITS, NO_ENTRY, CAN_LEAVE, NO_EXIT = range(4)
"""Counts of visits: scanned, of these without an entry; at places that record exits, of these without one."""

SCANNED, NOBODY, NO_CODE, RESIDENT, FORGOTTEN, GUARDED = range(6)
"""Why a visit has no scan: not at all; its person never scans; its place has no code; it is at home; nobody
thought of it; a guard scanned the visitor earlier that day."""

_MOST_SCANS = 8  # four kinds of scan, and a copy or a conflict of each
_SCANS_AGAIN = 0.03  # share of visits longer than 20 minutes
_SCANS_ONE_WAY_EXIT = 0.1  # share of visits at posters that do not distinguish in and out
_SPELLS_OTHERWISE = 0.05  # share of scans spelled otherwise than the person's usual way
_BLOCK_SECONDS = 4 * 3_600  # how long a reader or phone stays offline
_DAY = 86_400
_COUNT, _SEED, _END, _VENUES, _FLAWS, _DRESSES = range(6)
_LEVELS = (
    "visits_scanned",
    "entries_forgotten",
    "exits_forgotten",
    "late",
    "late_days",
    "duplicates",
    "photographed",
    "without_id",
    "malformed",
    "unusual",
)
(
    _VISITS_SCANNED,
    _ENTRIES_FORGOTTEN,
    _EXITS_FORGOTTEN,
    _LATE,
    _LATE_DAYS,
    _DUPLICATES,
    _PHOTOGRAPHED,
    _WITHOUT_ID,
    _MALFORMED,
    _UNUSUAL,
) = range(10)


class Eye(NamedTuple):
    """The state of the observing kernels.

    Attributes:
        scans: SCAN[n], filled from the front.
        now: int64[6], number of scans, seed, last second of the world, number of venues, of flaws and of
            unusual forms.
        tally: int64[4], counts of visits.
        plan: int64[4], when the current visit is scanned, by kind of scan; -1 for never.
        dice: uint64[1], state of the random sequence.
        levels: float64[10], the knobs.
        people: everybody.
        places: PLACE[places].
    """

    scans: Rows
    now: Int64
    tally: Int64
    plan: Int64
    dice: Words
    levels: Floats
    people: People
    places: Rows


def see(settings: Settings, stays: Rows, people: People, places: Places) -> tuple[Rows, Int64, Bytes]:
    """Turn one day's stays into scans.

    Args:
        settings: of the world.
        stays: STAY[n] of one day, by person and time.
        people: everybody.
        places: all places.

    Returns:
        SCAN[m] in the order of the stays, int64[4] counts of visits, and uint8[n], why a stay has no scan.
    """
    # More than a day can fill; only the used front is copied out.
    scans = np.empty(stays.size * _MOST_SCANS, SCAN)
    end = settings.days * _DAY
    now = np.array([0, settings.seed, end, places.venues, FLAW_COUNT, UNUSUAL_COUNT], np.int64)
    levels = np.array([getattr(settings.knobs, name) for name in _LEVELS], np.float64)
    tally = np.zeros(4, np.int64)
    plan, dice = np.empty(4, np.int64), np.zeros(1, np.uint64)
    why = np.zeros(stays.size, np.uint8)
    _see(Eye(scans, now, tally, plan, dice, levels, people, places.table), stays, why)
    return scans[: now[_COUNT]].copy(), tally, why


@njit(cache=True, nogil=True)
def _see(eye: Eye, stays: Rows, why: Bytes) -> None:
    for row in range(stays.size):
        stay = stays[row]
        who, where = eye.people[stay.person], eye.places[stay.place]
        if not who.carries or not where.coded or stay.place == eye.now[_VENUES] + who.household:
            # Homes of others may have a code; of one's own nobody scans it.
            at_home = stay.place == eye.now[_VENUES] + who.household
            why[row] = RESIDENT if at_home else NOBODY if where.coded else NO_CODE
            continue
        # By person and instant of the stay: the same visit is seen alike, whatever else happens.
        eye.dice[0] = key(eye.now[_SEED], SIGHT, int(stay.person), int(stay.enter))
        if not chance(eye.dice, eye.levels[_VISITS_SCANNED]):
            why[row] = FORGOTTEN
            continue
        if where.mode == GUARD and _was_here_today(stays, row):
            why[row] = GUARDED
            continue
        _plan_visit(eye, where.mode, int(stay.enter), int(stay.exit))
        # A picture that was scanned meanwhile is of another place.
        if eye.plan[ENTERING] < 0 and eye.plan[LEAVING] < 0 and eye.plan[AGAIN] < 0:
            why[row] = FORGOTTEN
        for kind in range(eye.plan.size):
            if eye.plan[kind] >= 0:
                _note(eye, stay, kind, eye.plan[kind])


@njit(cache=True, nogil=True)
def _was_here_today(stays: Rows, row: int) -> bool:
    before = row - 1
    while before >= 0 and stays[before].person == stays[row].person:
        if stays[before].place == stays[row].place:
            return True
        before -= 1
    return False


@njit(cache=True, nogil=True)
def _plan_visit(eye: Eye, mode: int, enter: int, leave: int) -> None:
    """Decide when a person who remembers to scan does so on this visit, by kind; -1 for never."""
    seconds, share = leave - enter, eye.levels
    sees_exits = mode not in (ONE_WAY, GUARD, MANUAL)
    # Within the first minute, or the first quarter of a short stay.
    first = enter + below(eye.dice, min(60, seconds // 4))
    last = leave - 1 - below(eye.dice, min(30, seconds // 4))
    middle = enter + seconds // 3 + below(eye.dice, seconds // 3)
    # Where exits are not told apart, the entry is the only scan and never forgotten.
    no_entry = sees_exits and chance(eye.dice, share[_ENTRIES_FORGOTTEN])
    no_exit = not chance(eye.dice, 1.0 - share[_EXITS_FORGOTTEN] if sees_exits else _SCANS_ONE_WAY_EXIT)
    # A stay that reaches the end of the world has not ended.
    can_leave = leave < eye.now[_END] and (sees_exits or mode == ONE_WAY)
    again = seconds > 1_200 and mode != GUARD and chance(eye.dice, _SCANS_AGAIN)
    eye.plan[ENTERING] = -1 if no_entry else first
    eye.plan[AGAIN] = middle if again else -1
    eye.plan[PHOTOGRAPHED] = enter + seconds // 2 if chance(eye.dice, share[_PHOTOGRAPHED]) else -1
    eye.plan[LEAVING] = last if can_leave and not no_exit else -1
    eye.tally[VISITS] += 1
    eye.tally[NO_ENTRY] += no_entry
    eye.tally[CAN_LEAVE] += can_leave and sees_exits
    eye.tally[NO_EXIT] += can_leave and sees_exits and no_exit


@njit(cache=True, nogil=True)
def _note(eye: Eye, stay: Row, kind: int, at: int) -> None:
    """Record one scan of a visit with its clock, delivery, copies and flaw."""
    place = below(eye.dice, eye.now[_VENUES]) if kind == PHOTOGRAPHED else int(stay.place)
    # A picture of the place's own code would be an ordinary scan.
    if kind == PHOTOGRAPHED and place == stay.place:
        return
    mode = SELF if kind == PHOTOGRAPHED else eye.places[place].mode
    by_phone = mode in (SELF, ONE_WAY)
    clock = eye.people[stay.person].clock if by_phone else eye.places[place].clock
    scan = eye.scans[eye.now[_COUNT]]
    eye.now[_COUNT] += 1
    scan.at = scan.arrives = at
    # Paper lists have minutes; a wrong clock moves what is written, not when it happened.
    scan.written = (at // 60 * 60 if mode == MANUAL else at) + clock
    scan.person = stay.person
    scan.place = place
    scan.zone = 0 if kind == PHOTOGRAPHED else stay.zone
    scan.kind = kind
    scan.copy = scan.late = scan.flaw = 0
    scan.direction = OUT if kind == LEAVING else IN
    if mode == ONE_WAY:
        scan.direction = ABSENT if chance(eye.dice, 0.5) else UNKNOWN
    scan.mode = mode
    # A place has up to three readers.
    scan.scanner = 0 if by_phone else 1 + below(eye.dice, 3)
    scan.spelling = eye.people[stay.person].spelling
    if not by_phone or chance(eye.dice, _SPELLS_OTHERWISE):
        scan.spelling = below(eye.dice, 8)
    scan.event_id = 0
    if not chance(eye.dice, eye.levels[_WITHOUT_ID]):
        scan.event_id = _event_id(eye, scan)
    _deliver(eye, scan, by_phone)
    _spoil(eye, scan, abs(clock) < _DAY)


@njit(cache=True, nogil=True)
def _event_id(eye: Eye, scan: Row) -> np.uint64:
    """Compute a unique id: a bijection of person, second and kind."""
    # 25 bits of seconds (366 days) above 4 of the kind, and the person from bit 29 on: no two are equal.
    why = np.int64(scan.person) << 29 | np.int64(scan.at) << 4 | np.int64(scan.kind)
    return mix(np.uint64(why) ^ key(eye.now[_SEED], EVENT_ID, 0, 0))


@njit(cache=True, nogil=True)
def _deliver(eye: Eye, scan: Row, by_phone: bool) -> None:
    """Delay the scan by hours or days if its phone or reader was offline."""
    # Everything that a phone or reader scans within a block is late together.
    block, share = scan.at // _BLOCK_SECONDS, eye.levels[_LATE]
    if by_phone:
        luck = unit(key(eye.now[_SEED], PHONE_OFFLINE, scan.person, block))
    else:
        luck = unit(key(eye.now[_SEED], READER_OFFLINE, scan.place, block))
    if luck >= share:
        return
    longest = eye.levels[_LATE_DAYS] * _DAY
    hours = min(20.0 * 3_600.0, longest)
    part = luck / share
    # The same luck is uniform below `share`: 60 % follow within 20 hours of the block, the rest later.
    delay = hours * min(1.0, part / 0.6) + (longest - hours) * max(0.0, (part - 0.6) / 0.4)
    scan.late = 1
    scan.arrives = (block + 1) * _BLOCK_SECONDS + int(delay)


@njit(cache=True, nogil=True)
def _spoil(eye: Eye, scan: Row, in_time: bool) -> None:
    """Make the scan unusual or broken, or let it arrive twice."""
    # One draw for three outcomes that exclude each other.
    luck = draw(eye.dice)
    if luck < eye.levels[_MALFORMED]:
        flaw = 1 + below(eye.dice, eye.now[_FLAWS])
        if flaw != CONFLICTING:
            scan.flaw = flaw
        # A record that is refused for its time cannot be a conflict or a copy as well.
        elif in_time:
            _conflict(eye, scan)
    elif luck < eye.levels[_MALFORMED] + eye.levels[_UNUSUAL]:
        scan.flaw = 1 + eye.now[_FLAWS] + below(eye.dice, eye.now[_DRESSES])
    elif in_time and chance(eye.dice, eye.levels[_DUPLICATES]):
        _repeat(eye, scan)


@njit(cache=True, nogil=True)
def _conflict(eye: Eye, scan: Row) -> None:
    """Add a scan with the same event id on the same day but other content."""
    # Both need an id, even if the scan had none.
    scan.event_id = _event_id(eye, scan)
    other = _copy_of(eye, scan)
    other.flaw = CONFLICTING
    other.direction = OUT if scan.direction == IN else IN


@njit(cache=True, nogil=True)
def _repeat(eye: Eye, scan: Row) -> None:
    """Add the same scan again, at once or up to 20 hours later, sometimes spelled differently."""
    other = _copy_of(eye, scan)
    other.copy = 1
    if chance(eye.dice, 0.5):
        other.arrives += 600 + below(eye.dice, 72_000)
        if other.arrives >= eye.now[_END]:
            other.late = 1
    if chance(eye.dice, 0.3):
        other.spelling = below(eye.dice, 8)


@njit(cache=True, nogil=True)
def _copy_of(eye: Eye, scan: Row) -> Row:
    row = eye.now[_COUNT]
    # Assigns all fields; the return value is a view, so its fields can be changed.
    eye.scans[row] = scan
    eye.now[_COUNT] += 1
    return eye.scans[row]
