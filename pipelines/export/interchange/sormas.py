"""`sormas_contacts.csv`: first-tier contacts for the contact import of SORMAS.

Facts of the importer (SORMAS-Project, `DataImporter.java`): the first row names
the entity of each column and the second its property; without the first the file
fails as a whole (#7532). Dates are read in the form of the importing user's
language and in no other, so an English user swaps day and month of `dd/MM/yyyy`
in silence (#4999). A backslash escapes the next sign. An apostrophe before a
cell is stored as data (iris-client #443): here no untrusted text begins a cell.
"""

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipelines.errors import UsageError
from pipelines.export.exposure_list import ExposureList, WrittenFile, local_day
from pipelines.export.interchange.handover import HandoverContact, contacts
from pipelines.export.list_text import one_line, person_code
from pipelines.terminal.output import counted, safe_cell

SORMAS: Final = "sormas_contacts.csv"

COLUMNS: Final = (
    ("Contact", "caseIdExternalSystem"),
    ("Contact", "caseOrEventInformation"),
    ("Contact", "disease"),
    ("Contact", "reportDateTime"),
    ("Contact", "region"),
    ("Contact", "district"),
    ("Contact", "multiDayContact"),
    ("Contact", "firstContactDate"),
    ("Contact", "lastContactDate"),
    ("Contact", "contactIdentificationSource"),
    ("Contact", "tracingApp"),
    ("Contact", "tracingAppDetails"),
    ("Contact", "contactProximity"),
    ("Contact", "contactClassification"),
    ("Contact", "description"),
    ("Contact", "externalToken"),
    ("Person", "person.firstName"),
    ("Person", "person.lastName"),
    ("Person", "person.phone"),
)
"""Entity and property of each column; the importer reads from the left, so `region` precedes `district`."""

_DATES: Final = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y"}
_USERS: Final = {
    "dmy": "a user whose language writes day/month/year (French, Spanish, German, English of Nigeria…)",
    "mdy": "a user whose language is English",
}
# Below the limits of these columns in SORMAS (4096 and 512); others are cut at 255, its smallest.
_MOST_SIGNS: Final = {"description": 4_000, "caseOrEventInformation": 500}


@dataclass(frozen=True)
class SormasSettings:
    """What SORMAS must be told that no list knows.

    Attributes:
        disease: the name of its enum, such as CORONAVIRUS.
        region: the name of the region there.
        district: and of the district.
        case_uuid: of the source case there, instead of the three.
        date_order: `dmy` or `mdy`, as the importing user's language writes dates.
    """

    disease: str = ""
    region: str = ""
    district: str = ""
    case_uuid: str = ""
    date_order: str = ""

    def check(self) -> None:
        """Refuse what would fail in SORMAS, before anything is read.

        Raises:
            UsageError: disease, region and district are not given, nor a case; or no order of dates.
        """
        if not self.case_uuid and not (self.disease and self.region and self.district):
            raise UsageError(
                "--format sormas needs --disease, --region and --district, or --case-uuid",
                "SORMAS refuses contacts that have neither a source case nor a place",
            )
        if self.date_order not in _DATES:
            raise UsageError(
                "--format sormas needs --date-order dmy or mdy",
                "SORMAS reads dates as the importing user's language writes them, and others wrongly",
            )
        # These begin a cell, and no apostrophe may go before them.
        for flag in ("disease", "region", "district", "case_uuid"):
            if not _is_safe(getattr(self, flag)):
                raise UsageError(
                    f"--{flag.replace('_', '-')} begins with a sign that a spreadsheet executes",
                    "write the name as SORMAS shows it",
                )


