"""Frauds and mistakes that are planted in a world on purpose, so that one can count which are found.

By default nothing is planted. What is planted is written to the truth, with the habits of guards beside
it: who scans each visitor once a day sees no exits either.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipelines.simulate import habits
from pipelines.simulate.dtypes import Bools, Int64, Rows
from pipelines.simulate.observe import IN, PHOTOGRAPHED, REMOTE, SCAN
from pipelines.simulate.others import write_csv
from pipelines.simulate.people import People
from pipelines.simulate.places import GUARD, MANUAL, ONE_WAY, SELF, Places
from pipelines.simulate.rng import key, units, units_of
from pipelines.simulate.rng_streams import EVENT_ID, PLANTING
from pipelines.simulate.settings import Settings

ANOMALY_COLUMNS = ("unit_kind", "unit", "flag", "why")
"""`unit` is the code of a venue, the text of a scanner, or the canonical identifier of a person; `why` is
`planted`, or `follows` for what may show beside it: a list typed in the evening empties the rush hour."""

_DAY, _HOUR = 86_400, 3_600
_EVENING = 19 * _HOUR
_TYPING = 8  # seconds that a line of a list takes
_REMOTE_PEOPLE = (110, 160)
_MOVING = (habits.RAILWAY, habits.WHARF, habits.BUS_STATION, habits.TRANSPORT)
_NIGHTLY = (habits.BUSINESS, habits.HOSPITAL, *_MOVING)
_TYPED, _REMOTE, _MISPLACED, _COPIED, _NIGHT, _LENT = range(6)
_READERS = 3


class Planted(NamedTuple):
    """What is wrong with which places and people.

    Attributes:
        typed: bool[places], the guard types the list in the evening.
        remote_on: int64[places], the day whose night brings a burst; -1 for none.
        misplaced: bool[places], the registry has another province's coordinates.
        copied: int64[c], places whose photographed poster is passed around.
        phone_of: int64[people], whose phone each person scans with.
    """

    typed: Bools
    remote_on: Int64
    misplaced: Bools
    copied: Int64
    phone_of: Int64

    @property
    def changes_scans(self) -> bool:
        """Whether any scan is not as it was seen."""
        lent = self.phone_of != np.arange(self.phone_of.size)
        return bool(self.typed.any() or (self.remote_on >= 0).any() or self.copied.size or lent.any())


def make_planted(settings: Settings, people: People, places: Places) -> Planted:
    """Choose the places and people; at least one place for a share above 0."""
    table, knobs = places.table, settings.knobs
    open_venue = (table["known"] == 1) & (table["closed"] < 0) & (np.arange(table.size) < places.venues)
    poster = open_venue & np.isin(table["mode"], (SELF, ONE_WAY))
    by_hand = open_venue & np.isin(table["mode"], (GUARD, MANUAL))

    def chosen(can: Bools, share: float, which: int) -> Bools:
        # 2.0 lies above every draw: who cannot be chosen comes last, and the count never reaches there.
        luck = np.where(can, units(settings.seed, PLANTING, table.size, which), 2.0)
        count = min(max(round(share * can.sum()), share > 0), int(can.sum()))
        found = np.zeros(table.size, np.bool_)
        found[np.argsort(luck, kind="stable")[:count]] = True
        return found

    remote = chosen(poster & ~np.isin(table["kind"], _NIGHTLY), knobs.remote_bursts, _REMOTE)
    night = np.floor(units(settings.seed, PLANTING, table.size, _NIGHT) * settings.days).astype(np.int64)
    return Planted(
        typed=chosen(by_hand, knobs.typed, _TYPED),
        remote_on=np.where(remote, night, -1),
        misplaced=chosen(open_venue & ~np.isin(table["kind"], _MOVING), knobs.misplaced, _MISPLACED),
        copied=np.flatnonzero(chosen(poster & ~remote, knobs.copied_posters, _COPIED)),
        phone_of=_phones(settings, people),
    )


def _phones(settings: Settings, people: People) -> Int64:
    """Return whose phone each person scans with: that of another one of the household who has it too."""
    whose = np.arange(people.size)
    lends = units(settings.seed, PLANTING, people.size, _LENT) < settings.knobs.lent_phones
    for person in np.flatnonzero(lends & (people["carries"] == 1)).tolist():
        # People are sorted by household.
        begin, end = np.searchsorted(people["household"], people["household"][person] + np.array([0, 1]))
        # The owner must use the phone as well, or it would not be shared.
        owners = [one for one in range(begin, end) if people["carries"][one] and not lends[one]]
        if owners:
            whose[person] = owners[0]
    return whose


def plant(settings: Settings, planted: Planted, day: int, scans: Rows, people: People) -> Rows:
    """Change the scans of a day.

    Args:
        settings: of the world.
        planted: what is wrong.
        day: of the world.
        scans: SCAN[n], a copy or a conflicting one right after its original.
        people: everybody.

    Returns:
        SCAN[m].
    """
    # Without a knob the scans keep their very bytes.
    if not planted.changes_scans:
        return scans
    if planted.copied.size:
        taken = scans["kind"] == PHOTOGRAPHED
        # Numbers from 16 on are free of the choices above.
        which = units_of(settings.seed, PLANTING, scans["person"][taken].astype(np.int64), 16 + day)
        scans["place"][taken] = planted.copied[np.floor(which * planted.copied.size).astype(np.int64)]
    by_phone = np.isin(scans["mode"], (SELF, ONE_WAY))
    # Only phones are lent: a reader sees the person's own card.
    scans["person"] = np.where(by_phone, planted.phone_of[scans["person"]], scans["person"])
    _type_lists(planted, day, scans)
    bursts = [_burst(settings, int(place), day, people) for place in np.flatnonzero(planted.remote_on == day)]
    return np.concatenate([scans, *bursts])


def _type_lists(planted: Planted, day: int, scans: Rows) -> None:
    """Let guards type the day's list from the evening on, a line every few seconds."""
    for place in np.unique(scans["place"][planted.typed[scans["place"]]]).tolist():
        rows = np.flatnonzero(scans["place"] == place)
        order = rows[np.argsort(scans["at"][rows], kind="stable")]  # a copy stays behind its original
        # A copy has its original's line.
        line = np.cumsum(scans["copy"][order] == 0)
        # Places begin at different minutes; one line in two takes a second more.
        written = day * _DAY + _EVENING + place % 60 * 60 + line * _TYPING + line * 7 % 2
        scans["written"][order] = written
        scans["arrives"][order] = np.maximum(written, scans["arrives"][order])
        scans["scanner"][order] = 1


