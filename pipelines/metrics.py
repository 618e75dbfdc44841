"""The name of every counter, distribution and gauge, a line each.

Names are public and never hold a value of a record. Steps report counters and
distributions to Beam, whose runners show them and `truyvet run --metrics`
writes them; `truyvet land` serves its own to Prometheus. Scans obey the
conservation law in both: received = accepted + duplicate + rejected.
"""

from typing import Final

NAMESPACE: Final = "truyvet"

RECEIVED: Final = "received"
ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"
UNREGISTERED: Final = "unregistered"
LATE: Final = "late"
INPUT_BYTES: Final = "input_bytes"
CHANGED_PERSONS: Final = "changed_persons"
STAYS_ADDED: Final = "stays_added"
STAYS_REMOVED: Final = "stays_removed"
STAYS_CUT_SHORT: Final = "stays_cut_short"
DATES_REWRITTEN: Final = "dates_rewritten"
FILES_WRITTEN: Final = "files_written"
BYTES_WRITTEN: Final = "bytes_written"
CONFLICTED_COMMITS: Final = "conflicted_commits"
FILE_BYTES: Final = "file_bytes"
FILE_ROWS: Final = "file_rows"

COUNTERS: Final = {
    INPUT_BYTES: "bytes of scan files read, as they are stored",
    RECEIVED: "scans read from the inputs, refused ones included",
    ACCEPTED: "scans new to the lake",
    DUPLICATE: "scans whose key and content an accepted scan already has",
    REJECTED: "scans refused, for any reason",
    "rejected_malformed": "scans that are not one record of the contract's fields and types, in UTF-8",
    "rejected_too_large": "scans over the size limit of a record",
    "rejected_too_deep": "scans nested deeper than the limit",
    "rejected_bad_text": "scans with control or bidirectional characters, or a text over its limit",
    "rejected_missing_field": "scans without a required field",
    "rejected_bad_person": "scans with an identifier of no known form",
    "rejected_bad_time": "scans whose time is not RFC 3339 with an offset",
    "rejected_bad_code": "scans whose code cannot be decoded, or contradicts the venue",
    "rejected_conflicting_event_id": "scans that repeat an event id with other content",
    "rejected_too_old": "scans older than --max-age-days",
    "rejected_too_new": "scans further ahead than --max-ahead-days",
    "rejected_past_retention": "scans from before the lake's retention horizon",
    "rejected_erased": "scans of a person who has been erased",
    UNREGISTERED: "accepted scans of a venue that the registry does not know, or that had closed",
    "accepted_within_1h": "accepted scans at most an hour old at receipt",
    "accepted_within_1d": "accepted scans over an hour, at most a day old at receipt",
    "accepted_within_3d": "accepted scans over a day, at most 3 days old at receipt",
    "accepted_within_7d": "accepted scans over 3 days, at most 7 days old at receipt",
    "accepted_older": "accepted scans over 7 days old at receipt",
    LATE: "scans beyond the allowed lateness (3 days); they land all the same and their dates are rewritten",
    CHANGED_PERSONS: "people whose scans were paired again",
    STAYS_ADDED: "stays that a recomputation added",
    STAYS_REMOVED: "stays that a recomputation removed",
    STAYS_CUT_SHORT: "added stays without a scan out that end at a scan elsewhere",
    DATES_REWRITTEN: "dates of stays and footfall whose files a recomputation replaced",
    FILES_WRITTEN: "data files that workers wrote; the commit itself writes those of venues and cases",
    BYTES_WRITTEN: "their bytes",
    CONFLICTED_COMMITS: "commits repeated because another one came between",
}
"""Beam counters, in the order in which they are written."""

DISTRIBUTIONS: Final = {
    FILE_BYTES: "bytes of each data file written",
    FILE_ROWS: "rows of each data file written",
}
"""Beam distributions."""

AGES: Final = {"1h": 3_600, "1d": 86_400, "3d": 259_200, "7d": 604_800}
"""Classes of a scan's age at receipt, each up to and including that many seconds."""

OLDER: Final = "older"
"""The class beyond the last of `AGES`."""

LATE_SECONDS: Final = AGES["3d"]
"""The allowed lateness where no flag says otherwise."""

LAND_COUNTERS: Final = {
    "messages": "messages made durable and acknowledged",
    "landed": "scans in durable segments",
    RECEIVED: "scans that batches have taken in, refused ones included",
    ACCEPTED: "scans new to the lake",
    DUPLICATE: "scans that the lake already had",
    REJECTED: "scans refused",
    UNREGISTERED: "accepted scans of venues that the registry does not know",
    LATE: "accepted scans beyond the allowed lateness",
    "age": "accepted scans by their age at receipt",
}
"""Prometheus counters of `truyvet land`; their names end in `_total`."""

LAND_LABELS: Final = {REJECTED: "reason", "age": "age"}
"""Counters with a label, and its name."""

LAND_GAUGES: Final = {
    "lag_seconds": "from the publishing of a message to its being durable",
    "segments": "segments waiting for their commit",
    "segment_bytes": "their bytes",
    "segment_age_seconds": "age of the oldest of them",
    "batch_seconds": "duration of the last batch",
    "pulls": "pulls that the broker answered last time",
    "scans_version": "newest version of scans",
    "stays_version": "version of scans that stays reflect",
}
"""Prometheus gauges of `truyvet land`."""


def rejected_for(reason: str) -> str:
    """Return the counter of scans refused for a reason.

    >>> rejected_for("bad_time")
    'rejected_bad_time'
    """
    return f"{REJECTED}_{reason}"


def accepted_at_age(age: str) -> str:
    """Return the counter of accepted scans in a class of `AGES` or `OLDER`.

    >>> accepted_at_age("1h"), accepted_at_age(OLDER)
    ('accepted_within_1h', 'accepted_older')
    """
    return f"{ACCEPTED}_older" if age == OLDER else f"{ACCEPTED}_within_{age}"
