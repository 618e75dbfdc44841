"""Records that were refused for their time and delivered again: accepted, they no longer count as refused.

A record that is too old or too new can be accepted later, with `--now` or when its day has come. All that
`rejects` keeps of it is the digest of its bytes, and to digest every accepted record in case it is one of
these would cost a tenth of the whole ingest (0.3 µs a record). So the table `retries` keeps the first 8
bytes of the event key of each record that is refused for its time. Only an accepted record with such a key
is digested, and where `rejects` holds the digest, `retries` says that it was accepted.

Pure functions but for the two that read the lake; the steps of the pipeline call them.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64, UInt8
from pipelines.lake import DataFile, Lake, OfNewest, Snapshot, read_table, write_data_file
from pipelines.times import DAY_US, day_text
from schemas.tables import INSTANT, RETRIES

KIND_REFUSED, KIND_ACCEPTED = "refused", "accepted"
"""The kinds of rows: `hash` begins an event key, or a digest."""

TIMED_EVENT, ACCEPTED_SINCE = 254, 255
"""Codes in the place of a reason's, of rows that travel with the refused ones and go to `retries`."""

_HEAD_BYTES = 8
_NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True)
class Heads:
    """The first 8 bytes of the digests of an input's refused or accepted records, each once.

    Example:
        >>> refused, accepted = Heads(np.array([1, 2]), np.array([5, 5])), Heads(np.array([2]), np.array([9]))
        >>> accepted.after(refused).tolist()
        [True]

    Attributes:
        head: int64[n], ascending.
        last_us: int64[n], when the record was last received, microseconds UTC.
    """

    head: Int64
    last_us: Int64

    def after(self, other: "Heads") -> Bool:
        """Tell which of these were last received later than the same record in `other`; bool[n]."""
        at = np.searchsorted(other.head, self.head)
        # An index past the end becomes 0; the comparison below still tells that it is not there.
        at[at == other.head.size] = 0
        known = other.head[at] == self.head if other.head.size else np.zeros(self.head.size, np.bool_)
        return known & (self.last_us > other.last_us[at]) if other.head.size else known


NO_HEADS = Heads(_NOTHING, _NOTHING)


def heads_of(digest: pa.Array | pa.ChunkedArray) -> Int64:
    """Return the first 8 bytes of each digest, big-endian and signed, int64[n].

    Example:
        >>> heads_of(pa.array([bytes([255] * 32), bytes(32)], pa.binary())).tolist()
        [-1, 0]
    """
    # A new array, so its bytes lie one behind another from the first on.
    heads = pc.binary_slice(digest, 0, _HEAD_BYTES)
    whole = heads.combine_chunks() if isinstance(heads, pa.ChunkedArray) else heads
    return np.frombuffer(whole.buffers()[2] or b"", ">i8", count=len(whole)).astype(np.int64)


def retried(event: Int64, fault: UInt8, watched: Int64) -> Int64:
    """Find the rows that pass the time check and whose event was refused for its time before; positions.

    Args:
        event: int64[n], the beginning of each row's event key.
        fault: uint8[n], the reason code of the time check, 0 where a row passes it.
        watched: int64[w], of the refused events, ascending.
    """
    if not watched.size:
        return _NOTHING
    at = np.searchsorted(watched, event)
    at[at == watched.size] = 0
    return np.flatnonzero((watched[at] == event) & (fault == 0))


def head_bytes(head: Int64) -> list[bytes]:
    """Pack numbers as bytes, in which they travel among digests; `heads_of` unpacks them."""
    data = head.astype(">i8").tobytes()  # of the whole: an element would come out in the machine's own order
    return [data[start : start + _HEAD_BYTES] for start in range(0, len(data), _HEAD_BYTES)]


def watched_events(lake: Lake, source: str) -> Int64:
    """Return the events of an input that were refused for their time, int64[w], ascending."""
    return _retries(lake).get((KIND_REFUSED, source), NO_HEADS).head


def count_refused(lake: Lake) -> dict[str, int]:
    """Count the refused records of each input (`scans`, `cases`, `encounters` …), each once.

    A record is its bytes: delivered five times it is one. One that was refused for its time and accepted
    later does not count, unless it has been refused again after that.
    """
    return {source: heads.size for source, heads in still_refused(lake).items()}


def still_refused(lake: Lake) -> dict[str, Int64]:
    """Return the heads, ascending, of the records of each input that were refused and not accepted since."""
    found = {}
    for source, refused in _refused(lake).items():
        accepted = _retries(lake).get((KIND_ACCEPTED, source), NO_HEADS)
        # Refused once more after that, it counts again.
        taken_back = accepted.head[accepted.after(refused)]
        found[source] = refused.head[~np.isin(refused.head, taken_back)]
    return found


def retry_rows(kind: str, source: str, hashes: Int64, received_us: int) -> pa.Table:
    """Build rows of the table `retries`, each hash once."""
    head = np.unique(hashes)
    columns = {
        "kind": pa.repeat(pa.scalar(kind), head.size),
        "source": pa.repeat(pa.scalar(source), head.size),
        "hash": column(head),
        "received_at": column(np.full(head.size, received_us)).cast(INSTANT),
    }
    return pa.table([columns[name] for name in RETRIES.file_schema.names], schema=RETRIES.file_schema)


def write_retries(lake: Lake, rows: pa.Table, received_us: int) -> DataFile:
    """Write one file of `retries`, in the partition of the day received."""
    ordered = rows.sort_by([(name, "ascending") for name in RETRIES.sorted_by])
    return write_data_file(lake, RETRIES, {"date": day_text(received_us // DAY_US)}, ordered)


def _by_source(lake: Lake, _newest: Snapshot) -> dict[tuple[str, str], Heads]:
    rows = read_table(lake, "retries", ["kind", "source", "hash", "received_at"])
    kinds = pc.binary_join_element_wise(rows["kind"], rows["source"], ".")
    found = _grouped(kinds, rows["hash"].to_numpy(), rows["received_at"])
    return {(name.partition(".")[0], name.partition(".")[2]): heads for name, heads in found.items()}


def _by_input(lake: Lake, _newest: Snapshot) -> dict[str, Heads]:
    rows = read_table(lake, "rejects", ["source", "digest", "received_at"])
    return _grouped(rows["source"], heads_of(rows["digest"]), rows["received_at"])


def _grouped(names: pa.ChunkedArray, head: Int64, received_at: pa.ChunkedArray) -> dict[str, Heads]:
    """Group the heads by name, with the last time of each."""
    group = names.combine_chunks().dictionary_encode()
    code, received_us = group.indices.to_numpy(), received_at.cast(pa.int64()).to_numpy()
    return {
        name: _last(head[code == number], received_us[code == number])
        for number, name in enumerate(group.dictionary.to_pylist())
    }


def _last(head: Int64, received_us: Int64) -> Heads:
    # By head, then by time: the last of a run is the last time.
    order = np.lexsort((received_us, head))
    head, received_us = head[order], received_us[order]
    last = np.append(head[1:] != head[:-1], True)[: head.size]
    return Heads(head[last], received_us[last])


_retries = OfNewest("retries", _by_source)
_refused = OfNewest("rejects", _by_input)
