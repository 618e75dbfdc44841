"""Files for Go.Data: contacts, how their fields are mapped, and relationships whose days have moved.

Facts of its importer (GoDataSource-API, `dbSync.js`, `outbreakContact.js`): a
contact whose id is known is skipped when the file has no `updatedAt`, and else
overwritten and given a second relationship. So contacts carry a keyed id and no
`updatedAt`, and a second import does no harm; days that moved go as relationships.
A date with a time becomes the day before it in the mornings of Vietnam, so dates
are days. With a case id that is not found, Go.Data deletes the contacts.
"""

import hmac
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa

from pipelines.export.exposure_list import ExposureList, WrittenFile, local_day
from pipelines.export.interchange.handover import HandoverContact, contacts
from pipelines.export.list_text import PERSON_PREFIX, one_line, person_code
from pipelines.terminal.output import utc_text

CONTACTS: Final = "godata_contacts.json"
MAP: Final = "godata_contacts.map.json"
RELATIONSHIPS: Final = "godata_relationships.json"

_LABEL = b"truyvet godata v1"
_DATA = "LNG_REFERENCE_DATA_CATEGORY_"
_RELATIONSHIP = (
    "contactDate",
    "dateOfFirstContact",
    "contactDateEstimated",
    "certaintyLevelId",
    "exposureTypeId",
    "exposureFrequencyId",
    "exposureDurationId",
    "comment",
)
_DOCUMENTS = {"cccd": "NATIONAL_ID_CARD", "cmnd": "NATIONAL_ID_CARD", "passport": "PASSPORT"}
_DURATIONS = ((60, "VERY_SHORT_SECONDS"), (3_600, "SHORT_MINUTES"), (86_400, "MEDIUM_HOURS"))
_HIGH_SECONDS = 900


def write_godata(
    made: ExposureList, folder: Path, event_key: bytes, earlier: Mapping[int, tuple[int, int]] | None
) -> list[WrittenFile]:
    """Write the three files.

    Args:
        made: the list.
        folder: where.
        event_key: of the lake; ids are keyed with a sub-key of it.
        earlier: by token first and last contact in the earlier list, microseconds UTC; None without one.
            With one, contacts are the new ones, and relationships those whose local day moved.
    """
    ids = _Ids(event_key)
    everybody = list(contacts(made))
    new = [one for one in everybody if earlier is None or one.row["person"] not in earlier]
    found = [_contact(one, made, ids) for one in new]
    moved = [one for one in everybody if earlier is not None and _has_moved(one, earlier, made)]
    (folder / CONTACTS).write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    mapping = {"map": dict(_mapping()), "valuesMap": {}}
    (folder / MAP).write_text(json.dumps(mapping, indent=2) + "\n", encoding="utf-8")
    changes = [_relationship(one, made, ids) for one in moved]
    (folder / RELATIONSHIPS).write_bytes(orjson.dumps(changes, option=orjson.OPT_INDENT_2) + b"\n")
    # Only the first case of a row goes over: a contact has one relationship there.
    cases = ", ".join(sorted({one.row["case_ids"].split(";")[0] for one in new}))
    note = f"{CONTACTS}: check first that Go.Data knows {cases}: with another case id it deletes the contacts"
    left_out = made.rows.num_rows - len(everybody)
    return [
        WrittenFile(CONTACTS, len(found), left_out, [note] if found else []),
        WrittenFile(MAP, None),
        WrittenFile(RELATIONSHIPS, len(changes)),
    ]


def read_godata(folder: Path) -> list[str]:
    """The tokens of the persons in `godata_contacts.json`, for comparison."""
    found = orjson.loads((folder / CONTACTS).read_bytes())
    # The comment ends with the code of the person; no other field of the file holds it.
    return [contact["comment"].rpartition(PERSON_PREFIX)[2] for contact in found]


class _Ids:
    """Ids that are the same in every list of a lake and tell nothing of a person."""

    def __init__(self, event_key: bytes) -> None:
        # A sub-key, so that an id tells nothing of event keys or tokens.
        self._key = hmac.digest(event_key, _LABEL, "sha256")

    def contact(self, contact: HandoverContact) -> str:
        return self._id(b"contact", contact)

    def relationship(self, contact: HandoverContact) -> str:
        return self._id(b"relationship", contact)

    def _id(self, what: bytes, contact: HandoverContact) -> str:
        # A row's case and token make it one contact; the same pair has the same id in every list.
        first_case = contact.row["case_ids"].split(";")[0].encode()
        token = contact.row["person"].to_bytes(8, "big", signed=True)
        # No kind holds a NUL, a token has eight bytes, the case comes last: the join is unambiguous.
        mac = hmac.digest(self._key, b"\0".join((what, token, first_case)), "sha256")
        return str(_uuid(mac[:16]))


def _uuid(content: bytes) -> uuid.UUID:
    """Make a UUID of version 8, which RFC 9562 keeps for ids of one's own; Python 3.11 makes none.

    Args:
        content: 16 bytes, of which 6 bits give way to version and variant.
    """
    number = int.from_bytes(content, "big")
    # Version: 4 bits from bit 76 on. Variant: the two bits from 62 on.
    number = number & ~(0xF << 76) | 8 << 76
    return uuid.UUID(int=number & ~(3 << 62) | 2 << 62)


