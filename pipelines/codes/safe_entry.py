"""SafeEntry: a link that names a tenant; unsigned."""

import re
from typing import Final

from pipelines.codes.decoded import Decoded, venue_code
from pipelines.privacy.code_keys import CodeKeys

FORMAT: Final = "safe_entry"

_TEXT = re.compile(
    r"https://(?:www\.safeentry-qr\.gov\.sg/tenant|temperaturepass\.ndi-api\.gov\.sg/login)/"
    r"(PROD-[0-9A-Z]{8,10}-(?:[0-9]+-)?([0-9A-Za-z][0-9A-Za-z._-]*)-(?:SE|TP))",
    re.ASCII,
)


def decode(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and too long for a venue code.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    return Decoded(
        format=FORMAT,
        authenticity="unsigned",
        venue=venue_code("sg", match[1]),
        name=match[2].replace("-", " "),
        fields={"client_id": match[1]},
    )
