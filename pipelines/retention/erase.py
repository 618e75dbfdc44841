"""Erase: forget persons, and refuse their records up to then from then on."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.errors import UsageError
from pipelines.ingest.events import DATED
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, LakeLike, LiveFile, open_lake, snapshot
from pipelines.lake.forgotten import Forgotten, read_forgotten, write_forgotten
from pipelines.lake.lake_root import readable_keys
from pipelines.lake.read_rows import read_live_file
from pipelines.lake.writer_lock import writing_alone
from pipelines.linkage.read_links import humans_in
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import Keys, erasure_hash, linked_hash, token
from pipelines.privacy.ledger import Asker, Question, record
from pipelines.privacy.list_key import load_list_key
from pipelines.retention.active_case import check_active
from pipelines.retention.forget import PERSONS, forget
from pipelines.retention.receipt import check_gone, check_receipt, check_store, receipt, write_receipt
from pipelines.retention.remove_rows import Removal
from pipelines.terminal.options import keys_folder
from pipelines.windowing.lake_stay_rules import check_stay_rules
from schemas.tables import ALL_TABLES

_BEGINS = {"scans": "occurred_at", **{name: source.begins for name, source in DATED.items()}}


@dataclass(frozen=True)
class Erased:
    """What an erasure removed.

    >>> Erased(persons=1, removed={"scans": 0}).persons
    1

    Attributes:
        persons: how many identifiers, named or linked to one that is.
        removed: how many rows went, by table of what was received, and of the vault.
    """

    persons: int
    removed: Mapping[str, int] = field(default_factory=dict)


def erase(
    lake: LakeLike,
    person: str | Sequence[str],
    *,
    linked: bool = False,
    request: str = "",
    decision: str = "",
    receipt_file: str | Path | None = None,
    keys: str | Path | None = None,
    now_us: int | None = None,
    asker: Asker | None = None,
    runner: str = "direct",
) -> Erased:
    """Forget persons: the lake is then as if it had never received their records.

    Records of them up to the erasure are refused as `erased` when they are delivered again; later ones
    are accepted. Killed anywhere, it finishes when called again; called once more, it changes nothing.

    Args:
        lake: the lake, or where it lies.
        person: `KIND:VALUE`, or several.
        linked: whether to forget every other identifier that links show to be of the same person.
        request: a reference of the request, for the ledger and the receipt.
        decision: a reference of the decision by which persons of an active case may be erased.
        receipt_file: gets a signed receipt; its signature lies beside it as `….sig`.
        keys: folder of the keys; None is `LAKE.keys`.
        now_us: the instant of the erasure, microseconds UTC; None is now.
        asker: who asks and why, for the ledger; None is the account of the operating system.
        runner: the name of the Beam runner.

    Raises:
        UsageError: an identifier is malformed, or the receipt cannot be written.
        RefusedError: a person is needed for an active case and no decision is named, the lake is being
            written, it was made with other keys, or the ledger cannot be written.
        DataError: there is no lake, or a file is damaged.
        ServiceError: the lake cannot be written.
    """
    # Two spellings of one identifier count once.
    canonical = sorted({canonical_person(one) for one in ([person] if isinstance(person, str) else person)})
    if not canonical:
        raise UsageError("--person is missing", "write --person phone:0905123456")
    url = lake.url if isinstance(lake, Lake) else str(lake)
    folder = keys_folder(None if keys is None else str(keys), url)
    where = open_lake(url, folder)
    held = readable_keys(folder)
    # Cheap refusals come before the line in the ledger.
    signer = load_list_key(folder)
    if receipt_file is not None:
        check_receipt(where, Path(receipt_file))
    check_stay_rules(where)
    references = {name: text for name, text in (("request", request), ("decision", decision)) if text}
    said = {**references, "persons": len(canonical), **({"linked": True} if linked else {})}
    # The line is on the disk before any row is read; the receipt names the head after it.
    head = record(where.url, Question("erase", (), None, snapshot(where, "scans").version, said), asker)
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    named = np.array([token(held, one) for one in canonical], np.int64)
    with writing_alone(where):
        # Under the lock, so that no batch adds links meanwhile.
        persons = humans_in(where).together_with(named) if linked else named
        if not decision:
            # `check_active` traces over stays, which may lag behind the scans.
            bring_up_to_date(where, runner=runner)
            check_active(where, set(persons.tolist()), now_us)
        # Known only through links: their text is unknown here, so they are refused by token.
        unnamed = np.setdiff1d(persons, named)
        # From here on the same command finishes what a kill interrupts.
        number = _suppressed(where, held, canonical, unnamed, now_us).number
        removed = forget(where, number, _removals(persons), runner)
        if receipt_file is not None:
            # Signed only after every table has been searched once more.
            check_gone(where, persons)
            check_store(where)  # once more: somebody may have turned versioning on meanwhile
            signed = receipt(
                where, removed, persons=persons.size, references=references, head=head, key=signer
            )
            write_receipt(Path(receipt_file), signed, signer)
    return Erased(int(persons.size), removed)


def _suppressed(lake: Lake, keys: Keys, canonical: Sequence[str], unnamed: Int64, now_us: int) -> Forgotten:
    """Write down, before a row goes, that the records of persons are refused from now on.

    A person whose record is there already and of whom no row is left is not written down again: then an
    erasure is finished, or changes nothing.
    """
    held = forgotten = read_forgotten(lake)
    named = {token(keys, one): erasure_hash(keys, one.encode()) for one in canonical}
    latest_us = _latest_us(lake, np.array([*named, *unnamed.tolist()], np.int64))
    # Of a record ahead of its time too: all that is removed is refused when it comes again.
    for person, hashed in named.items():
        if person in latest_us or hashed not in held.erased:
            forgotten = forgotten.erase(hashed, max(now_us, latest_us.get(person, now_us)))
    for person in unnamed.tolist():
        until_us = max(now_us, latest_us.get(person, now_us))
        forgotten = forgotten.erase_linked(linked_hash(keys, person), until_us)
    if forgotten.number != held.number:
        write_forgotten(lake, forgotten)
    return forgotten


def _latest_us(lake: Lake, persons: Int64) -> dict[int, int]:
    """Return the latest instant of the records of each person who has one; a case counts as 0."""
    latest: dict[int, int] = {}
    for name, removal in _removals(persons).items():
        assert removal.goes is not None
        dated = (_BEGINS[name],) if name in _BEGINS else ()
        # A case has several dates, so it has no entry in `_BEGINS`.
        schema = pa.schema([ALL_TABLES[name].schema.field(column) for column in (*PERSONS[name], *dated)])
        for file in filter(removal.holds, snapshot(lake, name).files):
            rows = read_live_file(file, schema)
            found = rows.filter(pa.array(removal.goes(rows)))
            begins = found[_BEGINS[name]].cast(pa.int64()).to_numpy() if name in _BEGINS else None
            for held in (found[column].to_numpy() for column in PERSONS[name]):
                for person in np.intersect1d(held, persons).tolist():  # the other of a pair may be anybody
                    at_us = 0 if begins is None else int(begins[held == person].max())
                    latest[person] = max(latest.get(person, 0), at_us)
    return latest


def _removals(persons: Int64) -> dict[str, Removal]:
    """Return which rows of the tables of what was received go: those of the persons, on either side."""
    return {name: _removal(columns, persons) for name, columns in PERSONS.items()}


def _removal(columns: tuple[str, ...], persons: Int64) -> Removal:
    def holds(file: LiveFile) -> bool:
        """Bounds of tokens are wide, so most files may."""
        return any(
            # Scalar bounds against int64[k]: true if any of the persons may be in the file.
            bool(((file.stats.least[name] <= persons) & (persons <= file.stats.greatest[name])).any())
            for name in columns
        )

    def goes(rows: pa.Table) -> Bool:
        found: Bool = np.logical_or.reduce([np.isin(rows[name].to_numpy(), persons) for name in columns])
        return found

    return Removal(holds, goes)
