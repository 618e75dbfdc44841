"""Write accepted scans and sealed identifiers as files that a commit can name."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from pipelines import metrics
from pipelines.ingest.commit import Upsert
from pipelines.ingest.refused.receipt_ages import ReceiptAges
from pipelines.ingest.refused.rejects import reject_rows, write_rejects
from pipelines.kernels.arrow_columns import event_key_column, texts_of
from pipelines.kernels.group_by import changes
from pipelines.kernels.sort import order_by
from pipelines.lake import DataFile, Lake, read_table, write_data_file
from pipelines.privacy.keys import Keys
from pipelines.privacy.vault import Sealer
from pipelines.registry.registry import Registry
from pipelines.registry.unregistered_scans import write_unregistered
from pipelines.runtime.spill import Piece, read_pieces
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import day_text
from schemas.codes import AUTHENTICITIES, DIRECTIONS, SCAN_MODES
from schemas.tables import INSTANT, SCANS, VAULT


@dataclass(frozen=True)
class WrittenScans:
    """A file of `scans`, and what is counted of it.

    Attributes:
        file: itself.
        unregistered: how many of its scans are of a venue that is not registered, or had closed.
        ages: how many are of each age, see `ReceiptAges.by_class`.
        late: how many are late.
        unknown_venues: its venues that are not registered at all, ascending.
    """

    file: DataFile
    unregistered: int
    ages: dict[str, int]
    late: int
    unknown_venues: tuple[int, ...] = ()


@dataclass
class WriteScans(ThreadedDoFn):
    """((day, part), pieces) -> WrittenScans."""

    lake: Lake
    registry: Registry
    received_us: int
    ages: ReceiptAges
    scratch: str
    STEP: ClassVar[str] = "write scans"
    UNIT: ClassVar[str] = "file"

    def work(self, element: tuple[tuple[int, int], Iterable[Piece]], *_: Any) -> Iterator[WrittenScans]:
        """Sort and write the new scans of one part of a day."""
        (day, _part), pieces = element
        rows = read_pieces(pieces)
        venue, occurred_us = rows["venue"].to_numpy(), rows["occurred_us"].to_numpy()
        # Event keys differ within a day, so the file does not depend on the order of the input.
        order = order_by(venue, occurred_us, rows["event_high"].to_numpy(), rows["event_low"].to_numpy())
        scans = scan_rows(rows.take(pa.array(order)), self.received_us)
        file = write_data_file(self.lake, SCANS, {"date": day_text(day)}, scans)
        unregistered = write_unregistered(self.lake, file, scans, self.registry)
        ordered = venue[order]
        distinct = ordered[changes(ordered)]
        # Closed venues are unregistered too, but the registry knows their codes.
        unknown = distinct[~self.registry.holds(distinct)].tolist()
        ages, late = self.ages.by_class(occurred_us), self.ages.late(occurred_us)
        written = WrittenScans(file, unregistered, ages, late, tuple(unknown))
        self.count_file(file)
        self._count(written)
        yield written

    def _count(self, written: WrittenScans) -> None:
        self.count(metrics.UNREGISTERED, written.unregistered)
        self.count(metrics.LATE, written.late)
        for age, number in written.ages.items():
            self.count(metrics.accepted_at_age(age), number)


def scan_rows(parsed: pa.Table, received_us: int) -> pa.Table:
    """Return parsed scans as rows of the table `scans`, in the order given."""
    high, low = (parsed[name].to_numpy() for name in ("event_high", "event_low"))
    columns = {
        "event_key": event_key_column(high, low),
        "person": parsed["person"],
        "venue": parsed["venue"],
        "zone": parsed["zone"].cast(pa.string()),
        "direction": texts_of(parsed["direction"].to_numpy(), DIRECTIONS),
        "occurred_at": parsed["occurred_us"].cast(INSTANT),
        "scan_mode": texts_of(parsed["scan_mode"].to_numpy(), SCAN_MODES),
        "scanner": parsed["scanner"],
        "authenticity": texts_of(parsed["authenticity"].to_numpy(), AUTHENTICITIES),
        "received_at": pa.array(np.full(high.size, received_us)).cast(INSTANT),
    }
    return pa.table([columns[name] for name in SCANS.file_schema.names], schema=SCANS.file_schema)


@dataclass
class WriteVault(ThreadedDoFn):
    """(share, pieces of sealed identifiers) -> DataFile of those that the vault lacks."""

    lake: Lake
    scratch: str

    def work(self, element: tuple[int, Iterable[Piece]], *_: Any) -> Iterator[DataFile]:
        """Write one share of the batch's new persons, each once."""
        rows = read_pieces(element[1])
        fresh = new_persons(self.lake, rows)
        if fresh.num_rows:
            file = write_data_file(self.lake, VAULT, {}, fresh)
            self.count_file(file)
            yield file


def new_persons(lake: Lake, sealed: pa.Table) -> pa.Table:
    """Return the rows of `sealed` whose person the vault lacks, each once, sorted."""
    held = read_table(lake, "vault", ["person"])["person"].to_numpy()
    # Another chunk, or a bundle that was retried, may have sealed the same person.
    persons, first = np.unique(sealed["person"].to_numpy(), return_index=True)
    return sealed.take(pa.array(first[~np.isin(persons, held)])).combine_chunks()


def write_other_files(
    lake: Lake, keys: Keys, upserts: Sequence[Upsert], received_us: int
) -> dict[str, tuple[DataFile, ...]]:
    """Write what the inputs beside scans refuse and seal as files of `rejects` and `vault`."""
    rejects, sealed = [], [VAULT.schema.empty_table()]
    sealer = Sealer(keys.authority_public)
    for given in upserts:
        other = given.other
        if other.refused:
            reasons, digests = zip(*other.refused, strict=True)
            rows = reject_rows(
                given.source.name, pa.array(reasons), pa.array(digests, pa.binary()), received_us
            )
            rejects.append(write_rejects(lake, rows, received_us))
        sealed.append(sealer.seal(other.tokens, other.identifiers))
    fresh = new_persons(lake, pa.concat_tables(sealed))
    vault = (write_data_file(lake, VAULT, {}, fresh),) if fresh.num_rows else ()
    return {"rejects": tuple(rejects), "vault": vault}
