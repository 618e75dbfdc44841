"""`epicontacts_linelist.csv` and `epicontacts_contacts.csv`: persons and who met whom, for R.

`make_epicontacts(linelist, contacts, id = "id", from = "from", to = "to",
directed = TRUE)` takes them as they are, with the column names of epiverse's
linelist and simulist. It cannot be made of no contacts; the heads are written
all the same. Codes begin with `p-`, for `read.csv` makes numbers of some tokens.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pipelines.export.exposure_list import ExposureList, ListedCase, WrittenFile, local_day
from pipelines.export.list_text import PERSON_PREFIX, person_code
from pipelines.terminal.output import safe_cell

LINELIST: Final = "epicontacts_linelist.csv"
CONTACTS: Final = "epicontacts_contacts.csv"

SECONDS: Final = ("seconds_direct", "seconds_indirect", "seconds_imputed")
LINELIST_COLUMNS: Final = ("id", "case_id", "tier", "date_onset", "gender", "birth_year", "location")
CONTACT_COLUMNS: Final = (
    "from", "to", "date_first_contact", "date_last_contact", "was_case", "status", "tier", "minutes_direct",
    "minutes_indirect", "minutes_imputed", "venues", "score", "rule",
)  # fmt: skip


def write_epicontacts(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write both files: UTF-8 without a mark, ISO dates of local days."""
    linelist = _linelist(made)
    _write(folder / LINELIST, LINELIST_COLUMNS, linelist)
    _write(folder / CONTACTS, CONTACT_COLUMNS, _contacts(made))
    return [WrittenFile(LINELIST, len(linelist)), WrittenFile(CONTACTS, made.rows.num_rows)]


def read_epicontacts(folder: Path) -> list[str]:
    """The tokens of the persons in the contacts file."""
    with (folder / CONTACTS).open(encoding="utf-8", newline="") as file:
        return [row["to"].removeprefix(PERSON_PREFIX) for row in csv.DictReader(file)]


def _linelist(made: ExposureList) -> list[list[Any]]:
    """One row a person: the cases first, then the exposed; nobody twice."""
    zone = made.settings.zone
    by_person: dict[int, list[ListedCase]] = {}
    for case in made.cases:
        # A person with several cases has one row, or make_epicontacts refuses the linelist.
        by_person.setdefault(case.person, []).append(case)
    rows: list[list[Any]] = []
    for person, cases in by_person.items():
        onsets = [case.onset_us for case in cases if case.onset_us is not None]
        # The earliest of several onsets.
        onset = local_day(min(onsets), zone).isoformat() if onsets else ""
        rows.append([person_code(person), ";".join(case.case_id for case in cases), 0, onset, "", "", ""])
    columns = [made.rows[name].to_pylist() for name in ("person", "tier", "sex", "birth_year", "address")]
    for person, tier, sex, year, address in zip(*columns, strict=True):
        rows.append([person_code(person), "", tier, "", sex or "", year or "", address or ""])
    return rows


def _contacts(made: ExposureList) -> list[list[Any]]:
    zone = made.settings.zone
    # One row a row of the trace; an end need not be in the linelist.
    rows = []
    for row in made.rows.to_pylist():
        known = row["person"] in made.known_cases
        rows.append(
            [
                person_code(row["via"]),
                person_code(row["person"]),
                row["exposed_at"].astimezone(zone).date().isoformat(),
                row["last_contact"].astimezone(zone).date().isoformat(),
                # Spelled as R does, so that read.csv makes a logical column of it.
                "TRUE" if known else "FALSE",
                "case" if known else "under_followup",
                row["tier"],
                *(f"{row[name] / 60:.2f}" for name in SECONDS),
                row["venues"],
                row["score"],
                row["rule"],
            ]
        )
    return rows


def _write(path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table whose texts a spreadsheet does not execute: R reads them as they are."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([safe_cell(value) if isinstance(value, str) else value for value in row])
