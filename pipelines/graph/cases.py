"""A case of the lake: the person and the course of the disease."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.graph.window import CaseTimes
from pipelines.lake import Lake, read_table

_TIMES = ("onset_at", "sampled_at", "isolated_at")  # as CaseTimes has them
_COLUMNS = ["case_id", "person", "withdrawn_at", *_TIMES]


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
    cases = read_table(lake, "cases", _COLUMNS)
    found = cases.filter(pc.equal(cases["case_id"], unicodedata.normalize("NFC", case_id.strip())))
    if found.num_rows == 0:
        raise DataError("--case names no case of this lake", "bring it in with truyvet run --cases FILE")
    if found["withdrawn_at"][0].is_valid:
        raise DataError("--case names a case that has been withdrawn", "ask for its person with --person")
    return next(_cases(found))


def cases_by_id(lake: Lake) -> dict[str, Case]:
    """All cases that count, by number."""
    cases = read_table(lake, "cases", _COLUMNS)
    cases = cases.filter(pc.is_null(cases["withdrawn_at"]))
    return dict(zip(cases["case_id"].to_pylist(), _cases(cases), strict=True))


def _cases(rows: pa.Table) -> Iterator[Case]:
    times = (rows[column].cast(pa.int64()).to_pylist() for column in _TIMES)
    for person, *course in zip(rows["person"].to_pylist(), *times, strict=True):
        yield Case(person, CaseTimes(*course))