def _contact(contact: HandoverContact, made: ExposureList, ids: _Ids) -> dict[str, Any]:
    row, zone = contact.row, made.settings.zone
    address: dict[str, Any] = {"typeId": f"{_DATA}ADDRESS_TYPE_USUAL_PLACE_OF_RESIDENCE"}
    if contact.phone:
        address["phoneNumber"] = contact.phone
    if row["address"]:
        address["addressLine1"] = one_line(row["address"])
    kind = row["identifier_kind"]
    # A phone goes into the address; other identifiers are documents.
    documents = (
        [{"type": f"{_DATA}DOCUMENT_TYPE_{_DOCUMENTS.get(kind, 'OTHER')}", "number": row["identifier"]}]
        if row["identifier"] and kind != "phone"
        else []
    )
    return {
        "id": ids.contact(contact),
        "firstName": contact.first_name,
        "lastName": contact.last_name,
        "dateOfReporting": local_day(made.until_us, zone).isoformat(),
        "riskLevel": f"{_DATA}RISK_LEVEL_{_risk(row)}",
        "addresses": [address],
        "documents": documents,
        "relationshipId": ids.relationship(contact),
        # A file may name one person of the relationship: the case. The importer sets the contact itself.
        "persons": [{"id": row["case_ids"].split(";")[0]}],
        **_exposure(contact, made),
    }


def _exposure(contact: HandoverContact, made: ExposureList) -> dict[str, Any]:
    """The fields of the relationship."""
    row, zone = contact.row, made.settings.zone
    total = row["seconds_direct"] + row["seconds_indirect"]
    duration = next((name for most, name in _DURATIONS if total < most), "LONG_DAYS")
    return {
        # Days without a time: an instant before 7 o'clock would become the day before.
        "contactDate": row["last_contact"].astimezone(zone).date().isoformat(),
        "dateOfFirstContact": row["exposed_at"].astimezone(zone).date().isoformat(),
        "contactDateEstimated": row["seconds_imputed"] > 0,
        "certaintyLevelId": f"{_DATA}CERTAINTY_LEVEL_{_certainty(row, total)}",
        # A stay at one place says nothing of touch or household.
        "exposureTypeId": f"{_DATA}EXPOSURE_TYPE_OTHER_PLEASE_SPECIFY_IN_COMMENT_FIELD",
        "exposureFrequencyId": f"{_DATA}EXPOSURE_FREQUENCY_UNKNOWN",
        "exposureDurationId": f"{_DATA}EXPOSURE_DURATION_{duration}",
        "comment": one_line(
            f"{(row['venue_names'] or row['venues'] or '').replace(';', '; ')} · {row['rule']} · "
            f"cases {row['case_ids']} · {person_code(row['person'])}"
        ),
    }


def _risk(row: Mapping[str, Any]) -> str:
    """High from a quarter of an hour of direct contact on, low when all of it was indirect."""
    if row["seconds_direct"] >= _HIGH_SECONDS:
        return "3_HIGH"
    return "2_MEDIUM" if row["seconds_direct"] else "1_LOW"


def _certainty(row: Mapping[str, Any], total: int) -> str:
    """Low when nothing of the contact was seen, high when all of it was."""
    if not row["seconds_imputed"]:
        return "3_HIGH"
    return "1_LOW" if row["seconds_imputed"] >= total else "2_MEDIUM"


def _has_moved(contact: HandoverContact, earlier: Mapping[int, tuple[int, int]], made: ExposureList) -> bool:
    """Whether the local day of a known person's first or last contact is another than before."""
    if contact.row["person"] not in earlier:
        return False
    # Days are compared, for Go.Data keeps no times.
    zone = made.settings.zone
    now = tuple(contact.row[name].astimezone(zone).date() for name in ("exposed_at", "last_contact"))
    before = tuple(local_day(instant_us, zone) for instant_us in earlier[contact.row["person"]])
    return now != before


def _relationship(contact: HandoverContact, made: ExposureList, ids: _Ids) -> dict[str, Any]:
    """A relationship that replaces the earlier one: it is newer, and its id is the same."""
    case, person = f"{_DATA}PERSON_TYPE_CASE", f"{_DATA}PERSON_TYPE_CONTACT"
    return {
        "id": ids.relationship(contact),
        "updatedAt": utc_text(made.created),
        "persons": [
            {"id": contact.row["case_ids"].split(";")[0], "type": case, "source": True},
            {"id": ids.contact(contact), "type": person, "target": True},
        ],
        **_exposure(contact, made),
    }


def _mapping() -> Iterator[tuple[str, str]]:
    """Every header of the contacts and its property; `relationship.id` has no label: only a map sets it."""
    for name in ("id", "firstName", "lastName", "dateOfReporting", "riskLevel"):
        yield name, name
    for name in ("typeId", "phoneNumber", "addressLine1"):
        yield f"addresses[].{name}", f"addresses[].{name}"
    for name in ("type", "number"):
        yield f"documents[].{name}", f"documents[].{name}"
    yield "relationshipId", "relationship.id"
    yield "persons[].id", "relationship.persons[].id"
    for name in _RELATIONSHIP:
        yield name, f"relationship.{name}"


def earlier_contacts(rows: pa.Table) -> dict[int, tuple[int, int]]:
    """By token the first and last contact of an earlier list, microseconds UTC."""
    first, last = (rows[name].cast(pa.int64()).to_pylist() for name in ("exposed_at", "last_contact"))
    return dict(zip(rows["person"].to_pylist(), zip(first, last, strict=True), strict=True))
