"""The rows of a list from the rows of a trace."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.exposure_list import ListedCase, ListSettings, local_day
from pipelines.export.list_columns import COLUMNS
from pipelines.export.list_text import SEPARATOR
from pipelines.export.register import RegisteredPerson

_NOBODY = RegisteredPerson()


def list_rows(
    traced: pa.Table,
    cases: Sequence[ListedCase],
    venue_names: Mapping[str, str],
    settings: ListSettings,
    until_us: int,
    revealed: Mapping[int, tuple[str, str]],
    people: Mapping[int, RegisteredPerson],
) -> pa.Table:
    """The rows of a list, in the order of the trace.

    Args:
        traced: the rows of a trace; `call`, `symptoms` and `declared_at` may be absent.
        cases: the index cases.
        venue_names: names by code; a venue without one is named by its code.
        settings: how the list is written.
        until_us: how far the question reached; microseconds UTC.
        revealed: kind and value of identifiers, by token.
        people: of the officer's register, by token.

    Returns:
        Columns of `COLUMNS`; `change` is null.
    """
    count = traced.num_rows
    persons = traced["person"].to_pylist()
    # By token; most persons are in neither the register nor the vault.
    known = [people.get(person, _NOBODY) for person in persons]
    opened = [revealed.get(person) for person in persons]
    # What the trace has already is taken as it is; the rest is added or null.
    made: dict[str, Any] = {name: traced[name] for name in COLUMNS.names if name in traced.schema.names}
    made |= {
        "no": pa.array(range(1, count + 1), pa.int64()),
        "identifier_kind": [pair and pair[0] for pair in opened],
        "identifier": [pair and pair[1] for pair in opened],
        "full_name": [one.full_name or None for one in known],
        "birth_year": [one.birth_year for one in known],
        "sex": [one.sex or None for one in known],
        "address": [one.address or None for one in known],
        "case_ids": root_cases(traced, cases),
        "venue_names": names_of(traced["venues"].to_pylist(), venue_names),
    }
    if settings.follow_up_days is not None:
        made |= _follow_up(traced["last_contact"], settings, until_us)
    columns = [_column(made.get(field.name), field, count) for field in COLUMNS]
    return pa.table(columns, schema=COLUMNS)


def root_cases(traced: pa.Table, cases: Collection[ListedCase]) -> list[str]:
    """The cases at the root of each row's chain of `via`, sorted and joined by `;`.

    A row's `via` is a case or somebody of an earlier tier, so one pass in the order of tiers is enough.
    """
    of_person: dict[int, list[str]] = {}
    for case in cases:
        of_person.setdefault(case.person, []).append(case.case_id)
    # roots: by token the joined cases a chain ends in. Tiers ascend, so `via` is there already.
    roots = {person: SEPARATOR.join(sorted(ids)) for person, ids in of_person.items()}
    found = []
    for person, via in zip(traced["person"].to_pylist(), traced["via"].to_pylist(), strict=True):
        root = roots[via]
        # setdefault: a person found again keeps the root of the first row.
        roots.setdefault(person, root)
        found.append(root)
    return found


def names_of(codes: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The names of venues in the order of their codes, both joined by `;`; a name holds none."""
    # Rows of one place share their text; each distinct one is made once.
    known: dict[str, str] = {}
    for joined in codes:
        if joined not in known:
            parts = [names.get(code) or code for code in joined.split(SEPARATOR)] if joined else []
            # A name may hold the separator; names and codes must stay in step.
            known[joined] = SEPARATOR.join(part.replace(SEPARATOR, ",") for part in parts)
    return [known[joined] for joined in codes]


def _follow_up(last_contact: pa.ChunkedArray, settings: ListSettings, until_us: int) -> dict[str, pa.Array]:
    """`follow_up_until` and `day`, in local days from the last contact."""
    assert settings.follow_up_days is not None
    # Local dates: a contact at 18:00 UTC is on the next day in Vietnam.
    local = pc.cast(last_contact, pa.timestamp("us", tz=str(settings.zone)))
    last = pc.cast(pc.local_timestamp(local), pa.date32()).cast(pa.int32())
    # The question's end and never the clock, so that a list made again is the same.
    today = (local_day(until_us, settings.zone) - dt.date(1970, 1, 1)).days
    # Not below 0; not cut above, since days past the end matter.
    passed = pc.max_element_wise(pc.subtract(today, last), 0)
    return {
        "follow_up_until": pc.add(last, settings.follow_up_days).cast(pa.int32()).cast(pa.date32()),
        "day": passed.cast(pa.int64()),
    }


def _column(values: Any, field: pa.Field, count: int) -> pa.Array | pa.ChunkedArray:
    if values is None:
        return pa.nulls(count, field.type)
    return values.cast(field.type) if hasattr(values, "cast") else pa.array(values, field.type)
