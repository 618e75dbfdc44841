"""True contacts of simulated cases, each with what kept the lake from seeing it whole.

A contact is an overlap of two visits. What keeps it from being seen is the first of these that is true: its
place is not in the registry, or closed by then; one of the visits was not scanned; the lake holds the scans
of one under another identifier of the same person; it holds no scan of one at all, so they were refused. Else
both visits are in the lake, and what is missing is a matter of their times.
"""

import json
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake import Lake, read_table
from pipelines.privacy.keys import load_keys, token, venue_id
from pipelines.times import MINUTE_US

PARTS = ("unscanned visit", "imputed time", "other identifier", "unregistered place", "refused record")

_CLOCK_OFF_US = 50 * MINUTE_US  # the clock of a phone or reader that is not broken


class TrueContact(NamedTuple):
    """A true overlap of a case with a person; microseconds UTC."""

    case: str
    person: int
    venue: str
    venue_type: str
    start_us: int
    end_us: int
    lost_to: str


def true_contacts(province: Path, lake: Lake) -> list[TrueContact]:
    """Read the true contacts of a province, and look in its lake for the scans of both visits."""
    truth = province / "truth"
    keys = load_keys(Path(f"{lake.url}.keys"))
    stays = pq.read_table(truth / "stays.parquet")
    contacts = pq.read_table(truth / "contacts.parquet")
    people = pa.chunked_array([*contacts["person"].chunks, *contacts["other"].chunks]).unique().to_pylist()
    cards = _cards(truth)
    names = [*people, *(cards[one] for one in people if one in cards)]
    known = read_table(lake, "venues", ["venue", "venue_code", "type", "closed_at"])
    codes = contacts["venue"].unique().to_pylist()
    with duckdb.connect() as connection:
        for name, table in {
            "stays": stays,
            "contacts": contacts.append_column("row", pa.array(range(contacts.num_rows))),
            "tokens": pa.table({"name": names, "token": [token(keys, one) for one in names]}),
            "cards": pa.table({"person": list(cards), "card": list(cards.values())}, _CARDS),
            "places": pa.table({"code": codes, "venue": [venue_id(code) for code in codes]}),
            "registry": known,
            "scans": read_table(lake, "scans", ["person", "venue", "occurred_at"]),
        }.items():
            connection.register(name, table)
        query = (Path(__file__).parent / "true_contacts.sql").read_text(encoding="utf-8")
        rows = connection.execute(query, {"slack_us": _CLOCK_OFF_US}).fetchall()
    types = _types_of_codes(known)
    return [
        TrueContact(case, person, code, kind or types.get(_letters(code), "other"), start_us, end_us, part)
        for case, person, code, kind, start_us, end_us, part in rows
    ]


def until_of(province: Path) -> str:
    """Return the end of a province, up to which its cases are traced."""
    made: str = json.loads((province / "simulation.json").read_text(encoding="utf-8"))["now"]
    return made


_CARDS = pa.schema([("person", pa.string()), ("card", pa.string())])


def _cards(truth: Path) -> dict[str, str]:
    """The other identifier of people who have one."""
    path = truth / "identifiers.parquet"
    if not path.exists():
        return {}
    rows = pq.read_table(path)
    return dict(zip(rows["person"].to_pylist(), rows["identifier"].to_pylist(), strict=True))


def _letters(code: str) -> str:
    """The part of a code that tells the type, as in QN522-OF-00001."""
    return code.split("-")[1]


def _types_of_codes(known: pa.Table) -> dict[str, str]:
    codes, types = known["venue_code"].to_pylist(), known["type"].to_pylist()
    return {"HM": "home", **{_letters(code): kind for code, kind in zip(codes, types, strict=True)}}
