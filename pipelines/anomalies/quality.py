"""How far the scans of each venue, device or person look like people walking in and out."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.anomalies.crowding import peaks
from pipelines.anomalies.doubt import keep_doubts
from pipelines.anomalies.evidence import Evidence, flag_tests
from pipelines.anomalies.flag_definitions import FLAGS_BY
from pipelines.anomalies.scan_table import read_scan_table
from pipelines.anomalies.tested_units import BY, FlagTest, Units
from pipelines.answer import Answer
from pipelines.errors import UsageError
from pipelines.kernels.significance import FALSE_DISCOVERY_RATE, q_values
from pipelines.lake import LakeLike, opened
from pipelines.lake.freshness import freshness_of_scans
from pipelines.times import Instant, end_us, instant_us

_COLUMNS: Final = (
    ("flag", pa.string()),
    ("value", pa.float64()),
    ("expected", pa.float64()),
    ("p", pa.float64()),
    ("q", pa.float64()),
    ("significant", pa.bool_()),
    ("scans", pa.int64()),
)

QUALITY: Final = pa.schema([("unit", pa.string()), *_COLUMNS])
"""The columns of an answer by venue."""

QUALITY_BY_TOKEN: Final = pa.schema([pa.field("unit", pa.int64(), metadata={"token": "1"}), *_COLUMNS])
"""The columns of an answer by scanner or person."""


def quality(
    lake: LakeLike, *, by: str = "venue", from_: Instant | None = None, to: Instant | None = None
) -> Answer:
    """Score venues, scanners or persons by scans that do not look like people walking in and out.

    Nothing is refused by it: a flag says what to ask about.

    Example:
        >>> found = quality(lake, by="venue")
        >>> found.column_names
        ['unit', 'flag', 'value', 'expected', 'p', 'q', 'significant', 'scans']

    Args:
        lake: the lake, or where it lies.
        by: `venue`, `scanner` or `person`.
        from_: scans from then on; None is the first of the lake.
        to: scans before then, a date including the whole of that day; None is the last of the lake.

    Returns:
        Columns of `QUALITY` (of `QUALITY_BY_TOKEN` by scanner or person), a row for each unit and flag that
        could be tested, the least probable first.

    Raises:
        UsageError: the question is malformed.
        DataError: there is no such lake, or a file of it is damaged.
    """
    if by not in BY:
        raise UsageError(f"--by must be one of {' '.join(BY)}", "choose one of them")
    from_us, to_us = span_of(from_, to)
    where = opened(lake)
    scans = read_scan_table(where, from_us, to_us)
    evidence = Evidence(scans, lambda: peaks(where, from_us, to_us))
    units, found = evidence.units(by), flag_tests(evidence, by)
    rows = rows_of_tests(units, by, found)
    if from_us is None and to_us is None:
        # Flags of the whole lake are what `trace` shows as doubt; those of a span must not be kept.
        keep_doubts(where, evidence)
    made = freshness_of_scans(where)
    return Answer(rows, tuple(_notes(by, units, found, rows)), lambda: made)


def span_of(from_: Instant | None, to: Instant | None) -> tuple[int | None, int | None]:
    """Return the span of a question, microseconds UTC.

    Raises:
        UsageError: one is not a time, or `to` lies before `from_`.
    """
    from_us, to_us = instant_us(from_, "--from"), end_us(to, "--to")
    whole = instant_us(to, "--to")
    # A date as --to ends with its day, so that --from the day after it is backwards;
    # two equal instants are a span without scans, and no error.
    if from_us is not None and to_us is not None and (from_us > to_us or from_us == to_us != whole):
        raise UsageError("--from lies after --to", "exchange them")
    return from_us, to_us


def rows_of_tests(units: Units, by: str, found: Sequence[FlagTest]) -> pa.Table:
    """Return the rows of an answer, the least probable first.

    Args:
        units: all that were tested.
        by: one of `BY`.
        found: a test for each flag.
    """
    schema = QUALITY if by == "venue" else QUALITY_BY_TOKEN
    parts = [schema.empty_table()]
    log_p = [np.empty(0)]
    for test in found:
        p = np.exp(test.log_p)
        q = q_values(p, p.size)
        # `unit` of a test is among the ids, ascending.
        number = np.searchsorted(units.ids, test.unit)
        unit = units.scans.venues.codes.take(pa.array(test.unit)) if by == "venue" else pa.array(test.unit)
        columns = [
            unit,
            pa.repeat(test.flag, p.size),
            *(pa.array(values) for values in (test.value, test.expected, p, q)),
            pa.array(q <= FALSE_DISCOVERY_RATE),
            pa.array(units.count[number]),
        ]
        parts.append(pa.table(columns, schema=schema))
        log_p.append(test.log_p)
    # Sorted by ln p: tails below 1e-308 are all 0 as p, and would lose their order.
    rows = pa.concat_tables(parts).append_column("log_p", pa.array(np.concatenate(log_p)))
    order = [("log_p", "ascending"), ("flag", "ascending"), ("unit", "ascending")]
    return rows.sort_by(order).drop_columns(["log_p"]).cast(schema).combine_chunks()


def _notes(by: str, units: Units, found: Sequence[FlagTest], rows: pa.Table) -> Iterator[str]:
    flagged = pc.sum(rows["significant"]).as_py() or 0
    distinct = len(pc.unique(rows.filter(rows["significant"])["unit"])) if flagged else 0
    plural = by if units.ids.size == 1 else f"{by}s"
    yield (
        f"{distinct:,} of {units.ids.size:,} {plural} with scans carry {flagged:,} "
        f"{'flag' if flagged == 1 else 'flags'}, which --definitions explains; no scan is refused for it"
    )
    untested = [flag for flag in FLAGS_BY[by] if not any(t.flag == flag and t.unit.size for t in found)]
    if units.ids.size and untested:
        yield f"not tested, for want of data to compare with: {' '.join(untested)}"
