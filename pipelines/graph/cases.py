"""The cases of a lake: their persons and the course of their disease."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.graph.infectious_window import CaseTimes
from pipelines.lake import Lake, OfNewest, Snapshot, read_table, snapshot
from pipelines.linkage.human_lake import human_of
from pipelines.terminal.output import quoted

_TIMES = ("onset_at", "sampled_at", "isolated_at")  # as CaseTimes has them
_COLUMNS = ["case_id", "person", "withdrawn_at", *_TIMES]
_LAST_COLUMNS = {"stays": "exit", "encounters": "ended_at"}


@dataclass(frozen=True)
class Case:
    """A case that has not been withdrawn.

    Example:
        >>> case = Case(person=-4611686018427387904, times=CaseTimes(onset_us=0))
        >>> case.times.known
        True

    Attributes:
        person: token.
        times: the course of the disease.
    """

    person: int
    times: CaseTimes


def _read_cases(lake: Lake, _newest: Snapshot) -> pa.Table:
    return read_table(lake, "cases", _COLUMNS).combine_chunks()


_newest_cases = OfNewest("cases", _read_cases)


def find_case(lake: Lake, case_id: str) -> Case:
    """Find one case by its number.

    Raises:
        DataError: the lake has no such case, or it has been withdrawn.
    """
    return find_cases(lake, [case_id])[0]


def find_cases(lake: Lake, case_ids: Sequence[str]) -> list[Case]:
    """Find cases by their numbers, in that order.

    Raises:
        DataError: the lake has no such case, or it has been withdrawn.
    """
    rows = _newest_cases(lake)
    # One row a number: the table holds the last received state of each.
    wanted = numbers_of(case_ids)
    row = pc.index_in(pa.array(wanted, pa.string()), rows["case_id"])
    unknown = [number for number, one in zip(wanted, row.to_pylist(), strict=True) if one is None]
    if unknown:
        raise DataError(
            f"--case names no case of this lake ({quoted(unknown)})",
            "bring it in with truyvet run --cases FILE",
        )
    found = rows.take(row)
    withdrawn = found.filter(pc.is_valid(found["withdrawn_at"]))["case_id"].to_pylist()
    if withdrawn:
        raise DataError(
            f"--case names a case that has been withdrawn ({quoted(withdrawn)})",
            "ask for its person with truyvet overlaps --person",
        )
    return list(_cases(lake, found))


def cases_by_id(lake: Lake) -> dict[str, Case]:
    """Return all cases that have not been withdrawn, by number."""
    rows = _newest_cases(lake)
    rows = rows.filter(pc.is_null(rows["withdrawn_at"]))
    return dict(zip(rows["case_id"].to_pylist(), _cases(lake, rows), strict=True))


def numbers_of(case_ids: Sequence[str]) -> list[str]:
    """Normalise case numbers as the lake writes them: composed Unicode, no blanks around them.

    Example:
        >>> numbers_of([" BN-1 "])
        ['BN-1']
    """
    return [unicodedata.normalize("NFC", case_id.strip()) for case_id in case_ids]


def require_dates(cases: Mapping[str, Case], remedy: str) -> None:
    """Refuse cases that were asked for by number and have neither onset nor sample.

    Args:
        cases: by number.
        remedy: what the missing date means for the question, and what to do.

    Raises:
        DataError: there is such a case.
    """
    undated = [number for number, case in cases.items() if not case.times.known]
    if undated:
        raise DataError(f"--case names a case with neither onset nor sample ({quoted(undated)})", remedy)


def last_instant_us(lake: Lake) -> int:
    """Return the last instant a lake knows: the largest `exit` of `stays` and `ended_at` of `encounters`.

    Microseconds UTC, read from the statistics in the log. A lake that holds neither ends in 1970, before
    every case.
    """
    # Bounds of times are exact in the log; only those of tokens are wide.
    ends = [
        file.stats.greatest[column]
        for table, column in _LAST_COLUMNS.items()
        for file in snapshot(lake, table).files
    ]
    return max(ends, default=0)


def _cases(lake: Lake, rows: pa.Table) -> Iterator[Case]:
    times = (rows[column].cast(pa.int64()).to_pylist() for column in _TIMES)
    # In a lake of humans a case is of the human, whatever identifier it was reported under.
    persons = human_of(lake, rows["person"].to_numpy()).tolist()
    for person, *course in zip(persons, *times, strict=True):
        yield Case(person, CaseTimes(*course))
