"""The inputs beside the scans: registry, cases, encounters, declarations."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pipelines.simulate import habits
from pipelines.simulate.cases import Case
from pipelines.simulate.delivery import create
from pipelines.simulate.dtypes import Bools, Rows, Texts
from pipelines.simulate.people import People
from pipelines.simulate.places import Places, districts, start_of
from pipelines.simulate.rng import key, units
from pipelines.simulate.rng_streams import BLUETOOTH, DECLARING, REGISTRY
from pipelines.simulate.settings import Settings

VENUE_COLUMNS = (
    *("venue", "name", "type", "zone", "province_code", "district_code", "commune_code"),
    *("lat", "lon", "capacity", "timezone", "registered_at", "closed_at"),
)
CASE_COLUMNS = ("case_id", "person", "onset_at", "sampled_at", "reported_at", "isolated_at", "withdrawn_at")
DECLARATION_COLUMNS = (
    *("event_id", "person", "declared_at", "symptoms", "contact_with_case", "contact_with_ill"),
    *("contact_abroad", "travelled_from", "district_code", "channel"),
)

_DAY = 86_400
_HOUR = 3_600
_NAMES = (
    *("Cơ quan", "Trường học", "Trung tâm đào tạo", "Doanh nghiệp", "Cửa hàng", "Siêu thị", "Nhà sách"),
    *("Ga tàu", "Bến tàu", "Bến xe", "Xe khách", "Bệnh viện", "Chợ", "Quán ăn", "Nơi thờ tự"),
    *("Khu vui chơi", "Địa điểm", "Nhà ở"),
)
_SYMPTOMS = ("fever", "cough", "sore_throat", "breathless", "no_smell", "pneumonia", "fatigue")
_CHANNELS = ("tokhaiyte", "tokhaiyte", "bluezone")
_BACKGROUND = 100  # one declaration in this many names a symptom or a contact without an infection behind it
_ELSEWHERE = ("Đà Nẵng", "Thành phố Hồ Chí Minh", "Bình Dương", "Quảng Nam", "Bình Định", "Gia Lai")


def local_text(settings: Settings, second: int) -> str:
    """Format a second of the world as RFC 3339 with the local offset."""
    return (start_of(settings) + dt.timedelta(seconds=int(second))).isoformat()


def write_venues(
    path: Path, settings: Settings, places: Places, codes: Texts, misplaced: Bools | None = None
) -> int:
    """Write the registry: known places, and homes with a code. Return the number of rows.

    Args:
        path: of the file.
        settings: of the world.
        places: all places.
        codes: of the places.
        misplaced: bool[places], which get coordinates some degrees away.
    """
    table, seed = places.table, settings.seed
    luck = [units(seed, REGISTRY, table.size, which) for which in range(5)]
    homes = np.arange(table.size) >= places.venues
    known = np.flatnonzero((table["known"] == 1) & ((table["coded"] == 1) | ~homes))
    where = districts()
    rows = []
    for place in known.tolist():
        row, district = table[place], where[table[place]["district"]]
        # Five independent numbers a place.
        north, east, commune, size, age = (float(column[place]) for column in luck)
        radius = 0.01 if district.communes == 0 else 0.05
        away = 2 + size if misplaced is not None and misplaced[place] else 0  # degrees
        rows.append(
            (
                code := codes[place].decode(),
                # The number behind the type and its dash, without leading zeros.
                f"{_NAMES[row['kind']]} {int(code[9:])}, {district.name}",
                habits.TYPES[row["kind"]],
                ";".join(f"{habits.ZONE_LETTERS[row['kind']]}{1 + zone}" for zone in range(row["zones"])),
                district.province,
                district.code,
                _commune(district.code, district.communes, commune),
                f"{district.lat + away + radius * (2 * north - 1):.5f}",
                f"{district.lon - away + radius * (2 * east - 1):.5f}",
                int(habits.CAPACITIES[row["kind"]] * (0.5 + size)),
                # An empty cell means the default zone, and half of the rows use it.
                "Asia/Ho_Chi_Minh" if place % 2 else "",
                local_text(settings, -int(age * 90 * _DAY) - 1),
                local_text(settings, row["closed"]) if row["closed"] >= 0 else "",
            )
        )
    write_csv(path, VENUE_COLUMNS, rows)
    return len(rows)


def _commune(district: str, communes: int, luck: float) -> str:
    """Compute a number within the district, not an official code; the island has no communes."""
    return f"{district}{1 + int(luck * communes):02d}" if communes else ""


def write_cases(path: Path, settings: Settings, cases: Iterable[Case], names: Sequence[str]) -> None:
    """Write the cases: onsets as dates, as people report them, everything else as instants."""
    texts = []
    for case in cases:
        instants = (case.sampled, case.reported, case.isolated, case.withdrawn)
        onset = "" if case.onset is None else local_text(settings, case.onset)[:10]
        shown = ["" if at is None else local_text(settings, at) for at in instants]
        texts.append((case.case_id, names[case.person], onset, *shown))
    write_csv(path, CASE_COLUMNS, texts)


def write_encounters(
    path: Path, settings: Settings, people: People, contacts: Rows, names: Sequence[str]
) -> int:
    """Write what Bluetooth apps recorded of the contacts of cases; return the number of rows.

    Both people must have the app. 30 % of their overlaps of two minutes or more
    are recorded, each in part.
    """
    app = people["app"].astype(np.bool_)
    both = app[contacts["person"]] & app[contacts["other"]] & (contacts["end"] - contacts["start"] >= 120)
    rows = contacts[both]
    luck = [units(settings.seed, BLUETOOTH, rows.size, which) for which in range(5)]
    lines = []
    for row in np.flatnonzero(luck[0] < 0.3).tolist():
        pair, begin, length, metres, measure = (
            # luck[0] decided the recording and is below 0.3, so begin / 0.3 is uniform again.
            rows[row],
            *(float(column[row]) for column in luck[:1] + luck[2:]),
        )
        seconds = int(pair["end"] - pair["start"])
        start = int(pair["start"]) + int(begin / 0.3 * seconds / 2)
        until = start + max(60, int((0.5 + length / 2) * (int(pair["end"]) - start)))
        # Squared: short distances are more frequent.
        distance = 0.3 + 7.7 * metres * metres
        fields: dict[str, object] = {
            "event_id": f"bt-{row:08d}",
            "person_a": names[pair["person"]],
            "person_b": names[pair["other"]],
            "started_at": local_text(settings, start),
            "ended_at": local_text(settings, min(until, int(pair["end"]))),
        }
        # Either measure or both: the draws overlap from 0.3 to 0.8.
        if measure < 0.8:
            fields["distance_m"] = round(distance, 1)
        if measure > 0.3:
            fields["attenuation_db"] = round(48 + 4.5 * distance + 6 * measure, 1)
        lines.append(json.dumps(fields, separators=(",", ":")).encode() + b"\n")
    with create(path) as file:
        file.writelines(lines)
    return len(lines)


def write_declarations(
    path: Path, settings: Settings, people: People, course: Rows, names: Sequence[str]
) -> int:
    """Write health declarations, more of them by people who just fell ill; return the number of rows."""
    share = settings.knobs.declaring
    rows: list[tuple[str, ...]] = []
    codes = [district.code for district in districts()]
    for day in range(settings.days):
        luck = units(settings.seed, DECLARING, people.size, day)
        # Ill people declare for three days after the onset, twenty times as often.
        ill = (course["onset"] >= (day - 3) * _DAY) & (course["onset"] < day * _DAY)
        for person in np.flatnonzero(luck < np.where(ill, min(1.0, 20 * share), share)).tolist():
            # Python's int: the word is unsigned, and shifts take independent bits of it.
            word = int(key(settings.seed, DECLARING, person, -1 - day))
            sick = bool(ill[person]) or word % _BACKGROUND == 0
            symptoms = [name for bit, name in enumerate(_SYMPTOMS) if sick and (word >> (8 + bit)) & 1]
            rows.append(
                (
                    f"hd-{len(rows):08d}",
                    names[person],
                    local_text(settings, day * _DAY + 6 * _HOUR + (word >> 16) % (15 * _HOUR)),
                    ";".join(symptoms),
                    # Different bits, so that answers are independent of each other.
                    _answer(word >> 40, 2 if ill[person] else _BACKGROUND),
                    _answer(word >> 30, 4 if ill[person] else _BACKGROUND),
                    _answer(word >> 20, 50 * _BACKGROUND),
                    _ELSEWHERE[(word >> 44) % len(_ELSEWHERE)] if (word >> 42) % 20 == 0 else "",
                    codes[people[person]["district"]],
                    _CHANNELS[(word >> 24) % len(_CHANNELS)],
                )
            )
    write_csv(path, DECLARATION_COLUMNS, rows)
    return len(rows)


def _answer(word: int, one_in: int) -> str:
    """A yes in one of `one_in` declarations; the form preselects no, and some forms leave the field out."""
    return "true" if word % one_in == 0 else ("", "false", "false")[word // one_in % 3]


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header; a new one, never over another."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    with create(path) as file:
        file.write(text.getvalue().encode())
