"""The people of the province: households, roles, work places and identifiers.

Nobody has a name, and no identifier can belong to anybody: phone numbers lie
in mobile blocks that were assigned to no network in 2021, citizen cards carry a
century that is not yet, old identity cards a province code that does not exist, and
insurance cards an object code that does not exist.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.simulate import habits
from pipelines.simulate.clocks import clocks
from pipelines.simulate.dtypes import Bools, Bytes, Floats, Int64, Rows, Texts
from pipelines.simulate.places import Places, districts
from pipelines.simulate.rng import key, unit, units
from pipelines.simulate.rng_streams import LINKING, PEOPLE, PHONE_CLOCK, WORK
from pipelines.simulate.settings import Settings

_HOUSEHOLD_SIZES = (0.1, 0.18, 0.2, 0.25, 0.15, 0.12)
"""Shares of households with 1, 2, … people."""

_RIDERS = 0.25
_NUMBERS = 100_000_000

_KINDS: tuple[tuple[float, tuple[bytes, ...]], ...] = (
    (
        0.92,
        (
            b"phone:+84@#######",
            b"phone:0@#######",
            b"phone:0@#######",
            b"phone:84@#######",
            b"phone:+84 @# ### ###",
            b"phone:0@#.###.###",
            b"phone:0084@#######",
            b"phone:(0@#) ###-###",
        ),
    ),
    (0.025, (b"cccd:0519########",)),
    (0.005, (b"cmnd:9########",)),
    (0.015, (b"qid:SIM-51-########",)),
    (0.015, (b"bhyt:00########", b"bhyt:ZZ45100########", b"bhyt:zz 4 51 00########")),
    (0.005, (b"passport:X########", b"passport:x ########")),
    (0.015, (b"device:sim-########",)),
)
"""Share of people by kind of identifier, and its spellings, the canonical one first.

Of the eight digits of a person # is the next one, and @ the mobile block that the next one stands for.
"""

PHONE, CITIZEN_CARD, INSURANCE = 0, 1, 4
"""Positions in `_KINDS`."""

_FREE_BLOCKS = np.array([30, 31, 50, 51, 53, 54, 57, 71, 72, 73], np.int64)
"""Mobile blocks (03x, 05x, 07x) that no network had in 2021."""


class Spellings(NamedTuple):
    """The spellings of identifiers, for kernels.

    Attributes:
        text: uint8[spellings, 32], with # and @ for digits.
        length: int64[spellings], bytes of it.
        first: int64[kinds], position of the canonical spelling.
        number: int64[kinds], number of spellings.
    """

    text: Bytes
    length: Int64
    first: Int64
    number: Int64


PERSON = np.dtype(
    [
        ("household", "i8"),
        ("district", "i8"),
        ("work", "i8"),
        ("vehicle", "i8"),
        ("clock", "i8"),
        ("home_since", "i8"),
        ("free_at", "i8"),
        ("sampled_on", "i8"),
        ("number", "i8"),
        ("kind", "i8"),
        ("card", "i8"),
        ("spelling", "i8"),
        ("role", "i8"),
        ("rider", "u1"),
        ("carries", "u1"),
        ("app", "u1"),
    ],
    align=True,
)
"""A person.

