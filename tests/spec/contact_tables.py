"""Stays and what is traced from them, drawn as small tables of text.

A stay is a line `person place day time - day time [zone]`, of July 2021, UTC.
A row of a trace is a line `tier person day time via minutes`: when the
exposure began, by whom, and how long the contact with him was in all.
"""

from pipelines.graph import trace
from tests.lakes import new_lake, person_token, put_cases, put_stays, put_venues
from tests.spec.stay_tables import lines_of

PLACES = "venue_code | type\ncafé | restaurant\nshop | shop\nhall | entertainment\noffice | office"
PERSONS = ("An", "Bình", "Chi", "Dũng", "Em", "Giang")
ONSET = "An 11 00:00"


def lake_of(folder, stays, cases=ONSET):
    """Return a lake of some stays and cases; a case is a line `person onset-day time [isolated-day time]`."""
    lake = new_lake(folder)
    put_venues(lake, PLACES)
    put_stays(lake, [_stay(*words) for words in lines_of(stays)])
    rows = [_case(number, *words) for number, words in enumerate(lines_of(cases), 1)]
    put_cases(lake, "\n".join(["case_id | person | onset_at | isolated_at", *rows]))
    return lake


def _stay(person, place, enter_day, enter, _, exit_day, leave, zone=None):
    times = {"enter": f"{enter_day} {enter}", "exit": f"{exit_day} {leave}"}
    return {"person": person, "venue": place, "zone": zone, **times}


def _case(number, person, day, time, *isolated):
    return f"BN-{number} | {person} | {day} {time} | {' '.join(isolated)}"


def traced(folder, lake, tables, case="BN-1", **question):
    """Return the rows under a rule of some TOML tables, as lines of words."""
    names = _names(lake)
    return [
        [
            str(row["tier"]),
            names[row["person"]],
            *_instant(row["exposed_at"]),
            names[row["via"]],
            f"{(row['seconds_direct'] + row['seconds_indirect']) / 60:g}",
        ]
        for row in _rows(folder, lake, tables, case, question)
    ]


def last_contacts(folder, lake, tables, case="BN-1", **question):
    """Return who is in, and when each met an infector last, as lines of words."""
    names = _names(lake)
    rows = _rows(folder, lake, tables, case, question)
    return [[names[row["person"]], *_instant(row["last_contact"])] for row in rows]


def _rows(folder, lake, tables, case, question):
    path = folder / "drawn.toml"
    path.write_text(f'id = "drawn"\ntitle = "t"\nsource = "s"\nvalid_from = 2021-01-01\n{tables}', "utf-8")
    return trace(lake, case, str(path), **question).to_pylist()


def _names(lake):
    return {person_token(lake, name): name for name in PERSONS}


def _instant(moment):
    return [f"{moment:%-d}", f"{moment:%H:%M}"]


def assert_traced(folder, tables, stays, rows, *, cases=ONSET, **question):
    """Compare what is traced from An, or from the case named, with a table, in any order of its lines."""
    found = traced(folder, lake_of(folder, stays, cases), tables, **question)
    assert sorted(found) == sorted(lines_of(rows))
