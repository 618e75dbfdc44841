"""What a lake has forgotten and will not take again: days before a horizon, and persons who were erased.

`forgotten.json` in the lake's folder is written before the first row goes, so a run that begins afterwards
refuses such records, and an erasure that was killed is known. A person is a keyed hash of the identifier
under a sub-key of the event key, which outlives a rotation of the token key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson

from pipelines.errors import DataError
from pipelines.lake import storage
from pipelines.lake.durable_files import sync_path, writing
from pipelines.lake.lake_root import Lake

FORGOTTEN_MARK: Final = "forgotten"
"""The mark of each table that says up to which `number` its rows have been removed."""

RETENTION_DAYS: Final = 21
"""Days before today that a lake remembers, unless a purge names another number."""

_NAME = "forgotten.json"
_EVER_US = -(1 << 62)  # half of int64's range: differences of instants do not overflow


@dataclass(frozen=True)
class Forgotten:
    """What must not come back.

    >>> Forgotten().erase("ab", 9).erase("ab", 5).erased["ab"]
    9

    Attributes:
        number: counts purges and erasures.
        horizon_us: records before it are past retention; microseconds UTC.
        cases_us: so are cases whose every date is before it.
        erased: by the keyed hash of a person, hexadecimal, the instant up to which records are erased.
        linked: the same by the keyed hash of a token: of identifiers that were erased because links name
            them, so that nobody knew them. A rotation of the token key makes it void.
    """

    number: int = 0
    horizon_us: int = _EVER_US
    cases_us: int = _EVER_US
    erased: Mapping[str, int] = field(default_factory=dict)
    linked: Mapping[str, int] = field(default_factory=dict)

    def __reduce__(self) -> tuple[type["Forgotten"], tuple[int, int, int, dict[str, int], dict[str, int]]]:
        # Workers get a pickled copy, and a `MappingProxyType` cannot be pickled.
        times = self.number, self.horizon_us, self.cases_us
        return Forgotten, (*times, dict(self.erased), dict(self.linked))

    def purge(self, horizon_us: int, cases_us: int) -> "Forgotten":
        """Return a record with the later of two horizons."""
        latest = max(horizon_us, self.horizon_us), max(cases_us, self.cases_us)
        # Nothing new keeps the number, so tables that have removed their rows are left alone.
        if latest == (self.horizon_us, self.cases_us):
            return self
        return replace(self, number=self.number + 1, horizon_us=latest[0], cases_us=latest[1])

    def erase(self, person: str, until_us: int) -> "Forgotten":
        """Return a record with a person, up to the later of two instants."""
        return replace(self, number=self.number + 1, erased=_later(self.erased, person, until_us))

    def erase_linked(self, token: str, until_us: int) -> "Forgotten":
        """Return a record with a token that links name, up to the later of two instants."""
        return replace(self, number=self.number + 1, linked=_later(self.linked, token, until_us))

    @property
    def forgets_before(self) -> bool:
        """Whether a horizon was ever set."""
        return self.horizon_us != _EVER_US


def _later(erased: Mapping[str, int], who: str, until_us: int) -> Mapping[str, int]:
    return MappingProxyType({**erased, who: max(until_us, erased.get(who, until_us))})


def read_forgotten(lake: Lake) -> Forgotten:
    """Return what a lake has forgotten.

    Raises:
        DataError: the record is damaged or cannot be read; then nothing may be taken in.
    """
    path = f"{lake.url}/{_NAME}"
    try:
        said: dict[str, Any] = orjson.loads(storage.read(path))
        times = (int(said["horizon_us"]), int(said["cases_us"]))
        erased = {str(person): int(until_us) for person, until_us in said["erased"].items()}
        # Absent in records of earlier versions.
        linked = {str(token): int(until_us) for token, until_us in said.get("linked", {}).items()}
        return Forgotten(int(said["number"]), *times, MappingProxyType(erased), MappingProxyType(linked))
    except FileNotFoundError:
        return Forgotten()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged", "restore it from a backup") from error


def write_forgotten(lake: Lake, forgotten: Forgotten) -> None:
    """Replace the record, and wait until it is on the disk.

    Raises:
        ServiceError: the lake cannot be written.
    """
    said = {
        "number": forgotten.number,
        "horizon_us": forgotten.horizon_us,
        "cases_us": forgotten.cases_us,
        "erased": dict(forgotten.erased),
        "linked": dict(forgotten.linked),
    }
    path = f"{lake.url}/{_NAME}"
    with writing(lake.url):
        storage.put(path, orjson.dumps(said, option=orjson.OPT_SORT_KEYS) + b"\n")
        if not storage.is_url(path):
            # A rename without this may be undone by a power cut, and the rows would come back.
            sync_path(path)
            sync_path(Path(path).parent)
