"""What is written in the picture of a network: in English, or as a page in another language has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class PictureWords:
    """The words of a picture, with `{names}` for their values.

    >>> PictureWords().others.format(count="12")
    '12 other venues'

    Attributes:
        title: of the picture.
        rule: what it was traced under.
        nobody: instead of the number of persons of each tier.
        encounters: the lane of contacts without a venue.
        no_venue: below that.
        others: the lane of venues that have none of their own.
        time: of the axis.
        there: of a bar.
        unscanned: of a dashed bar.
        known_case: of a ring.
        venue: of the sign before a lane.
        exposed_by: of a line.
        separator: between thousands.
        venue_types: what types of venues are called; one that is missing stands for itself.
    """

    title: str = "Case {case}"
    rule: str = "rule {rule}"
    nobody: str = "nobody exposed"
    encounters: str = "Bluetooth encounters"
    no_venue: str = "no venue"
    others: str = "{count} other venues"
    time: str = "local time, when the exposure began"
    there: str = "the case (F0) is there"
    unscanned: str = "… enter or exit not scanned"
    known_case: str = "is a known case"
    venue: str = "venue"
    exposed_by: str = "exposed by"
    separator: str = ","
    venue_types: Mapping[str, str] = field(default_factory=dict)

    def counts(self, tiers: Mapping[int, int]) -> str:
        """How many persons of each tier there are, the case left out."""
        said = [f"{self.number(count)} F{tier}" for tier, count in sorted(tiers.items()) if tier]
        return ", ".join(said) or self.nobody

    def number(self, value: int) -> str:
        """A whole number as the language writes it."""
        return f"{value:,}".replace(",", self.separator)


ENGLISH: Final = PictureWords()
