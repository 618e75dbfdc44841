"""Pair one bucket's scans before and after a change: stays to take out and stays to put in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import TimestampedValue

from pipelines.kernels.arrow_columns import zone_codes
from pipelines.kernels.sort import part_of_group, stable_order
from pipelines.kernels.types import Int64
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_SECONDS, DAY_US
from pipelines.windowing.dates import dates_touched, reaches_unread
from pipelines.windowing.find_long_pairs import NO_FINDINGS, PairFinder, PairFindings
from pipelines.windowing.pairing import PairedScans, Stays, differences, pair_scans
from pipelines.windowing.stay_rows import CHANGES, PUT_IN, TAKE_OUT
from schemas.codes import EXIT_KINDS
from schemas.stay_rules import StayRules

TALLY = "tally"
"""Tag of each bucket's counts."""

_PARTS_AT_MOST = 1 << 20  # packs (date, part) into one int64
_NEXT_SCAN = EXIT_KINDS.index("next_scan")


@dataclass(frozen=True)
class Tally:
    """What pairing a bucket brought, to be added up.

    >>> Tally.sum([Tally(persons=2, added=3), Tally(persons=1, removed=1)]).counts()
    {'persons': 3, 'added': 3, 'removed': 1, 'cut_short': 0, 'doubtful': 0}

    Attributes:
        persons: persons with a stay whose scans were paired again.
        added: stays to put in.
        removed: stays to take out.
        cut_short: stays put in that end at a scan elsewhere.
        doubtful: changed stays that a scan on an unread date could change. If there is one, the
            result is dropped and more dates are read.
        pairs: what was found of long pairs.
    """

    persons: int = 0
    added: int = 0
    removed: int = 0
    cut_short: int = 0
    doubtful: int = 0
    pairs: PairFindings = NO_FINDINGS

    @classmethod
    def sum(cls, tallies: Iterable["Tally"]) -> "Tally":
        """Add up all of them."""
        parts = list(tallies)
        totals = {name: sum(part.counts()[name] for part in parts) for name in cls().counts()}
        return cls(**totals, pairs=PairFindings.join(part.pairs for part in parts))

    def counts(self) -> dict[str, int]:
        """Return the numbers by name."""
        names = ("persons", "added", "removed", "cut_short", "doubtful")
        return {name: getattr(self, name) for name in names}