def _burst(settings: Settings, place: int, day: int, people: People) -> Rows:
    """Return the scans of a photographed poster by people at home, from 4 to 8 o'clock."""
    low, high = _REMOTE_PEOPLE
    # Places are below 2^20, so neither number meets another draw of this stream.
    luck = np.where(people["carries"] == 1, units(settings.seed, PLANTING, people.size, 1 << 20 | place), 2.0)
    count = low + int(key(settings.seed, PLANTING, place, -1) % np.uint64(high - low))
    who = np.argsort(luck, kind="stable")[: min(count, int((people["carries"] == 1).sum()))]
    scans = np.zeros(who.size, SCAN)
    when = units_of(settings.seed, PLANTING, who.astype(np.int64), 1 << 21 | place)
    scans["at"] = day * _DAY + 4 * _HOUR + np.floor(when * 4 * _HOUR).astype(np.int64)
    scans["arrives"] = scans["written"] = scans["at"]
    scans["person"], scans["place"], scans["kind"], scans["mode"] = who, place, REMOTE, SELF
    scans["direction"], scans["spelling"] = IN, people["spelling"][who]
    # Subjects of their own: the ids of ordinary scans hang on (0, 0).
    scans["event_id"] = [key(settings.seed, EVENT_ID, int(person), -2 - place) for person in who.tolist()]
    return scans


def write_anomalies(
    path: Path, planted: Planted, places: Places, codes: list[str], identifiers: list[str]
) -> int:
    """Write who should be flagged, and for what; return the number of rows.

    Args:
        path: of the file.
        planted: what is wrong.
        places: all places.
        codes: of places.
        identifiers: canonical, by person.
    """
    # What is planted outranks what follows from it.
    planted_rows = set(_planted(planted, places, codes, identifiers))
    follows = set(_follows(planted, codes)) - planted_rows
    rows = [(*row, "planted") for row in planted_rows] + [(*row, "follows") for row in follows]
    write_csv(path, ANOMALY_COLUMNS, sorted(rows))
    return len(rows)


def _follows(planted: Planted, codes: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield flags that what is planted may raise as well."""
    remote = np.flatnonzero(planted.remote_on >= 0)
    for chosen, flags in (
        (np.flatnonzero(planted.typed), ("peak_drop", "off_hours")),
        (np.append(planted.copied, remote), ("once_a_day", "silent_exits", "impossible_travel")),
        (remote, ("peak_drop", "burst", "over_capacity")),
    ):
        yield from (("venue", codes[place], flag) for place in chosen.tolist() for flag in flags)


def _planted(
    planted: Planted, places: Places, codes: list[str], identifiers: list[str]
) -> Iterator[tuple[str, str, str]]:
    known = places.table["known"] == 1
    guarded = known & (places.table["mode"] == GUARD) & (np.arange(known.size) < places.venues)
    for flag in ("once_a_day", "silent_exits"):
        yield from (("venue", codes[place], flag) for place in np.flatnonzero(guarded).tolist())
    for place in np.flatnonzero(guarded).tolist():
        readers = range(1, 2 if planted.typed[place] else 1 + _READERS)
        yield from (("scanner", f"R-{codes[place]}-{reader}", "once_a_day") for reader in readers)
    for place in np.flatnonzero(planted.typed).tolist():
        yield "venue", codes[place], "typed_late"
        yield "scanner", f"R-{codes[place]}-1", "typed_late"
    by_flag = {
        "off_hours": np.flatnonzero(planted.remote_on >= 0),
        "impossible_travel": np.flatnonzero(planted.misplaced),
        "photographed": planted.copied,
    }
    for flag, chosen in by_flag.items():
        yield from (("venue", codes[place], flag) for place in chosen.tolist())
    # Who borrows a phone leaves no scan of his own at posters; two people stand behind the lender's.
    lent = np.unique(planted.phone_of[planted.phone_of != np.arange(planted.phone_of.size)])
    yield from (("person", identifiers[person], "photographed") for person in lent.tolist())