def write_sormas(made: ExposureList, folder: Path, settings: SormasSettings) -> list[WrittenFile]:
    """Write `sormas_contacts.csv`: UTF-8 without a mark, CRLF, every cell quoted."""
    written = unsafe = 0
    with (folder / SORMAS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(
            file, delimiter=made.settings.separator, lineterminator="\r\n", quoting=csv.QUOTE_ALL
        )
        writer.writerow([entity for entity, _ in COLUMNS])
        writer.writerow([name for _, name in COLUMNS])
        for contact in contacts(made):
            writer.writerow(_safe(_cells(contact, made, settings)))
            written += 1
            unsafe += contact.unsafe
    notes = list(_notes(made, written, unsafe, settings))
    return [WrittenFile(SORMAS, written, made.rows.num_rows - written, notes)]


def read_sormas(folder: Path, separator: str) -> list[str]:
    """The codes of the persons, read as SORMAS reads: a backslash escapes."""
    with (folder / SORMAS).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter=separator, escapechar="\\", doublequote=True)
        found = [row for row in rows if row]
    at = [name for _, name in COLUMNS].index("externalToken")
    # A separator or quote that broke a row shows as another width; nothing then compares equal.
    if any(len(row) != len(COLUMNS) for row in found):
        return []
    return [row[at].removeprefix("p-") for row in found[2:]]


def _notes(made: ExposureList, written: int, unsafe: int, settings: SormasSettings) -> Iterator[str]:
    if written:
        yield f"{SORMAS}: dates are for {_USERS[settings.date_order]}"
    numbers = 0 if settings.case_uuid else sum(not _is_safe(case.case_id) for case in made.cases)
    if numbers:
        yield f"{SORMAS}: {counted(numbers, 'case number')} left out, begun with a formula sign"
    if unsafe:
        yield f"{SORMAS}: {counted(unsafe, 'name')} of the register left out, begun with a formula sign"


def _cells(contact: HandoverContact, made: ExposureList, settings: SormasSettings) -> list[str]:
    row, zone = contact.row, made.settings.zone
    first = row["exposed_at"].astimezone(zone).date()
    last = row["last_contact"].astimezone(zone).date()
    vietnamese = made.settings.words.language == "vi"
    places = one_line((row["venue_names"] or row["venues"] or "").replace(";", "; "))
    # The column holds one case: the first by number.
    number = settings.case_uuid or row["case_ids"].split(";")[0]
    return [
        number if _is_safe(number) else "",
        f"{'Ca' if vietnamese else 'Cases'} {row['case_ids']}, F1, via {person_code(row['via'])}",
        # Enum names are upper-case there.
        settings.disease.upper(),
        # The question's end and not the clock: the same list again is the same file.
        _date(local_day(made.until_us, zone), settings),
        settings.region,
        settings.district,
        # firstContactDate is dropped on import unless this is true; "yes" is read by the user's language.
        "true" if first != last else "false",
        _date(first, settings),
        _date(last, settings),
        "TRACING_APP",
        "OTHER",
        "Truy Vet",
        # FACE_TO_FACE_SHORT and some medical kinds would switch follow-up off.
        "SAME_ROOM" if row["seconds_direct"] else "AEROSOL",
        "UNCONFIRMED",
        # A fixed word first, so that no name of a venue begins the cell.
        f"{'Nơi tiếp xúc' if vietnamese else 'Places'}: {places}",
        contact.code,
        contact.first_name,
        contact.last_name,
        contact.phone,
    ]


def _is_safe(text: str) -> bool:
    return safe_cell(text) == text


def _date(day: dt.date, settings: SormasSettings) -> str:
    return day.strftime(_DATES[settings.date_order])


def _safe(cells: Sequence[str]) -> list[str]:
    """The cells on one line, short enough and with doubled backslashes; none begins with untrusted text."""
    made = []
    for (_, name), cell in zip(COLUMNS, cells, strict=True):
        # Cut before the backslashes are doubled, or half an escape could stand at the end.
        text = one_line(cell)[: _MOST_SIGNS.get(name, 255)].replace("\\", "\\\\")
        if not _is_safe(text):
            raise AssertionError(f"a cell of {name} begins with untrusted text")
        made.append(text)
    return made
