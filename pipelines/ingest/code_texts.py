"""The texts of venue codes that were scanned and are not registered.

`scans` holds the hash of a code alone. Without its text nobody could find the
poster or the misspelt registry, so it is kept for as long as the code is not
registered, unless it looks like the identifier of a person.
"""

from collections.abc import Callable, Sequence, Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.validate.scans import Parsed
from pipelines.lake import CommitConflict, Lake, commit, read_table, snapshot, write_data_file
from pipelines.privacy.personal_text import looks_personal
from pipelines.registry.registry import Registry
from pipelines.runtime.spill import Piece, read_pieces
from schemas.tables import UNREGISTERED_CODES

CODES_AT_MOST = 100_000
"""How many codes a batch, and a lake, keeps at most: a flood of made-up codes must not fill the lake."""


class CodeCollector:
    """Collects unregistered codes from blocks of scans, each once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: set[int] = set()

    def new_codes(self, parsed: Parsed) -> pa.Table:
        """Return the codes of scans in time that are neither registered nor collected before."""
        fresh = np.flatnonzero(~self._registry.holds(parsed.venues)).tolist()
        codes: dict[int, str] = {}
        for position in fresh:
            venue = int(parsed.venues[position])
            if venue not in self._seen and len(self._seen) < CODES_AT_MOST:
                # Also what looks personal, or each scan of it would be looked at again.
                self._seen.add(venue)
                code = parsed.venue_codes[position].decode()
                if not looks_personal(code):
                    codes[venue] = code
        rows = {"venue": list(codes), "venue_code": list(codes.values())}
        return pa.table(rows, schema=UNREGISTERED_CODES.schema)


def keep_codes(lake: Lake, pieces: Sequence[Piece], accepted: Set[int]) -> None:
    """Add the codes of a batch to those that the lake keeps.

    Args:
        lake: where.
        pieces: rows of `UNREGISTERED_CODES`, those of scans that were refused later included.
        accepted: the venues of accepted scans.

    Raises:
        DataError: a table cannot be read.
        ServiceError: the lake cannot be written.
    """
    if pieces:
        read = read_pieces(pieces).cast(UNREGISTERED_CODES.schema)
        # A code whose scans were all refused later is not kept.
        added = read.filter(pc.is_in(read["venue"], pa.array(sorted(accepted), pa.int64())))
        _replace(lake, lambda held: _distinct(pa.concat_tables([held, added])))


def forget_registered(lake: Lake) -> None:
    """Forget the codes that the registry has come to know; the same errors as `keep_codes`."""
    if snapshot(lake, UNREGISTERED_CODES.name).files:
        registered = read_table(lake, "venues", ["venue"])["venue"].combine_chunks()
        _replace(lake, lambda held: held.filter(pc.invert(pc.is_in(held["venue"], registered))))


def _distinct(rows: pa.Table) -> pa.Table:
    """Keep each code once, by hash, up to the limit."""
    # Ascending by hash, as the table is sorted; of too many the smallest stay.
    _, first = np.unique(rows["venue"].to_numpy(), return_index=True)
    return rows.take(pa.array(first[:CODES_AT_MOST]))


def _replace(lake: Lake, change: Callable[[pa.Table], pa.Table]) -> None:
    """Commit what a change makes of the table, unless it changes nothing."""
    name = UNREGISTERED_CODES.name
    # Another batch may change the table meanwhile: make the change again on what it left.
    while True:
        before = snapshot(lake, name)
        held = read_table(lake, name, version=before.version)
        rows = change(held).combine_chunks()
        if rows.equals(held.combine_chunks()):
            return
        files = [write_data_file(lake, UNREGISTERED_CODES, {}, rows)] if rows.num_rows else []
        try:
            commit(lake, name, files, remove=before.files, after=before.version)
        except CommitConflict:
            continue
        return
