"""The infections: an SEIR model over the true stays.

The model: when an infectious and a susceptible person overlap in true stays at
one place, the infection is passed on with probability 1 - exp(-h), where

    h = 0.012 × infectiousness × weight(type) × hours × zone / max(1, n / 10)

`weight` is `habits.WEIGHTS`; `zone` is 1 in the same zone (or without zones) and
0.3 otherwise; n is the number of stays at that place on that day, because a
person meets about ten people closely however crowded the place is. Of several
infections of a person the earliest counts; its instant is uniform within the
overlap.

The course: a person becomes infectious 36 to 72 hours after the infection and
stays so for 6 to 9 days. 70 % fall ill, 24 to 60 hours after becoming
infectious. 85 % of these and 30 % of the others are sampled at a hospital in the
morning, within two days of the onset (the others three to four days after
becoming infectious). They stay at home afterwards, and the report follows 6 to
30 hours later. People infected at the start became infectious between four days
before the world begins and half a day after.

Times are seconds of the world.
"""

from dataclasses import dataclass, field
from math import exp

import numpy as np
from numba import njit

from pipelines.simulate import habits
from pipelines.simulate.dtypes import Floats, Int64, Row, Rows
from pipelines.simulate.movements import STAY
from pipelines.simulate.people import NEVER, People
from pipelines.simulate.places import Places
from pipelines.simulate.rng import key, mix, unit, units, units_of
from pipelines.simulate.rng_streams import COURSE, INFECTION, SEEDS
from pipelines.simulate.settings import Settings

COURSE_OF = np.dtype(
    [
        ("infected", "i8"),
        ("by", "i8"),
        ("place", "i8"),
        ("infectious", "i8"),
        ("over", "i8"),
        ("onset", "i8"),
        ("sampled", "i8"),
        ("isolated", "i8"),
    ],
    align=True,
)
"""The course of one person: infected when, by whom and where (-1 if infected at the start), infectious
over [infectious, over), onset, sampled, isolated; NEVER for what does not happen."""

_DAY = 86_400
_HOUR = 3_600
_PER_HOUR = 0.012
_CLOSE_PEOPLE = 10.0
_OTHER_ZONE = 0.3


