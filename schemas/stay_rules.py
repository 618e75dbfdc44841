"""The durations of the pairing rule, per venue type, read from a file like `stays.toml`."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import UsageError
from schemas.toml_file import parse_toml, read_toml_text, refuse_unknown, table_of, text_of

if TYPE_CHECKING:  # `truyvet --help` needs the names of rule packs, and no arrays
    import numpy as np
    import numpy.typing as npt

VENUE_TYPES = (
    "office",
    "school",
    "training_centre",
    "business",
    "shop",
    "supermarket",
    "bookshop",
    "railway_station",
    "wharf",
    "bus_station",
    "public_transport",
    "hospital",
    "market",
    "restaurant",
    "worship",
    "entertainment",
    "home",
    "other",
)
"""The venue types of the registry; a type's code is its position here."""

STAYS_TOML = Path(__file__).with_name("stays.toml")

BOUNCE_SECONDS = 60
"""What stands for `bounce_seconds` in a file that does not set it."""

_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US
_LONGEST_MINUTES = 90 * 24 * 60
_LONGEST_BOUNCE_SECONDS = 3600
_DEFAULT = "default"


@dataclass(frozen=True)
class StayRules:
    """Durations by type code (position in `VENUE_TYPES`).

    >>> rules = load_stay_rules()
    >>> rules.dwell_us[VENUE_TYPES.index("shop")] // 60_000_000
    np.int64(30)
    >>> rules.bounce_us
    60000000

    Attributes:
        version: the name of this set of durations; a lake is pinned to one.
        dwell_us: int64[types], microseconds; the length of a stay after a scan that no other follows.
        max_stay_us: int64[types], microseconds, at least the dwell; the longest gap before an `out`.
        bounce_us: an `out` that an `in` follows within this time was the same arrival, read twice.
    """

    version: str
    dwell_us: "npt.NDArray[np.int64]"
    max_stay_us: "npt.NDArray[np.int64]"
    bounce_us: int = BOUNCE_SECONDS * _SECOND_US

    @cached_property
    def mark(self) -> int:
        """The number that stands for these rules in the marks of a table.

        It covers the durations beside the version, so a file that was edited
        without a new version is told from the one that the stays were made with.
        """
        made = hashlib.sha256(f"{self.version}\0{self.bounce_us}\0".encode())
        made.update(self.dwell_us.astype("<i8").tobytes())
        made.update(self.max_stay_us.astype("<i8").tobytes())
        # One bit less than 64: marks are signed numbers, and this one stays positive.
        return int.from_bytes(made.digest()[:8], "big") >> 1


def load_stay_rules(path: Path | None = None) -> StayRules:
    """Read the durations of a file in the form of `stays.toml`.

    Args:
        path: the file; None is the one shipped with the package.

    Raises:
        UsageError: naming the file and the key that is missing, unknown or wrong.
    """
    path = path or STAYS_TOML
    return parse_stay_rules(read_toml_text(path), str(path))


def parse_stay_rules(text: str, where: str) -> StayRules:
    """Read the durations of a text in the form of `stays.toml`.

    Args:
        text: the content of a file.
        where: its path, for errors.

    Raises:
        UsageError: naming the file and the key that is missing, unknown or wrong.
    """
    tables = parse_toml(text, where)
    refuse_unknown(where, tables, ("version", "bounce_seconds", "dwell_minutes", "max_stay_minutes"))
    version = text_of(where, tables, "version")
    dwell_us = _by_type_us(where, "dwell_minutes", table_of(where, tables, "dwell_minutes"))
    max_stay_us = _by_type_us(where, "max_stay_minutes", table_of(where, tables, "max_stay_minutes"))
    for name, dwell, longest in zip(VENUE_TYPES, dwell_us, max_stay_us, strict=True):
        if longest < dwell:
            raise UsageError(
                f"{where}: max_stay_minutes of {name} is below its dwell_minutes",
                "max_stay_minutes must be at least dwell_minutes",
            )
    bounce = tables.get("bounce_seconds", BOUNCE_SECONDS)
    if not _is_whole(bounce) or not 0 <= bounce <= _LONGEST_BOUNCE_SECONDS:
        raise UsageError(
            f"{where}: bounce_seconds must be a whole number of seconds from 0 to {_LONGEST_BOUNCE_SECONDS}",
            f"write bounce_seconds = {BOUNCE_SECONDS}",
        )
    return StayRules(version, dwell_us, max_stay_us, bounce * _SECOND_US)


def _by_type_us(path: str, table: str, minutes: dict[str, object]) -> "npt.NDArray[np.int64]":
    """Return one duration per type code, in microseconds."""
    import numpy as np

    where = f"{path} [{table}]"
    # A misspelt type would else get the default in silence.
    refuse_unknown(where, minutes, (_DEFAULT, *VENUE_TYPES))
    if _DEFAULT not in minutes:
        raise UsageError(f"{where}: default is missing", "write default = MINUTES")
    by_key = {key: _minutes(f"{where}: {key}", value) for key, value in minutes.items()}
    values = [by_key.get(name, by_key[_DEFAULT]) for name in VENUE_TYPES]
    result = np.array(values, np.int64) * _MINUTE_US
    # The rules are frozen, and so are their arrays.
    result.flags.writeable = False
    return result


def _minutes(where: str, value: object) -> int:
    """Check whole minutes, at least one.

    Raises:
        UsageError: the value is something else.
    """
    if not isinstance(value, int) or not _is_whole(value) or not 0 < value <= _LONGEST_MINUTES:
        raise UsageError(
            f"{where} must be a whole number of minutes from 1 to {_LONGEST_MINUTES}",
            "write minutes; a day is 1440",
        )
    return value


def _is_whole(value: object) -> bool:
    """Tell whether a value of TOML is an integer; in Python `true` is one."""
    return isinstance(value, int) and not isinstance(value, bool)
