"""Links between the identifiers of people who use several, as codes, cards and forms show them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.simulate.dtypes import Int64
from pipelines.simulate.others import local_text, write_csv
from pipelines.simulate.people import PHONE, People, canonical_identifiers
from pipelines.simulate.rng import key, units
from pipelines.simulate.rng_streams import LINKING
from pipelines.simulate.settings import Settings

LINK_COLUMNS = ("event_id", "person_a", "person_b", "seen_at", "source", "self")

_DAY, _HOUR = 86_400, 3_600
_A_DAY = 0.3
"""Share of people with a card whose code or form somebody takes in on a day."""

_NOT_SELF = 20  # one form in this many is filled in by somebody else
_SOURCES = ("personal_qr", "personal_qr", "declaration", "registration")


def cards_of(people: People) -> list[str]:
    """Return what each person shows to guards, in its canonical spelling."""
    return [name.decode() for name in canonical_identifiers(people, people["card"]).tolist()]


def write_links(path: Path, settings: Settings, people: People, names: Sequence[str]) -> int:
    """Write the links of people with several identifiers; return the number of rows.

    A shared phone is that of somebody else of the household: its links join two people who are not one.

    Args:
        path: of the file.
        settings: of the world.
        people: everybody.
        names: canonical identifiers, by person.
    """
    cards, phone_of = cards_of(people), _phones_in_codes(settings, people)
    rows: list[tuple[str, ...]] = []
    for day in range(settings.days):
        luck = units(settings.seed, LINKING, people.size, 2 + day)
        # Only people whose card is another identifier than their phone.
        for person in np.flatnonzero((people["card"] != people["kind"]) & (luck < _A_DAY)).tolist():
            # Second numbers below 0 are used by no other draw of this stream.
            word = int(key(settings.seed, LINKING, person, -1 - day))
            second = day * _DAY + 6 * _HOUR + (word >> 16) % (15 * _HOUR)
            rows.append(
                (
                    f"ln-{len(rows):08d}",
                    cards[person],
                    names[phone_of[person]],
                    local_text(settings, second),
                    _SOURCES[word % len(_SOURCES)],
                    "false" if (word >> 8) % _NOT_SELF == 0 else "true",
                )
            )
    write_csv(path, LINK_COLUMNS, rows)
    return len(rows)


def _phones_in_codes(settings: Settings, people: People) -> Int64:
    """Return whose phone stands in the code of each person: his own, or a shared one of the household.

    The other one has a code too, with that same phone: only from that can anybody tell that it is shared.
    """
    whose = np.arange(people.size)
    shared = units(settings.seed, LINKING, people.size, 1) < settings.knobs.shared_phones
    has_phone = (people["kind"] == PHONE) & (people["card"] != PHONE)
    for person in np.flatnonzero(shared & has_phone).tolist():
        # People are sorted by household: its members are [begin, end).
        begin, end = np.searchsorted(people["household"], people["household"][person] + np.array([0, 1]))
        # The owner's own code must show the phone too, or nobody could tell that it is shared.
        others = [other for other in range(begin, end) if has_phone[other] and not shared[other]]
        if others:
            whose[person] = others[0]
    return whose
