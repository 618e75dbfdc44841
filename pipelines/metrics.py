"""The names of all counters. Names are public and never hold a value of a record.

Counters of scans obey the conservation law: received = accepted + duplicate +
rejected, per batch.
"""

from typing import Final

NAMESPACE: Final = "truyvet"

RECEIVED: Final = "received"
"""Scans read from the inputs, refused ones included."""

ACCEPTED: Final = "accepted"
"""Scans that are new to the lake."""

DUPLICATE: Final = "duplicate"
"""Scans whose key and content an accepted scan already has."""

REJECTED: Final = "rejected"
"""Scans refused for one of the reasons of the wire contract."""

UNREGISTERED: Final = "unregistered"
"""Accepted scans of a venue that the registry does not know or that had closed."""

REASON_PREFIX: Final = "rejected_"
"""Refused scans by reason: `rejected_bad_time`."""

OTHERS_PREFIX: Final = "others_"
"""The same counters for inputs that are no scans: `others_cases_received`."""

STRICT_LINES: Final = "strict_lines"
"""Lines that the fast parser handed to the strict one: escapes, non-ASCII text, unknown keys."""

CHANGED_PERSONS: Final = "changed_persons"
"""Persons with a scan that the stays do not reflect yet."""

STAYS_ADDED: Final = "stays_added"
"""Stays that a recomputation brought."""

STAYS_REMOVED: Final = "stays_removed"
"""Stays that a recomputation took away."""

STAYS_CUT_SHORT: Final = "stays_cut_short"
"""Stays without a scan out that end at a scan elsewhere."""

DATES_REWRITTEN: Final = "dates_rewritten"
"""Dates of `stays` and `footfall` whose files a recomputation replaced."""

LATE: Final = "late"
"""Scans beyond the allowed lateness; they land all the same and dirty their date."""

CONFLICTED_COMMITS: Final = "conflicted_commits"
"""Commits done again because another one came between."""
