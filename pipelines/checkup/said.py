"""Sentences that remember what they are made of, so that a page can say them in another language."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.terminal.output import counted


class Said(str):
    """An English sentence that remembers its template and its values.

    Example:
        >>> said = Said("{files} could be joined", files=Count(2, "file"))
        >>> said, said.template
        ('2 files could be joined', '{files} could be joined')

    Attributes:
        template: with a `{name}` for each value.
        values: by name; texts, whole numbers, and those of this module.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> "Said":
        # `str` is immutable, so the text is set here and not in `__init__`.
        made = super().__new__(cls, template.format(**values))
        made.template, made.values = template, values
        return made


@dataclass(frozen=True)
class Count:
    """A number of things.

    >>> str(Count(1, "file")), str(Count(2, "file or folder", "files or folders"))
    ('1 file', '2 files or folders')
    """

    number: int
    one: str
    many: str | None = None

    def __str__(self) -> str:
        return counted(self.number, self.one, self.many)


@dataclass(frozen=True)
class Size:
    """A number of bytes.

    >>> str(Size(1_500_000)), str(Size(12))
    ('1.5 MB', '12 B')
    """

    size: float

    def __str__(self) -> str:
        size = self.size
        for unit in ("B", "kB", "MB", "GB"):
            if size < 1000:
                return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
            size /= 1000
        return f"{size:.1f} TB"


@dataclass(frozen=True)
class Age:
    """A duration, in its largest whole unit.

    >>> str(Age(90)), str(Age(200_000))
    ('1 minute', '2 days')
    """

    seconds: float

    @property
    def count(self) -> Count:
        """Its number of units."""
        for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
            number = int(self.seconds // length)
            if number:
                return Count(number, unit)
        return Count(max(int(self.seconds), 0), "second")

    def __str__(self) -> str:
        return str(self.count)


def joined(parts: Sequence[str], separator: str) -> Said:
    """Put sentences one after another.

    >>> joined(["a", "b"], "; ").template
    '{part0}; {part1}'
    """
    named = {f"part{number}": part for number, part in enumerate(parts)}
    return Said(separator.join(f"{{{name}}}" for name in named), **named)
