"""A case of the lake: the person and the course of the disease."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.graph.infectious_window import CaseTimes
from pipelines.lake import Lake, read_table, snapshot

_TIMES = ("onset_at", "sampled_at", "isolated_at")  # as CaseTimes has them
_COLUMNS = ["case_id", "person", "withdrawn_at", *_TIMES]
_LAST_COLUMNS = {"stays": "exit", "encounters": "ended_at"}


@dataclass(frozen=True)
class Case:
    """A case that counts.

    Attributes:
        person: token.
        times: its course.
    """

    person: int
    times: CaseTimes


def find_case(lake: Lake, case_id: str) -> Case:
    """The case of a number.

    Raises:
        DataError: the lake has no such case, or it has been withdrawn.
    """
    return find_cases(lake, [case_id])[0]


def find_cases(lake: Lake, case_ids: Sequence[str]) -> list[Case]:
    """The cases of some numbers.

    Raises:
        DataError: the lake has no such case, or it has been withdrawn.
    """
    rows = read_table(lake, "cases", _COLUMNS)
    of_id = dict(zip(rows["case_id"].to_pylist(), range(rows.num_rows), strict=True))
    wanted = [of_id.get(unicodedata.normalize("NFC", case_id.strip())) for case_id in case_ids]
    if None in wanted:
        raise DataError("--case names no case of this lake", "bring it in with truyvet run --cases FILE")
    found = rows.take(pa.array(wanted, pa.int64()))
    if found["withdrawn_at"].null_count < len(wanted):
        raise DataError("--case names a case that has been withdrawn", "ask for its person with --person")
    return list(_cases(found))


def cases_by_id(lake: Lake) -> dict[str, Case]:
    """All cases that count, by number."""
    cases = read_table(lake, "cases", _COLUMNS)
    cases = cases.filter(pc.is_null(cases["withdrawn_at"]))
    return dict(zip(cases["case_id"].to_pylist(), _cases(cases), strict=True))


def last_instant_us(lake: Lake) -> int:
    """The largest `exit` of `stays` and `ended_at` of `encounters`, microseconds UTC.

    Read from the statistics in the log. A lake that holds neither reaches to
    1970, before every case.
    """
    ends = [
        file.stats.greatest[column]
        for table, column in _LAST_COLUMNS.items()
        for file in snapshot(lake, table).files
    ]
    return max(ends, default=0)


def _cases(rows: pa.Table) -> Iterator[Case]:
    times = (rows[column].cast(pa.int64()).to_pylist() for column in _TIMES)
    for person, *course in zip(rows["person"].to_pylist(), *times, strict=True):
        yield Case(person, CaseTimes(*course))
