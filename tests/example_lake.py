"""The lake that the examples of docstrings are asked of."""

from pathlib import Path

from pipelines.lake import Lake
from tests.graph.lakes import put_footfall
from tests.lakes import new_lake, put_cases, put_declarations, put_scans, put_stays, put_venues

_VENUES = """
    venue_code | name   | type       | district_code
    cafe       | Cà phê | restaurant | 522
    house      | Nhà    | home       | 522
"""
_SCANS = """
    person | venue | direction | occurred_at
    an     | cafe  | in        | 10 08:00
    an     | cafe  | out       | 10 10:00
    an     | house | in        | 10 12:00
    an     | house | out       | 10 13:00
    binh   | cafe  | in        | 10 08:30
    binh   | cafe  | unknown   | 10 09:45
"""
_STAYS = """
    person | venue | enter    | exit     | exit_kind | last_seen
    an     | cafe  | 10 08:00 | 10 10:00 |           |
    an     | house | 10 12:00 | 10 13:00 |           |
    binh   | cafe  | 10 08:30 | 10 10:45 | default   | 10 09:45
"""
_CASES = """
    case_id | person | onset_at
    BN-1    | an     | 11 00:00
    BN-2    | chi    | 11 00:00
"""
_DECLARATIONS = """
    person | declared_at | symptoms    | contact_with_case | district_code
    binh   | 12 08:00    | fever;cough | true              | 522
    binh   | 13 08:00    |             |                   | 522
    dung   | 13 08:00    |             | true              | 522
"""


def example_lake(folder: Path) -> Lake:
    """Return a lake of one café and one home; `an` is case BN-1, BN-2 has never scanned."""
    lake = new_lake(folder)
    put_venues(lake, _VENUES)
    put_scans(lake, _SCANS)
    put_stays(lake, _STAYS)
    put_cases(lake, _CASES)
    put_declarations(lake, _DECLARATIONS)
    put_footfall(lake)
    return lake
