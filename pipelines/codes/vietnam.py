"""Vietnam's codes: the personal code, the citizen card, and the short links of places.

A decoder of the health-insurance card belongs here; its layout could not be verified.
Personal codes carry no signature that anybody has published. They name a person,
never a place.
"""

import datetime as dt
import re
import unicodedata
from typing import Final

from pipelines.codes.decoded import CodeError, Decoded
from pipelines.privacy.code_keys import CodeKeys

PERSON: Final = "vn_person"
CARD: Final = "vn_cccd"
PLACE: Final = "vn_place"

SELF_DECLARED: Final = "self_declared"
FOR_ANOTHER: Final = "declared_for_another"

_PLACE = re.compile(r"https://qr\.pccovid\.gov\.vn/([0-9A-Za-z_-]{1,128})", re.ASCII)
_MASKED_DATE = re.compile(r"[0-9]{4}-([0-9]{2}|\*{1,2})-([0-9]{2}|\*{1,2})", re.ASCII)
_DOCUMENT = re.compile(r"[0-9A-Z*]{0,32}", re.ASCII)
_QID = re.compile(r"[0-9A-Za-z]{6,64}", re.ASCII)
_MASKED_QID = re.compile(r"[0-9A-Za-z*]{1,64}", re.ASCII)
_ID_KINDS: Final = {"0": SELF_DECLARED, "1": FOR_ANOTHER}
_SEXES: Final = {"0": None, "1": "male", "2": "female"}
_MASKED_CITIZEN = re.compile(r"[0-9*]{12}", re.ASCII)
_OLD_NUMBER = re.compile(r"(?:[0-9]{9})?", re.ASCII)
_DAY = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{4})", re.ASCII)
_GENDERS: Final = ("nam", "nữ")
_FULL_WIDTH: Final = {0xFF00 + place: 0x20 + place for place in range(1, 0x5F)}
"""The full-width form of each sign of ASCII, which an input method makes of what a scanner types."""


def decode_place(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode the short link of a place; return None for another format.

    What the link stands for is not published, so the registry knows the place by the same code.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    return Decoded(format=PLACE, authenticity="unsigned", venue=match[1], fields={"code": match[1]})


def decode_person(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode the personal code of Decision 1405/QĐ-BTTTT; return None for another format.

    Raises:
        CodeError: the code is of this format, and damaged, or its QID is masked.
    """
    parts = _parts(text)
    # The kind and the date tell the format: any text with bars may come here.
    if len(parts) not in (5, 6) or parts[3] not in _ID_KINDS or not _MASKED_DATE.fullmatch(parts[2]):
        return None
    document, name, born, kind, qid = parts[:5]
    if not _DOCUMENT.fullmatch(document) or not name or not _MASKED_QID.fullmatch(qid):
        raise CodeError("malformed")
    # A masked day or month cannot be checked; neither is a key.
    if "*" not in born:
        _date(*born.split("-"))
    if "*" in qid:
        raise CodeError("masked_id")
    if not _QID.fullmatch(qid):
        raise CodeError("malformed")
    # Missing parts of the extension read as empty.
    more = (parts[5] if len(parts) == 6 else "").split("<") + [""] * 4
    return Decoded(
        format=PERSON,
        authenticity="unsigned",
        person=f"qid:{qid}",
        fields={
            "qid": qid,
            "id_kind": _ID_KINDS[kind],
            "born": born,
            "document": document or None,
            "declared_by": more[0] or None,
            "sex": _SEXES.get(more[1]),
            "insurance": more[2] or None,
            "phone": more[3] or None,
        },
    )


def decode_card(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode the code of a citizen card; return None for another format.

    Raises:
        CodeError: the code is of this format, and damaged, or its number is masked.
    """
    parts = _parts(text)
    if len(parts) == 6 and not _OLD_NUMBER.fullmatch(parts[1]):
        parts.insert(1, "")  # some cards leave out the old number, others the day of issue
    if len(parts) not in (6, 7) or not _MASKED_CITIZEN.fullmatch(parts[0]):
        return None
    # Number and sex tell a card from other texts with bars; name and address may be anything.
    if parts[4].casefold() not in _GENDERS:
        return None
    if "*" in parts[0]:
        raise CodeError("masked_id")
    days = [_DAY.fullmatch(day) for day in (parts[3], *parts[6:])]
    if not _OLD_NUMBER.fullmatch(parts[1]) or not parts[2] or not all(days):
        raise CodeError("malformed")
    # Unpacked whole, so that the day of issue is checked too.
    born, *_ = (_date(day[3], day[2], day[1]) for day in days if day)
    return Decoded(
        format=CARD,
        authenticity="unsigned",
        person=f"cccd:{parts[0]}",
        fields={
            "citizen_id": parts[0],
            "old_number": parts[1] or None,
            "born": born.isoformat(),
            "phone": None,
        },
    )


def _parts(text: str) -> list[str]:
    """Split a code at its bars.

    Some readers and phones give its Vietnamese letters decomposed, or signs of ASCII in full width.
    """
    return unicodedata.normalize("NFC", text).translate(_FULL_WIDTH).split("|")


def _date(year: str, month: str, day: str) -> dt.date:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError as error:
        raise CodeError("malformed") from error