Fixed: household; position of the district; place of work or school and the bus there (-1 for none);
seconds by which the phone is ahead; kind, eight digits (unique) and usual spelling of the identifier;
kind of the card shown to guards, the same as `kind` for most, with the same digits; role as in `habits`;
whether the person commutes by bus, scans at all, and has a Bluetooth app.
Changing from day to day: when the person came home (-1 while out), when the last stay elsewhere ends,
and the day on which a case is sampled (NEVER for others).
"""

NEVER = 2**31 - 1

People = Rows
"""PERSON[people], sorted by household, households by district."""


def spellings() -> Spellings:
    """Return all spellings as arrays."""
    texts = [text for _, kind in _KINDS for text in kind]
    table = np.zeros((len(texts), 32), np.uint8)
    for row, text in enumerate(texts):
        table[row, : len(text)] = np.frombuffer(text, np.uint8)
    numbers = np.array([len(kind) for _, kind in _KINDS], np.int64)
    lengths = np.array([len(text) for text in texts], np.int64)
    return Spellings(table, lengths, np.cumsum(numbers) - numbers, numbers)


def make_households(settings: Settings) -> tuple[Int64, Int64]:
    """Divide people into households, and households among districts.

    Returns:
        household int64[people], ascending, and households int64[districts].
    """
    luck = units(settings.seed, PEOPLE, settings.people, 0)
    sizes = np.searchsorted(np.cumsum(_HOUSEHOLD_SIZES), luck, side="right") + 1
    # The last household is cut to the number of people.
    ends = np.minimum(np.cumsum(sizes), settings.people)
    count = int(np.searchsorted(ends, settings.people)) + 1
    household = np.repeat(np.arange(count, dtype=np.int64), np.diff(ends[:count], prepend=0))
    people = np.array([district.population for district in districts()], np.float64)
    edges = np.cumsum(people) / people.sum()
    # Households in proportion to population, in the order of the districts.
    district = np.searchsorted(edges, (np.arange(count) + 0.5) / count, side="right")
    return household, np.bincount(district, minlength=people.size).astype(np.int64)


def make_people(settings: Settings, places: Places, household: Int64) -> People:
    """Make the people of the households, all of them at home."""
    seed, knobs, count = settings.seed, settings.knobs, settings.people
    people = np.zeros(count, PERSON)
    people["household"] = household
    people["district"] = district = places.table["district"][places.venues + household]
    people["role"] = role = _pick(habits.ROLE_SHARES, units(seed, PEOPLE, count, 1))
    people["work"] = _fixed_place(seed, 0, places.span, district, _work_type(settings, role))
    people["vehicle"] = _fixed_place(seed, 1, places.span, district, np.full(count, habits.TRANSPORT))
    people["clock"] = clocks(settings, PHONE_CLOCK, count)
    people["sampled_on"] = NEVER
    # 48,271 shares no factor with 10^8, so eight digits stay unique up to 10^8 people.
    people["number"] = (np.arange(count) * 48_271 + seed % _NUMBERS) % _NUMBERS
    people["kind"] = _pick([share for share, _ in _KINDS], units(seed, PEOPLE, count, 3))
    people["card"] = np.where(has_card(settings), _card_beside(people["kind"]), people["kind"])
    people["spelling"] = np.floor(units(seed, PEOPLE, count, 4) * 3)
    # Only people with a place of work or school commute.
    people["rider"] = (units(seed, PEOPLE, count, 2) < _RIDERS) & (role <= habits.NIGHT)
    people["carries"] = units(seed, PEOPLE, count, 5) < knobs.scanning
    people["app"] = units(seed, PEOPLE, count, 6) < knobs.app_users
    return people


def has_card(settings: Settings) -> Bools:
    """Tell who shows a card to guards and another identifier elsewhere; bool[people]."""
    return units(settings.seed, LINKING, settings.people, 0) < settings.knobs.several_identifiers


def _card_beside(kind: Int64) -> Int64:
    """Return the kind of card that a person shows beside an identifier: a citizen card, or insurance."""
    return np.where(kind == CITIZEN_CARD, INSURANCE, CITIZEN_CARD)


def canonical_identifiers(people: People, kind: Int64 | None = None) -> Texts:
    """Return the identifier of each person in its canonical spelling, as ASCII bytes.

    Args:
        people: everybody.
        kind: int64[people], of which kind; None is each person's usual one.
    """
    table = np.zeros((people.size, 32), np.uint8)
    _write_canonical(table, people["kind"] if kind is None else kind, people["number"], spellings())
    return table.view("S32").ravel()


@njit(cache=True, nogil=True)
def write_person(out: Bytes, at: int, kind: int, number: int, spelling: int, table: Spellings) -> int:
    """Write an identifier and return the position after it.

    Args:
        out: uint8[n], the bytes to write into.
        at: the position of the first byte.
        kind: kind of the identifier.
        number: its eight digits.
        spelling: number of the spelling, modulo those of the kind.
        table: all spellings.
    """
    row = table.first[kind] + spelling % table.number[kind]
    # The next digit to be used, from the left.
    power = 10_000_000
    for sign in table.text[row, : table.length[row]]:
        if sign == 35 or sign == 64:  # '#', '@'
            digit = (number // power) % 10
            power //= 10
            # A block has two digits that stand for one.
            if sign == 64:
                out[at] = 48 + _FREE_BLOCKS[digit] // 10
                at += 1
                digit = _FREE_BLOCKS[digit] % 10
            sign = np.uint8(48 + digit)
        out[at] = sign
        at += 1
    return at


@njit(cache=True, nogil=True)
def _write_canonical(out: Bytes, kind: Int64, number: Int64, table: Spellings) -> None:
    for person in range(kind.size):
        write_person(out[person], 0, kind[person], number[person], 0, table)


def _pick(shares: tuple[float, ...] | list[float], luck: Floats) -> Int64:
    """Map each number in [0, 1) to a position, in proportion to the shares."""
    # The last edge is left out: rounding could leave it below 1.
    edges = np.cumsum(shares)[:-1] / sum(shares)
    return np.searchsorted(edges, luck, side="right").astype(np.int64)


def _work_type(settings: Settings, role: Int64) -> Int64:
    """Draw the type of place where each person works or studies; -1 for none."""
    luck = units(settings.seed, WORK, role.size, 7)
    fixed = {
        habits.PUPIL: habits.SCHOOL,
        habits.STUDENT: habits.TRAINING,
        habits.CLERK: habits.OFFICE,
        habits.WORKER: habits.BUSINESS,
    }
    kind = np.full(role.size, -1, np.int64)
    for who, where in fixed.items():
        kind[role == who] = where
    for who, choices in ((habits.SELLER, habits.SELLER_TYPES), (habits.NIGHT, habits.NIGHT_TYPES)):
        chosen = np.array(choices, np.int64)[np.floor(luck * len(choices)).astype(np.int64)]
        kind = np.where(role == who, chosen, kind)
    return kind


@njit(cache=True, nogil=True)
def _fixed_place(seed: int, which: int, span: Int64, district: Int64, kind: Int64) -> Int64:
    """Choose a place of the type for each person, in the own district if possible; -1 for none."""
    result = np.full(district.size, -1, np.int64)
    districts_count = span.shape[1]
    for person in range(district.size):
        if kind[person] < 0:
            continue
        where = district[person]
        # The own district, then the following ones.
        for _ in range(districts_count):
            first, number = span[kind[person], where]
            if number > 0:
                luck = unit(key(seed, WORK, person, which))
                result[person] = first + np.int64(luck * number)
                break
            where = (where + 1) % districts_count
    return result
