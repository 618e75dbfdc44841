"""Encounters for lakes that are drawn as text."""

import pyarrow as pa

from schemas.tables import ENCOUNTERS
from tests.lakes import at, drawn, person_token, put


def put_encounters(lake, encounters):
    """Commit encounters: columns `person_a person_b started_at ended_at`, drawn or as rows of such texts."""
    rows = drawn(encounters) if isinstance(encounters, str) else encounters
    made = []
    for row in rows:
        low, high = sorted(person_token(lake, row[name]) for name in ("person_a", "person_b"))
        times = {name: at(row[name]) for name in ("started_at", "ended_at")}
        made.append({"person_a": low, "person_b": high, **times})
    table = pa.Table.from_pylist(made, schema=ENCOUNTERS.file_schema)
    return put(lake, "encounters", table, day_of="started_at")
