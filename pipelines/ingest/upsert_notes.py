"""Lines for people about the registry and cases: cells dropped, rows refused for a field, rows that differ.

They name files, rows and fields, and never hold a value of a record.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pipelines.ingest.refused.record_places import RecordPlace

MOST_PAIRS: Final = 10
"""How many pairs of rows that differ are named."""

_TEXT = "write text without line breaks and other control characters"
_DEGREES = "write degrees with a decimal point, such as 15.12"
_DROP_REMEDIES: Final = {
    "name": f"{_TEXT}, up to 512 bytes",
    "zone": f"{_TEXT}, a semicolon between zones, each up to 128 bytes",
    "province_code": f"{_TEXT}, up to 128 bytes",
    "district_code": f"{_TEXT}, up to 128 bytes",
    "commune_code": f"{_TEXT}, up to 128 bytes",
    "lat": _DEGREES,
    "lon": _DEGREES,
    "capacity": "write a whole number",
    "registered_at": "write 2021-08-01 or 2021-08-01T08:30:00+07:00",
}
_FAULT_REMEDIES: Final = {
    "timezone": "write an IANA name, such as Asia/Ho_Chi_Minh",
    "type": "write one of the venue types of schemas/DATA_DICTIONARY.md",
    "closed_at": "write 2021-08-01 or 2021-08-01T08:30:00+07:00",
}
"""Fields whose wrong values are often systematic, so that the row number alone does not help."""


def drop_notes(source: str, dropped: Mapping[str, Sequence[RecordPlace]]) -> Iterator[str]:
    """Tell which informational cells could not be read.

    >>> for line in drop_notes("venues", {"capacity": [RecordPlace("v.csv", "csv", 3)] * 2}):
    ...     print(line)
    venues: 2 cells of capacity cannot be read and are left out, first v.csv line 3: write a whole number
    """
    for name, places in dropped.items():
        if places:
            cells = "1 cell" if len(places) == 1 else f"{len(places):,} cells"
            verbs = "cannot be read and is" if len(places) == 1 else "cannot be read and are"
            yield f"{source}: {cells} of {name} {verbs} left out, first {places[0]}: {_DROP_REMEDIES[name]}"


def fault_notes(source: str, faults: Mapping[str, Sequence[RecordPlace]]) -> Iterator[str]:
    """Tell which rows were refused for a field that has a remedy of its own."""
    for name, places in faults.items():
        if places and name in _FAULT_REMEDIES:
            rows = "1 row is" if len(places) == 1 else f"{len(places):,} rows are"
            yield f"{source}: {rows} refused for {name}, first {places[0]}: {_FAULT_REMEDIES[name]}"


def fault_remedies(faults: Mapping[str, Sequence[RecordPlace]]) -> dict[str, str]:
    """What to do, by field, about fields for which rows were refused; of those that have a remedy.

    >>> fault_remedies({"timezone": [RecordPlace("v.csv", "csv", 3)], "type": []})
    {'timezone': 'write an IANA name, such as Asia/Ho_Chi_Minh'}
    """
    return {
        name: _FAULT_REMEDIES[name] for name, places in faults.items() if places and name in _FAULT_REMEDIES
    }


def contradiction_notes(
    source: str, what: str, pairs: Sequence[tuple[RecordPlace, RecordPlace]]
) -> Iterator[str]:
    """Tell which rows of one venue or case in a batch differ."""
    for one, other in pairs[:MOST_PAIRS]:
        yield f"{source}: {one} and {other} are of one {what} and differ; the later one counts"
    if len(pairs) > MOST_PAIRS:
        yield f"{source}: {len(pairs) - MOST_PAIRS:,} more pairs of rows are of one {what} and differ"