@dataclass
class FindChanges(ThreadedDoFn):
    """(person bucket, pieces) -> (0, ((by, part), Piece)), stamped with each date that the change touches.

    All elements share one key, so that grouping collects the window of a date. A
    date gets an element of order `person` only if stays that begin on it change; a
    stay that merely reaches into it changes its footfall alone.

    Attributes:
        unread: the dates that hold scans and were not read, ascending.
        buckets: number of person buckets, a power of two.
        parts: number of parts of a date, where it has more than one, a power of two.
        pairs: finds the changes of long pairs.
    """

    rules: StayRules
    unread: tuple[int, ...]
    buckets: int
    parts: dict[int, int]
    scratch: str
    pairs: PairFinder
    STEP: ClassVar[str] = "pair scans"
    UNIT: ClassVar[str] = "bucket"

    def work(self, element: tuple[int, Iterable[Piece]], *_: Any) -> Iterator[Any]:
        """Pair one bucket's scans as they were and as they are now, and spill the difference."""
        bucket, pieces = element
        # All scans of the bucket's changed persons, or of everybody in a rebuild, on the dates that are read.
        scans = read_pieces(pieces)
        zones, zone = zone_codes(scans["zone"])
        paired = self._pair(scans, zone, "type_after")
        # In a rebuild there is no before: all stays are put in.
        new, paired_before = paired.stays, None
        taken_out, put_in = np.empty(0, np.int64), np.arange(new.person.size)
        rows = []
        doubtful = 0
        if "type_before" in scans.column_names:
            # The same rows under the earlier types: a scan that the lake did not have counts as unregistered.
            paired_before = self._pair(scans, zone, "type_before")
            old = paired_before.stays
            taken_out, put_in = differences(old, new)
            doubtful = self._doubtful(old, taken_out) + self._doubtful(new, put_in)
            rows.append(_change_rows(old, taken_out, zones, TAKE_OUT))
        pairs = NO_FINDINGS
        # A doubtful bucket drops the whole attempt, so the rest of the work would be for nothing.
        if not doubtful:
            with report_errors(self.scratch):
                pairs = self.pairs.find(self.scratch, f"{bucket:06}", scans, paired_before, paired)
        rows.append(_change_rows(new, put_in, zones, PUT_IN))
        yield TaggedOutput(
            TALLY,
            Tally(
                persons=int((new.person[1:] != new.person[:-1]).sum()) + int(new.person.size > 0),
                added=put_in.size,
                removed=taken_out.size,
                cut_short=int((new.exit_kind[put_in] == _NEXT_SCAN).sum()),
                doubtful=doubtful,
                pairs=pairs,
            ),
        )
        if not doubtful:
            yield from self._by_date(bucket, pa.concat_tables(rows).combine_chunks())

    def _pair(self, scans: pa.Table, zone: npt.NDArray[np.int32], type_column: str) -> PairedScans:
        return pair_scans(
            scans["person"].to_numpy(),
            scans["venue"].to_numpy(),
            scans["occurred_us"].to_numpy(),
            scans["event_high"].to_numpy(),
            scans["event_low"].to_numpy(),
            scans["direction"].to_numpy(),
            zone,
            scans[type_column].to_numpy(),
            self.rules,
        )

    def _doubtful(self, stays: Stays, rows: Int64) -> int:
        """Count the stays that a scan on an unread date could change."""
        first_us, last_us = stays.first_seen_us[rows], stays.last_seen_us[rows]
        before_us, after_us = stays.reach_before_us[rows], stays.reach_after_us[rows]
        unread = np.array(self.unread, np.int64)
        return int(reaches_unread(first_us, last_us, before_us, after_us, unread).sum())

    def _by_date(self, bucket: int, rows: pa.Table) -> Iterator[Any]:
        enter_us = rows["enter"].to_numpy()
        # A row for each date that a stay touches; `row` points into `rows`.
        row, date = dates_touched(enter_us, rows["exit"].to_numpy())
        part = part_of_group(rows["venue"].to_numpy()[row], date, self.parts)
        order = stable_order(date, part)
        # Ascending, as `spill` wants its keys.
        row, key = row[order], (date * _PARTS_AT_MOST + part)[order]
        begins = enter_us[row] // DAY_US
        # Name pieces in the order of signed tokens, so that those of a date come almost sorted by person.
        name = f"changes-{(bucket + self.buckets // 2) % self.buckets:06}"
        start = 0
        for packed, piece in spill(self.scratch, name, rows, key, row):
            number, venue_part = divmod(packed, _PARTS_AT_MOST)
            # The timestamp is the date: the window of a day groups by it.
            yield TimestampedValue((0, (("venue", venue_part), piece)), number * DAY_SECONDS)
            # Pieces come in the order of the keys, so that of this one is the next `piece.rows` rows.
            if (begins[start : start + piece.rows] == number).any():
                for person_part in self._person_parts(bucket, number):
                    yield TimestampedValue((0, (("person", person_part), piece)), number * DAY_SECONDS)
            start += piece.rows

    def _person_parts(self, bucket: int, number: int) -> range:
        """Return the parts of a date with persons of the bucket: one, or several if buckets are few."""
        parts = self.parts.get(number, 1)
        # Buckets and parts are both ranges of unsigned tokens, powers of two of them.
        first = bucket * parts // self.buckets
        return range(first, max(first + 1, (bucket + 1) * parts // self.buckets))


def _change_rows(stays: Stays, rows: Int64, zones: pa.Array, change: int) -> pa.Table:
    # Codes point into the bucket's own dictionary; a negative one is no zone.
    zone = pa.array(stays.zone[rows], pa.int32(), mask=stays.zone[rows] < 0)
    columns = {
        "person": stays.person[rows],
        "venue": stays.venue[rows],
        "zone": pa.DictionaryArray.from_arrays(zone, zones),
        "enter": stays.enter_us[rows],
        "exit": stays.exit_us[rows],
        "enter_kind": stays.enter_kind[rows],
        "exit_kind": stays.exit_kind[rows],
        "last_seen": stays.last_seen_us[rows],
        "scans": stays.scans[rows],
        "stay_id": stays.stay_id[rows],
        "change": np.full(rows.size, change, np.int8),
    }
    return pa.table([columns[name] for name in CHANGES.names], schema=CHANGES)
