"""The cases of a lake as a table for people: their dates, when they could infect, what scans show of them."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.cases import last_instant_us
from pipelines.graph.infectious_window import CaseTimes, infectious_window
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, LakeLike, opened, read_table
from schemas.rules import DEFAULT_RULE, Rule, load_rule
from schemas.tables import INSTANT

_TIMES: Final = ("onset_at", "sampled_at", "reported_at", "isolated_at", "withdrawn_at")
_NEVER: Final = np.iinfo(np.int64).min

LISTED: Final = pa.schema(
    [
        ("case_id", pa.string()),
        *[(name, INSTANT) for name in _TIMES],
        ("window_start", INSTANT),
        ("window_end", INSTANT),
        ("stays", pa.int32()),
        ("last_scan", INSTANT),
        ("state", pa.string()),
    ]
)

STATES: Final = ("withdrawn", "undated", "unseen", "infectious", "over")
"""What a case is, the first that fits: withdrawn, with neither onset nor sample, in no stay, with an
infectious window that reaches the lake's last instant, with one that ended before."""


def list_cases(lake: LakeLike, rule: str | Rule = DEFAULT_RULE, *, keys: str | None = None) -> pa.Table:
    """List all cases, ordered by number.

    Example:
        >>> rows = list_cases(lake)
        >>> rows["case_id"].to_pylist(), rows["state"].to_pylist()
        (['BN-1', 'BN-2'], ['infectious', 'unseen'])

    Args:
        lake: the lake, or where it lies.
        rule: the rule pack that says when a case can infect: its id, its file or itself.
        keys: folder of the keys, to be compared with the lake's own; None needs none.

    Returns:
        The columns of `LISTED`. `window_start` and `window_end` are null where a case has no window;
        `stays` counts those in the window; `last_scan` is the last scan at a registered venue, of any time.

    Raises:
        DataError: there is no such lake, or a file of it is damaged.
        UsageError: there is no such rule.
    """
    where = opened(lake, keys)
    pack = rule if isinstance(rule, Rule) else load_rule(rule)
    rows = read_table(where, "cases", ["case_id", "person", *_TIMES]).sort_by("case_id")
    until_us = last_instant_us(where)
    start_us, end_us = _windows(rows, pack, until_us)
    stays, last_us = _stays_of(where, rows["person"].to_numpy(), start_us, end_us)
    has_window = start_us < end_us
    columns = {
        "case_id": rows["case_id"],
        **{name: rows[name] for name in _TIMES},
        "window_start": _instants(start_us, has_window),
        "window_end": _instants(end_us, has_window),
        "stays": column(stays).cast(pa.int32()),
        "last_scan": _instants(last_us, last_us != _NEVER),
        "state": _states(rows, end_us, last_us, until_us),
    }
    return pa.table([columns[name] for name in LISTED.names], schema=LISTED)


def _windows(rows: pa.Table, rule: Rule, until_us: int) -> tuple[Int64, Int64]:
    """Return the infectious window of each case, empty where it has none; int64[n] both."""
    times = [rows[name].cast(pa.int64()).to_pylist() for name in ("onset_at", "sampled_at", "isolated_at")]
    windows = np.zeros((rows.num_rows, 2), np.int64)
    for number, course in enumerate(zip(*times, strict=True)):
        known = CaseTimes(*course)
        if known.known:
            window = infectious_window(known, rule.infectious, until_us)
            windows[number] = window.start_us, window.end_us
    return windows[:, 0], windows[:, 1]


def _stays_of(lake: Lake, person: Int64, start_us: Int64, end_us: Int64) -> tuple[Int64, Int64]:
    """Count each person's stays in his window, and find his last scan, `_NEVER` where there is none."""
    # By case, not by person: one person may be several.
    stays, last_us = np.zeros(person.size, np.int64), np.full(person.size, _NEVER)
    files = live_files(lake, "person", Span(), np.unique(person)) if person.size else []
    for columns in sidecars(files):
        first, last = columns.rows_of(person)
        case, row = np.repeat(np.arange(person.size), last - first), rows_between(first, last)
        enter_us, exit_us = columns.enter_us[row], columns.exit_us[row]
        inside = np.maximum(enter_us, start_us[case]) < np.minimum(exit_us, end_us[case])
        # `at`, because a case stands once for each of its stays.
        np.add.at(stays, case[inside], 1)
        # Without a scan out the imputed part begins at the last scan.
        seen_out = np.asarray(pc.equal(columns.exit_kind(row), "scanned"))
        np.maximum.at(last_us, case, np.where(seen_out, exit_us, columns.imputed_from_us[row]))
    return stays, last_us


def _states(rows: pa.Table, end_us: Int64, last_us: Int64, until_us: int) -> pa.Array:
    withdrawn = np.asarray(rows["withdrawn_at"].is_valid())
    undated = ~np.asarray(rows["onset_at"].is_valid()) & ~np.asarray(rows["sampled_at"].is_valid())
    # The first condition that holds decides; `over` is what is left.
    chosen = np.select([withdrawn, undated, last_us == _NEVER, end_us >= until_us], [0, 1, 2, 3], 4)
    return pa.array([STATES[state] for state in chosen.tolist()], pa.string())


def _instants(value: Int64, valid: Bool) -> pa.Array:
    return pa.array(value, pa.int64(), mask=~valid).cast(INSTANT)
