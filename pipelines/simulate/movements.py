"""The true movements of everybody, one day at a time.

People live at home and go out to work or study, shop, pray, eat, be treated and
visit others. Some commute by bus; some travel by coach, train or boat to another
district, a few of them overnight. A case is sampled on its day and stays at home
from then on.

Times are seconds of the world (0 = its first local midnight).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.simulate import habits as own
from pipelines.simulate.dtypes import Floats, Int64, Rows, Words
from pipelines.simulate.people import NEVER, People
from pipelines.simulate.places import Places
from pipelines.simulate.rng import below, between, chance, draw, key, unit
from pipelines.simulate.rng_streams import DAY, FAVOURITES
from pipelines.simulate.settings import Settings

STAY = np.dtype(
    [("person", "i4"), ("place", "i4"), ("enter", "i4"), ("exit", "i4"), ("zone", "i4")], align=True
)
"""A true stay over [enter, exit) seconds; zone 0 means none."""

_MOST_STAYS = 40
"""More stays than one person can have in a day."""

_DAY = 86_400
_HOUR = 3_600
_AWAY_FROM_DISTRICT = 0.08
_FAVOURITES = 5


_COUNT, _CLOCK, _END, _SEED, _VENUES = range(5)


class Walk(NamedTuple):
    """The state of the person whose day is being simulated, and the world around.

    Attributes:
        stays: STAY[n], filled from the front.
        now: int64[5], number of stays, the person's clock, and the last second, seed and number of venues
            of the world; arrays of one element because kernels cannot change a field of a tuple.
        dice: uint64[1], state of the random sequence.
        people: everybody.
        places: PLACE[places].
        span: int64[types, districts, 2], first place and number of places.
        minutes: int64[types, 2], shortest and longest visit.
        errands: float64[who, types], cumulative shares.
    """

    stays: Rows
    now: Int64
    dice: Words
    people: People
    places: Rows
    span: Int64
    minutes: Int64
    errands: Floats


def live_day(settings: Settings, day: int, span: tuple[int, int], people: People, places: Places) -> Rows:
    """Simulate one day of a range of people and update their state in `people`.

    Args:
        settings: of the world.
        day: from 0.
        span: range of people, [first, last).
        people: everybody.
        places: all places.

    Returns:
        STAY[n] by person and time: stays that began on this day, and stays at home that ended on it, clipped
            to the end of the world.
    """
    # A person's sequence hangs on seed, day and number alone, so threads may take any range.
    stays = np.empty((span[1] - span[0]) * _MOST_STAYS, STAY)
    now = np.array([0, 0, settings.days * _DAY, settings.seed, places.venues], np.int64)
    minutes, errands = own.visit_minutes(), own.errands()
    walk = Walk(stays, now, np.zeros(1, np.uint64), people, places.table, places.span, minutes, errands)
    _live(walk, day, (settings.start.weekday() + day) % 7, span[0], span[1])
    return stays[: now[_COUNT]].copy()


def last_stays(people: People, venues: int, end: int) -> Rows:
    """Return the stays of people who are at home when the world ends."""
    who = np.flatnonzero((people["home_since"] >= 0) & (people["home_since"] < end))
    stays = np.zeros(who.size, STAY)
    stays["person"], stays["place"] = who, venues + people["household"][who]
    stays["enter"], stays["exit"] = people["home_since"][who], end
    return stays


@njit(cache=True, nogil=True)
def _live(walk: Walk, day: int, weekday: int, first: int, last: int) -> None:
    for person in range(first, last):
        midnight = day * _DAY
        # A sequence of its own for each person and day.
        walk.dice[0] = key(walk.now[_SEED], DAY, person, day)
        # Isolated for good after the sample, or still away.
        if day > walk.people[person].sampled_on or walk.people[person].free_at >= midnight + _DAY:
            continue
        rise = midnight + between(walk.dice, 5 * _HOUR, 8 * _HOUR)
        walk.now[_CLOCK] = max(walk.people[person].free_at, rise)
        if day == walk.people[person].sampled_on:
            # The day of the sample is one visit to the hospital, between 8 and 10.
            walk.now[_CLOCK] = max(walk.now[_CLOCK], midnight + between(walk.dice, 8 * _HOUR, 10 * _HOUR))
            _visit(walk, person, own.HOSPITAL, walk.people[person].district)
        elif walk.now[_CLOCK] < midnight + 20 * _HOUR:
            _spend(walk, person, midnight, weekday)
        if walk.people[person].home_since < 0:
            _go_home(walk, person)


@njit(cache=True, nogil=True)
def _spend(walk: Walk, person: int, midnight: int, weekday: int) -> None:
    """Spend a day according to the role."""
    role = walk.people[person].role
    luck = draw(walk.dice)
    if luck < 0.0006:
        _lie_in_hospital(walk, person)
    elif luck < (0.06 if weekday >= 5 else 0.02) and role != own.PUPIL:
        _travel(walk, person, midnight)
    elif role == own.SHIPPER:
        _deliver(walk, person, midnight)
    elif role == own.NIGHT and weekday < 6:
        _errands(walk, person, midnight + 14 * _HOUR, own.ADULT, 2 + below(walk.dice, 4))
        # A night shift ends on the next day; its stay belongs to the day it began on.
        walk.now[_CLOCK] = max(walk.now[_CLOCK], midnight + between(walk.dice, 20 * _HOUR, 22 * _HOUR))
        _stay(walk, person, walk.people[person].work, between(walk.dice, 7 * _HOUR, 10 * _HOUR))
    elif weekday == 6 or (weekday == 5 and role != own.SELLER and chance(walk.dice, 0.7)):
        _idle(walk, person, midnight, weekday)
    elif walk.people[person].work >= 0:
        _work(walk, person, midnight)
    else:
        _idle(walk, person, midnight, weekday)


@njit(cache=True, nogil=True)
def _work(walk: Walk, person: int, midnight: int) -> None:
    """Go to work or school and back, with lunch at home, out or there, and errands."""
    child = walk.people[person].role == own.PUPIL
    place, begin = walk.people[person].work, midnight + between(walk.dice, 6 * _HOUR, 8 * _HOUR)
    # Nobody sets out earlier than an hour before work begins.
    walk.now[_CLOCK] = max(walk.now[_CLOCK], begin - _HOUR)
    if chance(walk.dice, 0.3):
        _visit(walk, person, own.RESTAURANT, walk.people[person].district)
    if walk.people[person].rider:
        _stay(walk, person, walk.people[person].vehicle, between(walk.dice, 720, 2_700))
    walk.now[_CLOCK] = max(walk.now[_CLOCK], begin)
    noon = midnight + between(walk.dice, 11 * _HOUR, 12 * _HOUR)
    close = midnight + between(walk.dice, 16 * _HOUR, 18 * _HOUR)
    lunch = draw(walk.dice)
    if lunch < 0.75:
        _stay(walk, person, place, noon - walk.now[_CLOCK])
        if lunch < 0.4:
            _visit(walk, person, own.RESTAURANT, walk.people[person].district)
        else:
            _go_home(walk, person)
        # 45,000 to 48,000 seconds: half past twelve to twenty past one.
        walk.now[_CLOCK] = max(walk.now[_CLOCK], midnight + between(walk.dice, 45_000, 48_000))
    _stay(walk, person, place, close - walk.now[_CLOCK])
    if walk.people[person].rider:
        _stay(walk, person, walk.people[person].vehicle, between(walk.dice, 720, 2_700))
    _errands(walk, person, midnight, own.CHILD if child else own.ADULT, below(walk.dice, 5))


@njit(cache=True, nogil=True)
def _idle(walk: Walk, person: int, midnight: int, weekday: int) -> None:
    """Spend a day without work: two rounds of errands with a stay at home between them."""
    role = walk.people[person].role
    who = own.CHILD if role == own.PUPIL else (own.OLD if role == own.ELDER else own.ADULT)
    more = 1 if weekday >= 5 else 0
    _errands(walk, person, midnight + 7 * _HOUR, who, below(walk.dice, 4) + more)
    if walk.people[person].home_since < 0:
        _go_home(walk, person)
    _errands(walk, person, midnight + 14 * _HOUR, who, below(walk.dice, 4) + more)


@njit(cache=True, nogil=True)
def _deliver(walk: Walk, person: int, midnight: int) -> None:
    """Spend the day of a delivery worker: short stops, one after the other."""
    walk.now[_CLOCK] = max(walk.now[_CLOCK], midnight + 8 * _HOUR)
    for _ in range(12 + below(walk.dice, 14)):
        kind = _errand(walk, own.DELIVERY)
        place = _choose(walk, person, kind, walk.people[person].district)
        _stay(walk, person, place, between(walk.dice, 120, 600))


@njit(cache=True, nogil=True)
def _travel(walk: Walk, person: int, midnight: int) -> None:
    """Travel to another district and back, or away overnight."""
    here, districts = walk.people[person].district, walk.span.shape[1]
    there = below(walk.dice, districts)
    overnight = chance(walk.dice, 0.15)
    # A coach leaves in the evening and arrives in the morning.
    walk.now[_CLOCK] = max(walk.now[_CLOCK], midnight + (18 if overnight else 7) * _HOUR)
    _ride(walk, person, here, there, overnight)
    if not overnight:
        for _ in range(2 + below(walk.dice, 3)):
            _visit(walk, person, _errand(walk, own.TRAVELLER), there)
        _ride(walk, person, there, here, overnight)


@njit(cache=True, nogil=True)
def _ride(walk: Walk, person: int, here: int, there: int, overnight: bool) -> None:
    """Wait at a station, then ride; the island, the last district, has boats only."""
    # Districts are ordered by code, and the island's is the highest.
    island = walk.span.shape[1] - 1
    by_boat = here == island or there == island
    station = own.WHARF if by_boat else (own.RAILWAY if chance(walk.dice, 0.2) else own.BUS_STATION)
    _visit(walk, person, station, here)
    coach = _any_place(walk, own.TRANSPORT, here)
    shortest = 8 * _HOUR if overnight else 2_400
    _stay(walk, person, coach, between(walk.dice, shortest, 2 * shortest))


@njit(cache=True, nogil=True)
def _lie_in_hospital(walk: Walk, person: int) -> None:
    place = _choose(walk, person, own.HOSPITAL, walk.people[person].district)
    _stay(walk, person, place, between(walk.dice, _DAY, 5 * _DAY))


@njit(cache=True, nogil=True)
def _errands(walk: Walk, person: int, begin: int, who: int, number: int) -> None:
    """Make visits from `begin` on; none starts after 21:30."""
    late = begin - begin % _DAY + 21 * _HOUR + 1_800
    if number > 0:
        walk.now[_CLOCK] = max(walk.now[_CLOCK], begin + below(walk.dice, 2 * _HOUR))
    for _ in range(number):
        if walk.now[_CLOCK] > late:
            break
        _visit(walk, person, _errand(walk, who), walk.people[person].district)


@njit(cache=True, nogil=True)
def _errand(walk: Walk, who: int) -> int:
    luck, kind = draw(walk.dice), 0
    # Cumulative shares end at 1, and a draw lies below it.
    while luck >= walk.errands[who, kind]:
        kind += 1
    return kind


@njit(cache=True, nogil=True)
def _visit(walk: Walk, person: int, kind: int, district: int) -> None:
    """Visit a place of a type for as long as such visits last."""
    low, high = walk.minutes[kind]
    place = _choose(walk, person, kind, district)
    _stay(walk, person, place, between(walk.dice, low * 60, high * 60))


@njit(cache=True, nogil=True)
def _choose(walk: Walk, person: int, kind: int, district: int) -> int:
    """Choose one of the person's favourite places of the type, popular ones more often; -1 if none."""
    # Now and then another district, whose favourites are then the person's own there.
    if chance(walk.dice, _AWAY_FROM_DISTRICT):
        district = below(walk.dice, walk.span.shape[1])
    favourite = below(walk.dice, _FAVOURITES)
    first, number = walk.span[kind, district]
    if number == 0:
        return _any_place(walk, kind, district)
    # One fixed place for each person, district, type and number: types are below 32, favourites below 8.
    luck = unit(key(walk.now[_SEED], FAVOURITES, person, (district * 32 + kind) * 8 + favourite))
    # Squared: the first places of a district are the popular ones.
    skewed = luck if kind == own.HOME else luck * luck
    place = int(first) + int(skewed * number)
    # A visit to one's own home is none.
    return -1 if place == walk.now[_VENUES] + walk.people[person].household else place