@dataclass
class Epidemic:
    """The spread of the infection, day by day.

    Attributes:
        settings: of the world.
        people: everybody; `sampled_on` is set here.
        places: all places.
        course: COURSE_OF[people].
        lasting: STAY[n], stays of earlier days that have not ended.
    """

    settings: Settings
    people: People
    places: Places
    course: Rows = field(init=False)
    lasting: Rows = field(init=False)

    def __post_init__(self) -> None:
        # Eight int64 a person, all -1, seen as one record.
        self.course = np.full(self.people.size, -1, np.int64).repeat(8).view(COURSE_OF)
        for name in ("infected", "infectious", "over", "onset", "sampled", "isolated"):
            self.course[name] = NEVER
        self.lasting = np.empty(0, STAY)
        count = max(_some(self.people.size), round(self.settings.knobs.cases * self.people.size))
        order = np.argsort(units(self.settings.seed, SEEDS, self.people.size, 0), kind="stable")
        # The first of a random order of everybody are infected at the start.
        first = order[:count]
        self.course["infected"][first] = 0
        self._start_course(first)
        # Their courses are moved into the days around the beginning.
        begin = -4 * _DAY + units_of(self.settings.seed, SEEDS, first, 1) * 4.5 * _DAY
        self._shift(first, np.floor(begin).astype(np.int64) - self.course["infectious"][first])

    def pass_on(self, day: int, stays: Rows) -> None:
        """Pass infections on during one day.

        Args:
            day: from 0.
            stays: STAY[n] of everybody, as `live_day` returns them.
        """
        begin, end = day * _DAY, (day + 1) * _DAY
        self._note_samples(day, stays)
        infectious = (self.course["infectious"] < end) & (self.course["over"] > begin)
        present = self._present(begin, end, stays)
        # Only places where somebody infectious is can pass anything on.
        hit = np.zeros(self.places.table.size, np.bool_)
        hit[present["place"][infectious[present["person"]]]] = True
        present = present[hit[present["place"]]]
        # By place: the kernel works through runs of one place.
        present = present[np.argsort(present["place"], kind="stable")]
        weights = self.settings.knobs.infectiousness * _PER_HOUR * np.array(habits.WEIGHTS)
        # As of the morning: who is infected today infects nobody today, so the order of meetings is free.
        before = self.course["infected"].copy()
        _infect(self.settings.seed, present, self.course, before, weights[self.places.table["kind"]])
        self._start_course(np.flatnonzero((self.course["infected"] < NEVER) & (before == NEVER)))
        # Stays that reach into the next day are clipped and looked at again there.
        both = np.concatenate([self.lasting, stays])
        self.lasting = both[both["exit"] > end]

    def _present(self, begin: int, end: int, stays: Rows) -> Rows:
        """Clip everybody's stays to one day, including those of people who are at home at its end."""
        # Stays at home become rows only when they end; until then the open ones are added here.
        at_home = np.flatnonzero((self.people["home_since"] >= 0) & (self.people["home_since"] < end))
        homes = np.zeros(at_home.size, STAY)
        homes["person"] = at_home
        homes["place"] = self.places.venues + self.people["household"][at_home]
        homes["enter"], homes["exit"] = self.people["home_since"][at_home], end
        present = np.concatenate([self.lasting, stays, homes])
        present["enter"] = np.maximum(present["enter"], begin)
        present["exit"] = np.minimum(present["exit"], end)
        return present[present["enter"] < present["exit"]]

    def _start_course(self, who: Int64) -> None:
        """Draw the course of newly infected people."""
        luck = [units_of(self.settings.seed, COURSE, who, which) for which in range(7)]
        course = self.course
        course["infectious"][who] = course["infected"][who] + _floor((36 + 36 * luck[0]) * _HOUR)
        course["over"][who] = course["infectious"][who] + _floor((6 + 3 * luck[1]) * _DAY)
        ill = luck[2] < 0.7
        onset = course["infectious"][who] + _floor((24 + 36 * luck[3]) * _HOUR)
        course["onset"][who] = np.where(ill, onset, NEVER)
        # The others are noticed three days after they became infectious.
        noticed = np.where(ill, onset + _floor(luck[4] * 36 * _HOUR), course["infectious"][who] + 3 * _DAY)
        sampled = luck[5] < np.where(ill, 0.85, 0.3)
        self.people["sampled_on"][who] = np.where(sampled, noticed // _DAY + 1, NEVER)

    def _shift(self, who: Int64, seconds: Int64) -> None:
        """Move the courses of people who were infected before the world begins."""
        for name in ("infected", "infectious", "over", "onset"):
            known = self.course[name][who] < NEVER
            self.course[name][who] += np.where(known, seconds, 0)
        days = np.where(self.course["onset"][who] < NEVER, self.course["onset"][who], seconds) // _DAY
        later = np.maximum(days + 1 + (who % 2), 0)
        sampled = self.people["sampled_on"][who] < NEVER
        self.people["sampled_on"][who] = np.where(sampled, later, NEVER)

    def _note_samples(self, day: int, stays: Rows) -> None:
        """Record when the people sampled today were sampled, and when they were home again."""
        today = self.people["sampled_on"] == day
        out = stays[today[stays["person"]] & (stays["place"] < self.places.venues)]
        self.course["sampled"][today] = day * _DAY + 9 * _HOUR
        # One visit outside on that day, at the hospital; others keep 9 o'clock.
        self.course["sampled"][out["person"]] = out["enter"] + 300
        home = np.maximum(self.people["home_since"][today], self.course["sampled"][today] + 300)
        self.course["isolated"][today] = home


def _some(people: int) -> int:
    """Return the least number of people infected at the start: a world needs something to trace."""
    return max(1, min(5, people // 100))


def _floor(values: Floats) -> Int64:
    return np.floor(values).astype(np.int64)


@njit(cache=True, nogil=True)
def _infect(
    seed: int,
    present: Rows,
    course: Rows,
    before: Int64,
    strength: Floats,
) -> None:
    """Let infectious people infect others at the same place; `present` is sorted by place."""
    first = 0
    while first < present.size:
        place = present[first].place
        last = first
        while last < present.size and present[last].place == place:
            last += 1
        # [first, last): everybody at one place on this day.
        crowd = max(1.0, (last - first) / _CLOSE_PEOPLE)
        for row in range(first, last):
            ill = course[present[row].person]
            # Clipped to the time in which the person is infectious.
            enter = max(int(present[row].enter), int(ill.infectious))
            leave = min(int(present[row].exit), int(ill.over))
            # Only who was infected before today passes on; `before` is NEVER for the susceptible.
            if enter >= leave or before[present[row].person] == NEVER:
                continue
            for other in range(first, last):
                if before[present[other].person] == NEVER:
                    _meet(seed, present[row], present[other], enter, leave, course, strength[place] / crowd)
        first = last


@njit(cache=True, nogil=True)
def _meet(
    seed: int,
    ill: Row,
    well: Row,
    enter: int,
    leave: int,
    course: Rows,
    strength: float,
) -> None:
    """Pass the infection on with the probability of the model."""
    start, end = max(enter, int(well.enter)), min(leave, int(well.exit))
    if start >= end:
        return
    hazard = strength * (end - start) / _HOUR
    if ill.zone > 0 and well.zone > 0 and ill.zone != well.zone:
        hazard *= _OTHER_ZONE
    # One draw a pair and instant, whatever the order of the rows.
    word = key(seed, INFECTION, int(ill.person) << 32 | int(well.person), start)
    if unit(word) >= 1.0 - exp(-hazard):
        return
    # A second, independent number from the same word.
    at = start + int((end - start) * unit(mix(word)))
    fate = course[well.person]
    # The earliest infection counts, of equals that by the smaller person: no order of work shows.
    if at < fate.infected or (at == fate.infected and ill.person < fate.by):
        fate.infected = at
        fate.by = ill.person
        fate.place = ill.place
