"""Whether a text that should be the code of a venue looks like the identifier of a person.

People scan what lies before them: a citizen card, a phone number typed into
the wrong field. Such a text must not be kept in plain where a venue code is.
"""

import re
import unicodedata
from typing import Final

from pipelines.privacy.identifiers import KINDS

_FILLING: Final = str.maketrans("", "", " .-()+")
_WHOLE: Final = re.compile(
    r"\d{9}|\d{10}|\d{11}|\d{12}"  # identity card, health insurance, phone, citizen card
    r"|(?:00)?84\d{9,10}"  # phone with the country's number
    r"|[A-Z]{2}\d{13}"  # health insurance
    r"|[A-Z]\d{7,8}",  # passport
    re.ASCII,
)
_WITHIN: Final = re.compile(
    r"(?<!\d)(?:0[235789]\d{8,9}|84[235789]\d{8,9}|0\d{11})(?!\d)",  # phone or citizen card in a longer text
    re.ASCII,
)


def looks_personal(text: str) -> bool:
    """Tell whether a text may identify a person: rather too often than too rarely.

    >>> [looks_personal(text) for text in ("QNG-000123", "MARKET 7", "51-522-16")]
    [False, False, False]
    >>> [looks_personal(text) for text in ("0905 123 456", "051099123456|An", "qid:77", "an@example.vn")]
    [True, True, True, True]
    """
    # NFKC turns full-width digits and letters into plain ones.
    folded = unicodedata.normalize("NFKC", text).strip().upper()
    kind, colon, _ = folded.partition(":")
    if "@" in folded or (colon and kind.strip().lower() in KINDS):
        return True
    return bool(_WHOLE.fullmatch(folded.translate(_FILLING)) or _WITHIN.search(folded))
