"""Which records are of persons who were erased, and which cases a lake has forgotten."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.reject_reasons import ERASED, PAST_RETENTION
from pipelines.ingest.validate.columns import CheckedColumns, PersonColumn
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Int64, Spans, UInt8
from pipelines.lake.forgotten import Forgotten
from pipelines.privacy.keys import Keys, erasure_hash, linked_hash

NEVER_US: Final = np.iinfo(np.int64).min
"""The instant up to which the records of a person who was not erased are refused."""

CASE_DATES: Final = ("onset_at", "sampled_at", "reported_at", "isolated_at", "withdrawn_at")


def erased_until(persons: Spans, keys: Keys, forgotten: Forgotten) -> Int64:
    """Return the instant up to which each of d canonical identifiers is erased, int64[d]."""
    until_us = np.full(len(persons), NEVER_US, np.int64)
    # Eight bytes find the suspects in one pass; the whole hash decides.
    suspects = np.flatnonzero(np.isin(macs(persons, keys.erasure_key), _heads(forgotten.erased)))
    for position in suspects.tolist():
        person = erasure_hash(keys, persons.value(position) or b"")
        until_us[position] = forgotten.erased.get(person, NEVER_US)
    if forgotten.linked:
        until_us = np.maximum(until_us, _linked_until(macs(persons, keys.token_key), keys, forgotten))
    return until_us


def _linked_until(tokens: Int64, keys: Keys, forgotten: Forgotten) -> Int64:
    """Return the instant up to which each of d tokens is erased for its links, int64[d]."""
    until_us = np.full(tokens.size, NEVER_US, np.int64)
    # Erased through a link, so the identifier was unknown: this hash is of the token.
    data = np.frombuffer(tokens.astype(">i8").tobytes(), np.uint8)
    texts = Spans(data, np.arange(tokens.size) * 8, np.full(tokens.size, 8, np.int32))
    for position in np.flatnonzero(np.isin(macs(texts, keys.linked_key), _heads(forgotten.linked))).tolist():
        person = linked_hash(keys, int(tokens[position]))
        until_us[position] = forgotten.linked.get(person, NEVER_US)
    return until_us


def _heads(hashes: Iterable[str]) -> Int64:
    """Return the first 8 bytes of hexadecimal hashes as `macs` returns them."""
    heads = [int.from_bytes(bytes.fromhex(one)[:8], "big", signed=True) for one in hashes]
    return np.array(heads, np.int64)


def last_erased(columns: Sequence[PersonColumn], keys: Keys, forgotten: Forgotten) -> Int64:
    """Return the latest such instant among the persons of each row, int64[n]."""
    of_columns = [
        np.append(erased_until(column.texts, keys, forgotten), NEVER_US)[column.ids] for column in columns
    ]
    latest: Int64 = np.maximum.reduce(of_columns)
    return latest


def forgotten_cases(checked: CheckedColumns, keys: Keys, forgotten: Forgotten) -> UInt8:
    """Return the reasons of cases that are past retention or erased, uint8[n]: by the latest of their dates.

    A case without any date is as old as one may be.
    """
    reasons = np.zeros(checked.reason.size, np.uint8)
    if not forgotten.number:
        return reasons
    latest_us = latest_date({name: checked.columns[name] for name in CASE_DATES})
    if forgotten.erased:
        until_us = last_erased(checked.persons, keys, forgotten)
        # Also tested for NEVER_US, which stands for a person not erased and for a case without dates.
        reasons[(latest_us <= until_us) & (until_us > NEVER_US)] = ERASED
    reasons[(latest_us < forgotten.cases_us) & (latest_us > NEVER_US)] = PAST_RETENTION
    return reasons


def latest_date(dates: dict[str, pa.Array | pa.ChunkedArray]) -> Int64:
    """Return the latest instant of each row, int64[n], `NEVER_US` where it has none."""
    micros = [dates[name].cast(pa.int64()).fill_null(int(NEVER_US)) for name in CASE_DATES]
    latest: Int64 = pc.max_element_wise(*micros).to_numpy(zero_copy_only=False)
    return latest
