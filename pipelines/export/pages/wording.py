"""The words of lists and reports, in Vietnamese and English."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipelines.errors import UsageError
from schemas.toml_file import read_toml

LANGUAGES: Final = ("vi", "en")


class Wording:
    """The words of one language, by section and key.

    Example:
        >>> wording("en")("column", "tier")
        'Tier'
        >>> wording("vi")("sheet", "local_time", zone="Asia/Ho_Chi_Minh")
        'Giờ địa phương (Asia/Ho_Chi_Minh)'
    """

    def __init__(self, language: str, sections: Mapping[str, Mapping[str, str]]) -> None:
        self.language = language
        self.sections = sections

    def __call__(self, section: str, key: str, **values: object) -> str:
        """Return the words for a key, with the values of its `{names}`; numbers as people write them."""
        words = self.sections[section][key]
        # bool is an int too, and must stay as it is.
        shown = {name: self.number(value) if type(value) is int else value for name, value in values.items()}
        return words.format(**shown) if shown else words

    def number(self, value: int) -> str:
        """Return a whole number with the separator of the language.

        >>> wording("vi").number(12500), wording("en").number(12500)
        ('12.500', '12,500')
        """
        return f"{value:,}".replace(",", "." if self.language == "vi" else ",")

    def decimal(self, value: float, digits: int) -> str:
        """Return a number with decimals as the language writes it.

        >>> wording("vi").decimal(0.7327, 3), wording("en").decimal(0.7327, 3)
        ('0,733', '0.733')
        """
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "vi" else text

    def value(self, section: str, key: str | None) -> str:
        """The words for a value of the data; one without words stands for itself."""
        return "" if key is None else self.sections[section].get(key, key)


@functools.cache
def wording(language: str) -> Wording:
    """The words of a language.

    Raises:
        UsageError: there are none.
    """
    if language not in LANGUAGES:
        raise UsageError("--lang is unknown", f"choose one of {' '.join(LANGUAGES)}")
    return Wording(language, read_toml(Path(__file__).with_name(f"wording_{language}.toml")))
