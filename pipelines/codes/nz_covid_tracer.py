"""NZ COVID Tracer: base64 of a JSON object behind a prefix; unsigned."""

import re
from typing import Final

from pipelines.codes.decoded import CodeError, Decoded, venue_code
from pipelines.codes.texts import base64_bytes, json_object, one_line, text_of
from pipelines.privacy.code_keys import CodeKeys

FORMAT: Final = "nz_covid_tracer"

_TEXT = re.compile(
    r"(?:https://tracing\.covid19\.govt\.nz/scan(?:\?[^#\s]*)?#data=)?NZCOVIDTRACER:(\S*)", re.ASCII
)
_GLN = re.compile(r"[0-9]{13}", re.ASCII)


def decode(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    said = json_object(base64_bytes(match[1]))
    gln, version, kind, name, address = (text_of(said, key) for key in ("gln", "ver", "typ", "opn", "adr"))
    if version != "c19:1" or kind != "entry" or not _GLN.fullmatch(gln):
        raise CodeError("malformed")
    return Decoded(
        format=FORMAT,
        authenticity="unsigned",
        venue=venue_code("nz", gln),
        name=one_line(name),
        fields={"gln": gln, "opn": name, "adr": address, "check_digit": has_check_digit(gln)},
    )


def has_check_digit(gln: str) -> bool:
    """Tell whether the last digit is the check digit of GS1.

    Published test payloads carry wrong ones, so nothing is refused for it.

    >>> has_check_digit("7000000243950")
    True
    """
    # Weights 1 and 3 in turn from the left, for numbers of 13 digits.
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(gln[:-1]))
    return (weighted + int(gln[-1])) % 10 == 0