@njit(cache=True, nogil=True)
def _any_place(walk: Walk, kind: int, district: int) -> int:
    """Choose a place of the type in the district, else in the next that has one; -1 if none."""
    districts = walk.span.shape[1]
    for step in range(districts):
        where = (district + step) % districts
        first, number = walk.span[kind, where]
        if number > 0:
            return int(first) + below(walk.dice, number)
    return -1


@njit(cache=True, nogil=True)
def _stay(walk: Walk, person: int, place: int, seconds: int) -> None:
    """Go to a place and stay; workers are always in the same zone, visitors in any."""
    if place < 0:
        return
    # Leaving home ends the open stay there.
    if walk.people[person].home_since >= 0:
        home = walk.now[_VENUES] + walk.people[person].household
        _add(walk, person, home, walk.people[person].home_since, walk.places[home].zones)
        walk.people[person].home_since = -1
    enter = walk.now[_CLOCK] + between(walk.dice, 120, 1_200)
    zones = walk.places[place].zones
    zone = 0
    if zones > 0:
        # Negative second numbers are used by no favourite.
        own_zone = int(unit(key(walk.now[_SEED], FAVOURITES, person, -1 - place)) * zones)
        zone = 1 + (own_zone if place == walk.people[person].work else below(walk.dice, zones))
    # At least a minute, also where the plan left less.
    walk.now[_CLOCK] = enter + max(60, seconds)
    _add(walk, person, place, enter, zone)


@njit(cache=True, nogil=True)
def _add(walk: Walk, person: int, place: int, enter: int, zone: int) -> None:
    """Record a stay from `enter` until now, clipped to the end of the world."""
    # Beyond the end of the world nothing is known.
    leave = min(walk.now[_CLOCK], walk.now[_END])
    if leave <= enter:
        return
    row = walk.stays[walk.now[_COUNT]]
    row.person = person
    row.place = place
    row.enter = enter
    row.exit = leave
    row.zone = zone
    walk.now[_COUNT] += 1


@njit(cache=True, nogil=True)
def _go_home(walk: Walk, person: int) -> None:
    # free_at: a stay in hospital may have ended later than the clock says.
    walk.now[_CLOCK] = max(walk.now[_CLOCK], walk.people[person].free_at) + between(walk.dice, 120, 1_200)
    walk.people[person].home_since = min(walk.now[_CLOCK], NEVER - 1)
    walk.people[person].free_at = walk.people[person].home_since
