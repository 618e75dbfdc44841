"""The scans of the people in play, and the stays that some of them make.

Without a scan a stay can begin later, end earlier or later, or fall apart in two, so what remains is paired
again, by the rule that made the stays (`windowing.pairing`).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.tracing.stability.in_play import InPlay, StaysInPlay, overlaps_any
from pipelines.kernels.arrow_columns import codes_of, event_key_words
from pipelines.kernels.types import Int16, Int32, Int64, UInt8, UInt64
from pipelines.lake import Lake, LiveFile, read_live_file, read_table, snapshot
from pipelines.registry.registry import registry_from
from pipelines.times import DAY_US, day_text
from pipelines.windowing.lake_stay_rules import stay_rules_of
from pipelines.windowing.pairing import pair
from schemas.codes import DIRECTIONS, ENTER_KINDS, EXIT_KINDS
from schemas.stay_rules import StayRules
from schemas.tables import SCANS

_SCHEMA = pa.schema(
    [
        SCANS.schema.field(name)
        for name in ("event_key", "person", "venue", "zone", "direction", "occurred_at")
    ]
)
_THREADS = 2


class ScansInPlay(NamedTuple):
    """Scans at registered venues.

    Attributes:
        person: int64[n], ranks.
        venue: int64[n], hashes of codes.
        occurred_us: int64[n], microseconds UTC.
        high, low: uint64[n], the two words of the event key.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone: int32[n], the number of the zone, -1 for none.
        type_code: int16[n], of the venue.
        rules: the durations that the lake's stays are made with.
    """

    person: Int64
    venue: Int64
    occurred_us: Int64
    high: UInt64
    low: UInt64
    direction: UInt8
    zone: Int32
    type_code: Int16
    rules: StayRules

    def stays(self, play: InPlay, row: Int64, draw: Int64) -> tuple[StaysInPlay, Int64]:
        """Pair the scans of several draws.

        Args:
            play: the people in play.
            row: int64[k], positions of the scans that some draw keeps, once a draw.
            draw: int64[k], the draw of each.

        Returns:
            The stays, and the draw of each.
        """
        size = play.persons.size
        made = pair(
            self.person[row] + draw * size,
            self.venue[row],
            self.occurred_us[row],
            self.high[row],
            self.low[row],
            self.direction[row],
            self.zone[row],
            self.type_code[row],
            self.rules,
        )
        entered = made.enter_kind == ENTER_KINDS.index("scanned")
        left = made.exit_kind == EXIT_KINDS.index("scanned")
        venue = np.searchsorted(play.venues, made.venue)
        # No infector has a stay at the others.
        known = play.venues[np.minimum(venue, play.venues.size - 1)] == made.venue
        stays = StaysInPlay(
            made.person % size,
            venue,
            made.enter_us,
            made.exit_us,
            np.where(entered, np.where(left, made.exit_us, made.last_seen_us), made.enter_us),
            (entered & left).astype(np.uint8),
            made.stay_id,
            made.zone,
        )
        return stays.at(known), (made.person // size)[known]


def longest_stay_us(lake: Lake) -> int:
    """How far apart two scans of one stay can be at most, microseconds."""
    return int(stay_rules_of(lake).max_stay_us.max())


def scans_in_play(lake: Lake, play: InPlay, *, zoned: bool) -> ScansInPlay:
    """Read the scans that can change the stays in play.

    Args:
        lake: where.
        play: the people in play, with the stays within two longest stays of an infector's.
        zoned: whether zones matter.
    """
    rules = stay_rules_of(lake)
    margin_us = 2 * int(rules.max_stay_us.max())
    from_us = int(play.stays.enter_us.min(initial=2**62)) - margin_us
    until_us = int(play.stays.exit_us.max(initial=-(2**62))) + margin_us
    persons = pa.array(play.persons)

    def own(file: LiveFile) -> pa.Table:
        rows = read_live_file(file, _SCHEMA)
        return rows.filter(pc.is_in(rows["person"], persons))

    with ThreadPoolExecutor(_THREADS) as pool:
        read = [_SCHEMA.empty_table(), *pool.map(own, _files(lake, from_us, until_us))]
    rows = pa.concat_tables(read).combine_chunks()
    venue, occurred_us = rows["venue"].to_numpy(), rows["occurred_at"].cast(pa.int64()).to_numpy()
    person = np.searchsorted(play.persons, rows["person"].to_numpy())
    registry = registry_from(read_table(lake, "venues", ["venue", "type", "closed_at"]))
    type_code = registry.type_codes(venue, occurred_us)
    near = play.stays.person, play.stays.enter_us - margin_us, play.stays.exit_us + margin_us
    part = np.flatnonzero((type_code >= 0) & overlaps_any(person, occurred_us, occurred_us + 1, *near))
    keys: Any = rows["event_key"].combine_chunks()
    high, low = event_key_words(keys.chunk(0) if isinstance(keys, pa.ChunkedArray) else keys)
    zone = play.zones.numbers(rows["zone"]) if zoned else np.full(venue.size, -1, np.int32)
    return ScansInPlay(
        person=person[part],
        venue=venue[part],
        occurred_us=occurred_us[part],
        high=high[part],
        low=low[part],
        direction=codes_of(rows["direction"], DIRECTIONS)[part],
        zone=zone[part],
        type_code=type_code[part],
        rules=rules,
    )


def _files(lake: Lake, from_us: int, until_us: int) -> list[LiveFile]:
    """The files of the scans that stays were made from, on the dates of a span."""
    version = snapshot(lake, "stays").marks.get("scans_version")
    first, last = (day_text(max(at_us, 0) // DAY_US) for at_us in (from_us, until_us))
    newest = snapshot(lake, "scans")  # which is cached, an older one is read from the log
    reflected = newest if version in (None, newest.version) else snapshot(lake, "scans", version)
    return [file for file in reflected.files if first <= file.partition["date"] <= last]
