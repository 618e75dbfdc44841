"""The share of symptomatic people among those who declared, by area and 7 days, beside the 28 days before.

The 28 days before are four spans of 7 days, and their people are counted span
by span: a person who declares every week would otherwise have four chances of
being symptomatic before and one now.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.kernels.significance import FALSE_DISCOVERY_RATE, binomial_tail, q_values
from pipelines.times import DAY_US
from schemas.tables import INSTANT

WEEK_US: Final = 7 * DAY_US
WEEKS_BEFORE: Final = 4
FEWEST_DECLARATIONS: Final = 50
"""With fewer declarations a span is not tested: its share is mostly chance."""

RATES: Final = pa.schema(
    [
        ("area", pa.string()),
        ("from", INSTANT),
        ("to", INSTANT),
        ("declarations", pa.int64()),
        ("people", pa.int64()),
        ("symptomatic", pa.int64()),
        ("share", pa.float64()),
        ("share_before", pa.float64()),
        ("p", pa.float64()),
        ("q", pa.float64()),
        ("significant", pa.bool_()),
    ]
)
"""The columns of an answer; `share` and `share_before` are of people, the last three null where untested."""

_Counts = dict[int, dict[str | None, tuple[int, int, int]]]
"""By span and area: declarations, people, symptomatic people."""

_NONE: Final = (0, 0, 0)


def rates(counts: pa.Table, to_us: int, weeks: int) -> pa.Table:
    """Compare each area's share in a span of 7 days with its share in the 28 days before.

    Args:
        counts: rows of `declaration_counts.sql`.
        to_us: the end of the last span, microseconds UTC.
        weeks: how many spans, counted back from there.

    Returns:
        Columns of `RATES` by start and area, areas that declared nothing but did before included.
    """
    # of[week][area]; week 0 is the last span before to_us, 1 the one before it.
    of: _Counts = {}
    for row in counts.to_pylist():
        of.setdefault(row["week"], {})[row["area"]] = row["declarations"], row["people"], row["symptomatic"]
    rows = [row for week in reversed(range(weeks)) for row in _rows_of_week(of, week, to_us)]
    return pa.Table.from_pylist(rows, schema=RATES)


def _rows_of_week(of: _Counts, week: int, to_us: int) -> list[dict[str, Any]]:
    """The rows of one span, with the q-values of its areas."""
    # Areas of the 28 days before as well: silence of an area that declared before is a finding.
    areas = {area for back in range(WEEKS_BEFORE + 1) for area in of.get(week + back, {})}
    # None, no area, last.
    ordered = sorted(areas, key=lambda area: (area is None, area or ""))
    rows = [_row(of, week, area, to_us) for area in ordered]
    tested = [row for row in rows if row["p"] is not None]
    # q over the areas of one span only: each span is a question of its own.
    q = q_values(np.array([row["p"] for row in tested], np.float64), len(tested))
    for row, value in zip(tested, q.tolist(), strict=True):
        row |= {"q": value, "significant": value <= FALSE_DISCOVERY_RATE}
    return rows


def _row(of: _Counts, week: int, area: str | None, to_us: int) -> dict[str, Any]:
    declarations, people, symptomatic = of.get(week, {}).get(area, _NONE)
    before = [of.get(week + back, {}).get(area, _NONE) for back in range(1, WEEKS_BEFORE + 1)]
    people_before, symptomatic_before = (sum(count[place] for count in before) for place in (1, 2))
    # Without anybody before there is no share to compare with, whatever this span has.
    tested = declarations >= FEWEST_DECLARATIONS and people_before > 0
    return {
        "area": area,
        "from": to_us - (week + 1) * WEEK_US,
        "to": to_us - week * WEEK_US,
        "declarations": declarations,
        "people": people,
        "symptomatic": symptomatic,
        "share": symptomatic / people if people else None,
        "share_before": symptomatic_before / people_before if people_before else None,
        "p": _p(symptomatic, people, symptomatic_before, people_before) if tested else None,
    }


def _p(symptomatic: int, people: int, symptomatic_before: int, people_before: int) -> float:
    """The probability of at least this many symptomatic people at the share of before.

    None among n people before does not mean that there can be none: it is taken as one in n + 1.
    """
    share = symptomatic_before / people_before if symptomatic_before else 1 / (people_before + 1)
    return binomial_tail(symptomatic, people, share)


def rate_notes(rows: pa.Table, by: str) -> Iterator[str]:
    """What must be said beside the rows of `RATES`."""
    yield (
        f"by {by}: people are counted once in 7 days, symptomatic are fever, cough and breathless; "
        "p is binomial against the 28 days before, q over the rows of one span"
    )
    untested = rows["p"].null_count
    if untested:
        yield (
            f"{untested:,} of {rows.num_rows:,} rows are not tested: fewer than {FEWEST_DECLARATIONS} "
            "declarations, or none in the 28 days before"
        )
