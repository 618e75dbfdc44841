"""Scans and stays drawn as small tables of text.

A scan is a line `time person place direction [zone]`, a stay a line
`person place enter - exit how [zone]`. Times are of one UTC day; `+1` behind a
time means the day after and `-1` the day before. Of a stay, `how` says how its
enter and exit are known: `in` was scanned, `?` imputed; `out` was scanned,
`dwell` stands for the default and `left` for the next scan elsewhere.
"""

import re

import numpy as np

from pipelines.windowing.footfall import footfall
from pipelines.windowing.pairing import pair
from schemas.codes import DIRECTIONS
from schemas.stay_rules import VENUE_TYPES, load_stay_rules

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
DATE = 18_809 * DAY

PERSONS = ("An", "Bình", "Chi")
PLACES = {
    "shop": "shop",
    "market": "market",
    "café": "restaurant",
    "office": "office",
    "home": "home",
    "temple": "worship",
    "station": "bus_station",
}
_NAMES = tuple(PLACES)
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?([+-]\d)?")
_ENTERS, _EXITS = ("in", "?"), ("out", "dwell", "left")


def lines_of(table):
    """Return the words of each line of a table; what follows `#` is a remark."""
    rows = [line.partition("#")[0].split() for line in table.strip().splitlines()]
    return [words for words in rows if words]


def instant(text):
    """Microseconds UTC of a time like `08:30`, `08:30:01.5` or `00:10+1`."""
    hours, minutes, seconds, days = _TIME.fullmatch(text).groups()
    micros = round(float(seconds or 0) * SECOND)
    return DATE + int(days or 0) * DAY + (int(hours) * 60 + int(minutes)) * MINUTE + micros


def clock(at_us):
    """Return the time of an instant, as the tables write it."""
    days, rest = divmod(at_us - DATE, DAY)
    seconds, micros = divmod(rest, SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    if seconds % 60 or micros:
        text += f":{seconds % 60:02}" + (f".{micros:06}".rstrip("0") if micros else "")
    return text + (f"{days:+}" if days else "")


def paired(table, rules=None):
    """Return the stays of a table of scans; event keys ascend from line to line."""
    rows = lines_of(table)
    zones = sorted({words[4] for words in rows if len(words) > 4})
    stays = pair(
        np.array([PERSONS.index(words[1]) for words in rows], np.int64),
        np.array([_NAMES.index(words[2]) for words in rows], np.int64),
        np.array([instant(words[0]) for words in rows], np.int64),
        np.zeros(len(rows), np.uint64),
        np.arange(len(rows), dtype=np.uint64),
        np.array([DIRECTIONS.index({"?": "unknown"}.get(words[3], words[3])) for words in rows], np.uint8),
        np.array([zones.index(words[4]) if len(words) > 4 else -1 for words in rows], np.int32),
        np.array([VENUE_TYPES.index(PLACES[words[2]]) for words in rows], np.int16),
        rules or load_stay_rules(),
    )
    return stays, zones


def stays_of(table, rules=None):
    """Return the stays of a table of scans as lines of words, by enter."""
    stays, zones = paired(table, rules)
    lines = []
    for row in np.lexsort((stays.venue, stays.person, stays.enter_us)):
        how = _ENTERS[stays.enter_kind[row]], _EXITS[stays.exit_kind[row]]
        words = [PERSONS[stays.person[row]], _NAMES[stays.venue[row]]]
        words += [clock(stays.enter_us[row]), "-", clock(stays.exit_us[row]), "/".join(how)]
        lines.append(words + [zones[code] for code in stays.zone[row : row + 1] if code >= 0])
    return lines


def assert_stays(scans, stays, rules=None):
    """Compare the stays of scans with a table, in any order of its lines."""
    assert sorted(stays_of(scans, rules)) == sorted(lines_of(stays))


def assert_footfall(scans, windows):
    """Compare the footfall of scans on the day with lines `place start entries exits people peak seconds`."""
    stays, _ = paired(scans)
    found = footfall(stays.person, stays.venue, stays.enter_us, stays.exit_us, DATE, DATE + DAY)
    columns = (found.entries, found.exits, found.people, found.peak, found.person_seconds)
    rows = [
        [_NAMES[venue], clock(start_us), *map(str, counts)]
        for venue, start_us, *counts in zip(found.venue, found.window_start_us, *columns, strict=True)
    ]
    assert sorted(rows) == sorted(lines_of(windows))
