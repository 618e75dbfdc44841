"""Cases one by one: added through `run` as files are, and withdrawn by their number alone."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.drivers.records_file import records_file
from pipelines.drivers.run import Report, run
from pipelines.errors import DataError, UsageError
from pipelines.graph.cases import numbers_of
from pipelines.ingest.reference_tables import read_cases
from pipelines.lake import (
    CommitConflict,
    Lake,
    commit,
    open_lake,
    opened,
    read_table,
    snapshot,
    write_data_file,
)
from pipelines.lake.writer_lock import writing_with_others
from pipelines.privacy.keys import load_keys
from pipelines.terminal.options import keys_folder
from pipelines.terminal.output import quoted
from pipelines.times import parse_instant
from schemas.tables import CASES, INSTANT

ALREADY_KNOWN = "the case was known already; what was given now replaces it"


def add_case(lake: str, case: Mapping[str, Any], *, keys: str | None = None) -> Report:
    """Add a case, or replace it: the same upsert as `run(cases=…)`.

    Args:
        lake: folder or URL; it is made if it does not exist.
        case: its fields as the contract names them, `person` as KIND:VALUE; None is absent.
        keys: folder of the keys; None is `LAKE.keys`.

    Raises:
        UsageError: a field breaks its rule; nothing is committed.
        RefusedError: the lake was made with other keys.
    """
    folder = keys_folder(keys, lake)
    where = open_lake(lake, folder, create=True)
    # Read before the run, to tell a new case from a replaced one.
    known = set(read_table(where, "cases", ["case_id"])["case_id"].to_pylist())
    with records_file("cases", [{name: value for name, value in case.items() if value is not None}]) as path:
        # Checked first: `run` would refuse the record, count it, and succeed.
        given = read_cases([path], load_keys(folder))
        wrong = [*(given.faults or given.reasons)]
        if wrong:
            raise UsageError(
                f"the case is refused for {' and '.join(wrong)}",
                "--person is KIND:VALUE, such as phone:0905123456; times are dates or RFC 3339",
            )
        report = run(lake, cases=[path], keys=keys)
    notes = _ahead(given.rows)
    if known & set(numbers_of([str(case["case_id"])])):
        notes.append(ALREADY_KNOWN)
    return replace(report, notes=(*report.notes, *notes))


def _ahead(rows: pa.Table) -> list[str]:
    """A note for each date of what has happened that lies in the future; isolation may be planned."""
    now = pa.scalar(dt.datetime.now(dt.UTC), INSTANT)
    return [
        f"{name} lies in the future: check the date"
        for name in ("onset_at", "sampled_at", "reported_at")
        if pc.any(pc.greater(rows[name], now)).as_py()
    ]


def withdraw_case(lake: str, case_id: str, at: str | None = None, *, keys: str | None = None) -> int:
    """Withdraw a case, which no question counts from then on.

    Args:
        lake: folder or URL.
        case_id: its number.
        at: the instant of the withdrawal, or a date; None is now.
        keys: folder of the keys, to be compared with the lake's own; None needs none.

    Returns:
        The version of `cases` that holds the withdrawal.

    Raises:
        UsageError: `at` is not a time.
        DataError: the lake has no such case.
    """
    moment = dt.datetime.now(dt.UTC) if at is None else _moment(at)
    where = opened(lake, keys)
    (number,) = numbers_of([case_id])
    with writing_with_others(where):
        # The withdrawal does not depend on the version, so a conflict is simply retried.
        while True:
            try:
                return _withdraw(where, number, moment)
            except CommitConflict:
                continue


def _withdraw(lake: Lake, number: str, moment: dt.datetime) -> int:
    """Commit the withdrawal after the newest version of `cases`.

    Raises:
        CommitConflict: another commit came between.
        DataError: there is no such case.
    """
    before = snapshot(lake, CASES.name)
    rows = read_table(lake, CASES.name, version=before.version) if before.version >= 0 else None
    chosen = None if rows is None else pc.equal(rows["case_id"], number)
    if rows is None or not pc.any(chosen).as_py():
        raise DataError(f"the lake has no case {quoted([number])}", "see truyvet cases list")
    at = rows.schema.get_field_index("withdrawn_at")
    times = pc.if_else(chosen, pa.scalar(moment, INSTANT), rows["withdrawn_at"])
    changed = rows.set_column(at, rows.schema.field(at), times).select(CASES.file_schema.names)
    file = write_data_file(lake, CASES, {}, changed.combine_chunks().cast(CASES.file_schema))
    return commit(lake, CASES.name, [file], remove=before.files, after=before.version)


def _moment(at: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=parse_instant(at, "--at"))
