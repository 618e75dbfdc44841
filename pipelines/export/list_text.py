"""Values of a list as people read them: codes of persons, phones, numbers of documents."""

import re
from typing import Final

from pipelines.terminal.output import token_text

PERSON_PREFIX: Final = "p-"
"""Before a token, because a spreadsheet reads some hexadecimal digits as numbers (about 1 in 770)."""

SEPARATOR: Final = ";"
"""Between the parts of a cell that holds several."""

_BLANKS = re.compile(r"\s+")


def person_code(token: int) -> str:
    """The code of a person in what people read.

    Example:
        >>> person_code(255)
        'p-00000000000000ff'
    """
    return PERSON_PREFIX + token_text(token)


def phone_text(canonical: str) -> str:
    """A canonical E.164 phone as it is dialled here, in groups that keep it text in a spreadsheet.

    Example:
        >>> phone_text("+84905123456")
        '0905 123 456'
        >>> phone_text("+842553822869")
        '0255 3822 869'
        >>> phone_text("+6591234567")
        '0065 9123 4567'
    """
    # Grouped by blanks: a spreadsheet would make a number of bare digits and drop the leading 0.
    digits = canonical.removeprefix("+")
    if digits.startswith("84"):
        national = "0" + digits[2:]
        return " ".join((national[:4], national[4:-3], national[-3:]))
    # Country codes have one to three digits; setting two apart is only a matter of looks.
    return " ".join(("00" + digits[:2], *_groups(digits[2:], 4)))


def dialled(canonical: str) -> str:
    """A canonical E.164 phone as digits alone: national, or with 00 before the country.

    Example:
        >>> dialled("+84905123456")
        '0905123456'
        >>> dialled("+6591234567")
        '006591234567'
    """
    return phone_text(canonical).replace(" ", "")


def identifier_text(kind: str, value: str) -> str:
    """An identifier as people read it: a phone to be dialled, other numbers in threes.

    Example:
        >>> identifier_text("cccd", "051086000123")
        '051 086 000 123'
        >>> identifier_text("passport", "C1234567")
        'C1234567'
    """
    if kind == "phone":
        return phone_text(value)
    return " ".join(_groups(value, 3)) if value.isdecimal() else value


def one_line(text: str) -> str:
    """The text on one line, its blanks single."""
    return _BLANKS.sub(" ", text).strip()


def _groups(digits: str, size: int) -> list[str]:
    return [digits[at : at + size] for at in range(0, len(digits), size)]


def split_name(full_name: str) -> tuple[str, str]:
    """The given and the family name of a Vietnamese name: the family name stands first.

    Example:
        >>> split_name("Nguyễn Thị Ước")
        ('Thị Ước', 'Nguyễn')
        >>> split_name("Ước")
        ('', 'Ước')
    """
    # Everything after the family name is taken as given: middle names cannot be told apart.
    family, _, given = one_line(full_name).partition(" ")
    return given, family
