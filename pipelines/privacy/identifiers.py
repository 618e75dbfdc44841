"""The one canonical spelling of a person's identifier, `kind:value`.

This is the rule in plain Python, for one identifier at a time. The kernels of
ingest are the same rule over columns and are tested against it.
"""

import re
import unicodedata

from pipelines.errors import UsageError

KINDS = ("phone", "qid", "cccd", "bhyt", "passport", "device")
"""The kinds of identifier a scan may carry."""

MAX_TEXT_BYTES = 128

_SHAPES = {
    "phone": re.compile(r"\+84[1-9][0-9]{8,9}|\+(?!84)[1-9][0-9]{7,14}"),
    "cccd": re.compile(r"[0-9]{12}"),
    "bhyt": re.compile(r"[0-9A-Z]{15}|[0-9]{10}"),
    "passport": re.compile(r"[0-9A-Z]{5,20}"),
}
_PHONE_FILLING = str.maketrans("", "", " .-()")
_VIETNAM = re.compile(r"\A(?:0084|84|0)(?=[1-9][0-9]{8,9}\Z)")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def canonical_person(text: str) -> str:
    """The canonical spelling of an identifier: `phone:0905 …` is `phone:+84905…`.

    Args:
        text: `kind:value`, the kind one of `KINDS` in lower case.

    Raises:
        UsageError: naming the rule that is broken, never the value.
    """
    kind, _, value = text.partition(":")
    if kind not in KINDS:
        raise UsageError(
            "a person is KIND:VALUE with a kind that is known",
            f"write one of {' '.join(KINDS)} before the colon",
        )
    canonical = _canonical_value(kind, value)
    if canonical is None:
        raise UsageError(f"this is no {kind}", _REMEDIES[kind])
    return f"{kind}:{canonical}"


def _canonical_value(kind: str, value: str) -> str | None:
    """The value in its canonical spelling, or None when it breaks the rule of its kind."""
    value = unicodedata.normalize("NFC", value)
    if not value or "*" in value or _HIDDEN.search(value) or not _fits(value):
        return None
    if kind == "phone":
        value = _VIETNAM.sub("+84", value.translate(_PHONE_FILLING), count=1)
    elif kind in ("bhyt", "passport"):
        value = value.replace(" ", "")
        value = value.upper() if value.isascii() else value
    shape = _SHAPES.get(kind)
    return value if shape is None or shape.fullmatch(value) else None


def _fits(value: str) -> bool:
    """Whether the text is UTF-8 within the limit; a lone surrogate is not."""
    try:
        return len(value.encode()) <= MAX_TEXT_BYTES
    except UnicodeEncodeError:
        return False


_TEXT_REMEDY = "write 1 to 128 bytes without *, control or direction characters"
_REMEDIES = {
    "phone": "write 0905…, +84905…, or + and 8 to 15 digits for another country",
    "qid": _TEXT_REMEDY,
    "cccd": "write its 12 digits",
    "bhyt": "write its 15 letters and digits, or its 10 digits",
    "passport": "write its 5 to 20 letters and digits",
    "device": _TEXT_REMEDY,
}
