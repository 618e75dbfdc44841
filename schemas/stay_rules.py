"""The pairing rule's two durations per venue type, read from `stays.toml`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.errors import UsageError
from schemas.toml_file import read_toml, refuse_unknown, table_of, text_of

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

_MINUTE_US = 60_000_000
_LONGEST_MINUTES = 7 * 24 * 60
_DEFAULT = "default"


@dataclass(frozen=True)
class StayRules:
    """Durations by type code (position in `VENUE_TYPES`).

    Attributes:
        version: what a lake is pinned to.
        dwell_us: int64[types], microseconds; the stay after a scan that no other follows.
        max_stay_us: int64[types], microseconds, at least the dwell; the longest gap before an `out`.
    """

    version: str
    dwell_us: npt.NDArray[np.int64]
    max_stay_us: npt.NDArray[np.int64]


def load_stay_rules(path: Path | None = None) -> StayRules:
    """The durations of a file in the form of `stays.toml`.

    Args:
        path: the file; None is the one shipped with the package.

    Raises:
        UsageError: naming the file and the key that is missing, unknown or wrong.
    """
    path = path or STAYS_TOML
    tables = read_toml(path)
    refuse_unknown(str(path), tables, ("version", "dwell_minutes", "max_stay_minutes"))
    version = text_of(str(path), tables, "version")
    dwell_us = _by_type_us(path, "dwell_minutes", table_of(str(path), tables, "dwell_minutes"))
    max_stay_us = _by_type_us(path, "max_stay_minutes", table_of(str(path), tables, "max_stay_minutes"))
    for name, dwell, longest in zip(VENUE_TYPES, dwell_us, max_stay_us, strict=True):
        if longest < dwell:
            raise UsageError(
                f"{path}: max_stay_minutes of {name} is below its dwell_minutes",
                "a longest stay is at least the dwell",
            )
    return StayRules(version, dwell_us, max_stay_us)


def _by_type_us(path: Path, table: str, minutes: dict[str, object]) -> npt.NDArray[np.int64]:
    """One duration per type code, in microseconds."""
    where = f"{path} [{table}]"
    refuse_unknown(where, minutes, (_DEFAULT, *VENUE_TYPES))
    if _DEFAULT not in minutes:
        raise UsageError(f"{where}: default is missing", "write default = MINUTES")
    by_key = {key: _minutes(f"{where}: {key}", value) for key, value in minutes.items()}
    values = [by_key.get(name, by_key[_DEFAULT]) for name in VENUE_TYPES]
    result = np.array(values, np.int64) * _MINUTE_US
    result.flags.writeable = False
    return result


def _minutes(where: str, value: object) -> int:
    """Whole minutes within a week.

    Raises:
        UsageError: the value is something else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LONGEST_MINUTES:
        raise UsageError(f"{where} is no duration", f"write whole minutes from 1 to {_LONGEST_MINUTES}")
    return value
