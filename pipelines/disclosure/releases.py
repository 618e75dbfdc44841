"""The register of releases: which counts of a lake were published, and with how much protection.

Two tables of the same counts, in two cuts or with different cells hidden, can
be subtracted from each other. So of a measure and a version of `scans` one cut
is released, once; the same question is answered with the table that was
released then. `LAKE.releases` holds a file `MEASURE-VERSION.json` for each
measure and version, with everything that was published of it and nothing else.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.errors import DataError, RefusedError, write_failure
from pipelines.lake import Lake, snapshot
from pipelines.lake.durable_files import make_private, sync_path, unfinished
from pipelines.terminal.options import beside

_TABLES: Final = ("scans", "stays", "venues")
_LOCK: Final = "lock"


@dataclass(frozen=True)
class Protection:
    """How much is kept from the reader of a table.

    Example:
        >>> Protection(k=20, base=5).is_as_strong_as(Protection(k=11, base=5))
        True

    Attributes:
        k: counts from 1 to k - 1 are hidden.
        base: what the others are rounded to.
        epsilon: the privacy loss, where there is noise instead of hidden cells; None is no noise.
    """

    k: int
    base: int
    epsilon: float | None = None

    def is_as_strong_as(self, other: "Protection") -> bool:
        """Return whether it hides and rounds at least as much."""
        return self.k >= other.k and self.base >= other.base


@dataclass(frozen=True)
class Release:
    """A table that was published.

    Attributes:
        cut: what it counts, and by what.
        protection: of its cells.
        versions: of the tables of the lake that it was counted from.
        columns: their names; the first holds the names of rows.
        rows: their cells; None is hidden.
    """

    cut: str
    protection: Protection
    versions: Mapping[str, int]
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | None, ...], ...]


class ReleaseRegister:
    """The releases of a measure, of one version of `scans`.

    Args:
        lake: where.
        measure: what is counted.
    """

    def __init__(self, lake: Lake, measure: str) -> None:
        # Taken once: counts, protection and register speak of the same versions throughout.
        self.versions = {name: snapshot(lake, name).version for name in _TABLES}
        self._measure = measure
        self._folder = beside(lake.url, "releases")
        self._path = self._folder / f"{measure}-{self.versions['scans']}.json"

    def find(self, cut: str, protection: Protection) -> Release | None:
        """Return the release of exactly this table, if there is one.

        Raises:
            RefusedError: these counts were released in another cut, or with more protection.
            DataError: the file cannot be read.
        """
        releases = self._read()
        for release in releases:
            # Equal in every number: the table that was printed then is printed again.
            if release.cut == cut and release.protection == protection:
                return release
        what = f"{self._measure} of scans version {self.versions['scans']} were released"

        # Any release of this version restricts all later ones.
        for release in releases:
            if release.cut != cut:
                raise RefusedError(
                    f"{what} as {release.cut}, and two cuts of the same counts can be subtracted",
                    "publish that one again, or wait for the next batch of scans",
                )
            if protection.epsilon != release.protection.epsilon:
                raise RefusedError(
                    f"{what} with {_said(release.protection)}, and every further table tells more",
                    "publish that one again, or wait for the next batch of scans",
                )
            if not protection.is_as_strong_as(release.protection):
                raise RefusedError(
                    f"{what} with {_said(release.protection)}, and less protection shows what it hid",
                    "publish that one again, or raise --k and --round",
                )
            # The same cut of other stays or venues: the difference of the two would be a third table.
            if release.versions != self.versions:
                raise RefusedError(
                    f"{what}, and stays or venues have changed since",
                    "publish that one again, or wait for the next batch of scans",
                )
        return None

    def earlier(self) -> Sequence[Release]:
        """The releases of these counts; what they hid must stay hidden."""
        return self._read()

    def other_cuts(self, cut: str) -> list[str]:
        """In which other cuts the measure was released of other versions of `scans`."""
        files = sorted(self._folder.glob(f"{self._measure}-*.json")) if self._folder.is_dir() else []
        return sorted({release.cut for path in files for release in _releases(path)} - {cut})

    def add(self, release: Release) -> None:
        """Note a release, on the disk before it is published.

        Raises:
            RefusedError: the register cannot be written, so the table must not be published.
        """
        with self._writing():
            # The whole file is written again beside its name: half a register would permit a second cut.
            releases = [*self._read(), release]
            text = json.dumps([asdict(each) for each in releases], ensure_ascii=False, indent=1)
            with unfinished(self._folder) as (file, path):
                file.write(f"{text}\n".encode())
                os.fsync(file.fileno())
                os.replace(path, self._path)
            # The new name is durable too before the table goes out.
            sync_path(self._folder)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from releasing anything of the lake until the end.

        Raises:
            RefusedError: the register cannot be written.
        """
        with self._writing():
            make_private(self._folder)
            handle = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        # Open until the end: closing the descriptor is what gives the lock back, in a crash as well.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _read(self) -> list[Release]:
        return _releases(self._path) if self._path.exists() else []

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = write_failure(f"the register of releases {self._folder}", error, str(self._folder))
            raise RefusedError(
                f"{what}, and nothing is published without its line in the register of releases",
                "make the folder writable",
            ) from error


def _said(protection: Protection) -> str:
    if protection.epsilon is not None:
        return f"--epsilon {protection.epsilon:g}"
    return f"--k {protection.k} --round {protection.base}"


def _releases(path: Path) -> list[Release]:
    try:
        return [_release(found) for found in json.loads(path.read_bytes())]
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or "check the path") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged", "restore it from a copy; it says what was published") from error


def _release(found: Mapping[str, Any]) -> Release:
    return Release(
        found["cut"],
        Protection(**found["protection"]),
        dict(found["versions"]),
        tuple(found["columns"]),
        tuple(tuple(row) for row in found["rows"]),
    )
