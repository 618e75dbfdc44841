"""One lake for the contract of all commands: enough of everything that each has something to answer."""

from tests.graph.lakes import put_footfall
from tests.lakes import new_lake, put_cases, put_declarations, put_rejects, put_scans, put_stays, put_venues

_VENUES = (
    "venue_code|type|name|district_code\ncafe|restaurant|=Cà phê|522\nhouse|home|Nhà|522\nhall|office||522"
)
_SCANS = "person | venue | occurred_at\nan | cafe | 10 08:00\nan | nowhere | 10 11:00"
_STAYS = """
    person | venue | zone | enter    | exit     | exit_kind | last_seen
    an     | cafe  |      | 10 08:00 | 10 10:00 |           |
    an     | house |      | 10 20:00 | 10 22:00 |           |
    binh   | cafe  | t1   | 10 09:00 | 10 11:00 | default   | 10 09:30
    an     | hall  |      | 6 12:00  | 6 14:00  |           |
    binh   | hall  |      | 6 12:00  | 6 14:00  |           |
    chi    | hall  |      | 6 13:00  | 6 14:00  |           |
    chi    | cafe  |      | 10 09:30 | 10 12:00 |           |
"""
_CASES = """
    case_id   | person | onset_at | withdrawn_at
    BN-0001   | an     | 11 00:00 |
    BN-0002   | binh   | 15 00:00 |
    BN-0007   | giang  | 15 00:00 |
    no-date   | hoa    |          |
    withdrawn | an     | 11 00:00 | 12 00:00
"""
_DECLARATIONS = """
    person | declared_at | symptoms | contact_with_case | district_code
    binh   | 12 08:00    | fever    | true              | 522
    hoa    | 12 09:00    |          | true              | =524
"""


def contract_lake(folder):
    """Return the lake `folder/lake`, its keys beside it."""
    lake = new_lake(folder)
    put_venues(lake, _VENUES)
    put_scans(lake, _SCANS)
    put_rejects(lake, "reason | source | digest\nbad_time|scans|one\nbad_time|scans|one\nbad_time|cases|two")
    put_stays(lake, _STAYS)
    put_cases(lake, _CASES)
    put_declarations(lake, _DECLARATIONS)
    put_footfall(lake)
    return lake
