"""The links that personal codes and citizen cards show: each holds several identifiers of one person.

A link is dated by its scan, so the scan delivered again makes the same link. It stands for what the code
says and not for the scan: a scan that turns out to conflict with another makes it too, whichever came first.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.ingest.validate.erased_persons import erased_until
from pipelines.ingest.validate.person_codes import PersonCodes
from pipelines.ingest.validate.place_codes import spans_of_values
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Bool, Int32, Int64
from pipelines.lake.forgotten import Forgotten
from pipelines.privacy.keys import Keys
from schemas.tables import INSTANT, LINKS


@dataclass(frozen=True)
class CodeLinks:
    """The links of a block of scans.

    Attributes:
        rows: columns of `links`, in the order of the scans.
        tokens: int64[d], their distinct persons.
        identifiers: the canonical identifiers of those.
    """

    rows: pa.Table
    tokens: Int64
    identifiers: list[bytes]


NO_LINKS = CodeLinks(LINKS.file_schema.empty_table(), np.empty(0, np.int64), [])


@dataclass(frozen=True)
class _PairsOfCodes:
    """The pairs of identifiers in the distinct codes of a block, code by code."""

    first: Int64  # of each code's pairs, and their end
    one: Int64
    other: Int64
    is_self: Bool
    source: list[str]


def code_links(
    codes: PersonCodes, code_ids: Int32, occurred_us: Int64, keys: Keys, forgotten: Forgotten
) -> CodeLinks:
    """Return the links that some scans show, but those with an erased person.

    Args:
        codes: the distinct codes of the block.
        code_ids: int32[n], the number of each scan's code, -1 for none.
        occurred_us: int64[n].
        keys: make tokens.
        forgotten: who was erased, and until when.
    """
    numbers: dict[bytes, int] = {}
    pairs = _pairs(codes, numbers)
    # Pairs of each scan's code; id -1, no code, picks the 0 appended last.
    count = np.append(np.diff(pairs.first), 0)[code_ids]
    scan = np.repeat(np.arange(code_ids.size), count)
    if not scan.size:
        return NO_LINKS
    # Counts from 0 within each scan, and so walks through the pairs of its code.
    within = np.arange(scan.size) - np.repeat(np.cumsum(count) - count, count)
    pair = pairs.first[code_ids[scan]] + within
    texts = list(numbers)
    spans = spans_of_values(texts)
    until_us = erased_until(spans, keys, forgotten)
    latest_us = np.maximum(until_us[pairs.one], until_us[pairs.other])
    # A link goes with either of its persons.
    kept = occurred_us[scan] > latest_us[pair]
    scan, pair = scan[kept], pair[kept]
    used = np.union1d(pairs.one[pair], pairs.other[pair])
    tokens = macs(spans, keys.token_key)
    rows = _rows(pairs, pair, tokens, [text.partition(b":")[0].decode() for text in texts], occurred_us[scan])
    return CodeLinks(rows, tokens[used], [texts[number] for number in used.tolist()])


def _pairs(codes: PersonCodes, numbers: dict[bytes, int]) -> _PairsOfCodes:
    """Join the strongest identifier of each code with the others; number the identifiers as they come."""
    ends, one, other = [0], [], []
    is_self: list[bool] = []
    source: list[str] = []
    for number, identifiers in enumerate(codes.identifiers):
        for beside, own in zip(identifiers[1:], codes.is_self[number][1:], strict=True):
            one.append(numbers.setdefault(identifiers[0], len(numbers)))
            other.append(numbers.setdefault(beside, len(numbers)))
            is_self.append(own)
            source.append(codes.source[number])
        ends.append(len(one))
    ends_of_pairs = np.array([one, other], np.int64)
    return _PairsOfCodes(
        np.array(ends), ends_of_pairs[0], ends_of_pairs[1], np.array(is_self, np.bool_), source
    )


def _rows(pairs: _PairsOfCodes, pair: Int64, tokens: Int64, kinds: list[str], seen_us: Int64) -> pa.Table:
    one, other = pairs.one[pair], pairs.other[pair]
    # A link has no direction: the smaller token comes first.
    swapped = tokens[one] > tokens[other]
    one, other = np.where(swapped, other, one), np.where(swapped, one, other)
    kind, source = pa.array(kinds), pa.array(pairs.source, pa.string())
    columns = {
        "event_id": pa.nulls(pair.size, pa.string()),
        "person_a": tokens[one],
        "kind_a": kind.take(pa.array(one)),
        "person_b": tokens[other],
        "kind_b": kind.take(pa.array(other)),
        "seen_at": pa.array(seen_us).cast(INSTANT),
        "source": source.take(pa.array(pair)),
        "self": pairs.is_self[pair],
    }
    return pa.table([columns[name] for name in LINKS.file_schema.names], schema=LINKS.file_schema)
