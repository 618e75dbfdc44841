"""A case of the lake: the person and the course of the disease."""

import unicodedata
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.graph.window import CaseTimes
from pipelines.lake import Lake, read_table
from pipelines.query.person import LakeLike, opened

_TIMES = {"onset_us": "onset_at", "sampled_us": "sampled_at", "isolated_us": "isolated_at"}


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
    columns = ["case_id", "person", "withdrawn_at", *_TIMES.values()]
    cases = read_table(lake, "cases", columns)
    found = cases.filter(pc.equal(cases["case_id"], unicodedata.normalize("NFC", case_id.strip())))
    if found.num_rows == 0:
        raise DataError("--case names no case of this lake", "bring it in with truyvet run --cases FILE")
    if found["withdrawn_at"][0].is_valid:
        raise DataError("--case names a case that has been withdrawn", "ask for its person with --person")
    times = {name: found[column].cast(pa.int64())[0].as_py() for name, column in _TIMES.items()}
    return Case(found["person"][0].as_py(), CaseTimes(**times))


def case_ids(lake: LakeLike) -> list[str]:
    """The numbers of all cases that count, sorted."""
    cases = read_table(opened(lake), "cases", ["case_id", "withdrawn_at"])
    return sorted(cases.filter(pc.is_null(cases["withdrawn_at"]))["case_id"].to_pylist())
