"""Files into the lake, and the stays that follow from them: what `truyvet run` does."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.drivers.new_lake import new_lake_notes, open_or_create
from pipelines.drivers.recompute import bring_up_to_date
from pipelines.errors import UsageError
from pipelines.ingest.batch import (
    BatchInputs,
    BatchJob,
    settings_for,
)
from pipelines.ingest.formats.discovery.discover import InputFiles, list_inputs
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.ingest.refused.input_findings import batch_notes
from pipelines.ingest.refused.receipt_ages import ReceiptAges
from pipelines.ingest.refused.rejects_file import check_rejects_file, write_rejects_file
from pipelines.lake import Lake, snapshot, storage
from pipelines.linkage.read_links import humans_in
from pipelines.privacy.keys import load_keys
from pipelines.terminal.options import keys_folder
from pipelines.windowing.lake_stay_rules import check_stay_rules


@dataclass(frozen=True)
class Report:
    """What became of a batch; received = accepted + duplicate + rejected.

    Attributes:
        received: scans read, refused ones included.
        accepted: scans that are new to the lake.
        duplicate: repeats of an accepted scan.
        rejected: scans refused.
        unregistered: accepted scans of a venue that is not registered, or was closed by then.
        reasons: refused scans by reason.
        others: the same counts for each other input that was given; of links also `shared`, how many links
            of the lake are refused because they would merge two people.
        scans_version: the newest version of `scans`.
        stays_version: the version of `scans` that `stays` reflects.
        notes: what a user should read: that the lake is new, files that were not read, columns that
            are not known, how many records were refused, why, and where the first one is, cells that
            were left out, and rows that differ.
    """

    received: int
    accepted: int
    duplicate: int
    rejected: int
    unregistered: int
    reasons: dict[str, int]
    others: dict[str, dict[str, Any]]
    scans_version: int
    stays_version: int
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, Any]:
        """Return everything but the notes, as `truyvet run` prints it."""
        counts = asdict(self)
        del counts["notes"]
        return counts


def run(
    lake: str,
    scans: Sequence[str] = (),
    *,
    venues: Sequence[str] = (),
    cases: Sequence[str] = (),
    encounters: Sequence[str] = (),
    declarations: Sequence[str] = (),
    links: Sequence[str] = (),
    encounters_epoch_us: int = 0,
    keys: str | None = None,
    now_us: int | None = None,
    max_age_days: float = MAX_AGE_DAYS,
    max_ahead_days: float = MAX_AHEAD_DAYS,
    runner: str = "direct",
    create: bool = False,
    rejects: str | None = None,
) -> Report:
    """Bring files into a lake, which is made if it does not exist, and recompute what they change.

    Args:
        lake: folder or URL.
        scans: files, folders, globs or URLs of scans.
        venues: the same of the registry.
        cases: the same of cases.
        encounters: the same of encounters, and SocioPatterns files (`.dat`, `.dat.gz`).
        declarations: the same of health declarations.
        links: the same of links between two identifiers of a person.
        encounters_epoch_us: the instant that the times of SocioPatterns files count from, microseconds UTC.
        keys: folder of the keys; None is `LAKE.keys`.
        now_us: the instant that ages are measured from, microseconds UTC; None is the time of receipt.
        max_age_days: older scans, encounters, declarations and links are refused.
        max_ahead_days: those further ahead are refused.
        runner: a name of `runner.RUNNERS`.
        create: make the lake also when neither scans nor venues nor cases are given.
        rejects: a file that gets the input, file, row and reason of every refused record.

    Raises:
        UsageError: a flag is wrong, nothing was given, or `rejects` cannot be written.
        DataError: an input cannot be read and nothing is committed, or there is no lake to add to.
        RefusedError: other keys, or other durations of stays.
        ServiceError: the lake cannot be written.
    """
    # The one instant at which the whole batch counts as received.
    received_us = time.time_ns() // 1000
    upserted = {"venues": venues, "cases": cases}
    by_date = {"encounters": encounters, "declarations": declarations, "links": links}
    if not scans and not any((upserted | by_date).values()):
        raise UsageError("there is no input", "name files with --scans, --venues, --cases or --encounters")
    if rejects is not None:  # fail before a long run, not after it
        check_rejects_file(rejects)
    paths = {"scans": scans, **upserted, **by_date}
    # Listed before the lake is opened: a mistyped path must not leave a new lake behind.
    files = {name: list_inputs(given) for name, given in paths.items() if given}
    inputs = BatchInputs(
        scans=files.get("scans", InputFiles()).chunks,
        upserted={name: files[name].chunks for name in upserted if name in files},
        dated={name: files[name].chunks for name in by_date if name in files},
        epoch_us=encounters_epoch_us,
    )
    folder = keys_folder(keys, lake)
    opened = open_or_create(lake, folder, create=create or bool(scans or venues or cases))
    now_us = received_us if now_us is None else now_us
    settings = settings_for(load_keys(folder), now_us, max_age_days, max_ahead_days)
    # Refuse here, or the batch would be committed and its stays could not be computed.
    check_stay_rules(opened)
    # Asked before the batch, since the lake is not new afterwards.
    notes = new_lake_notes(opened, folder)
    job = BatchJob(
        opened,
        settings,
        inputs,
        received_us,
        ages=ReceiptAges(now_us),
        runner=runner,
        list_refused=rejects is not None,
    )
    with _background_removal() as remove:
        landed = job.land(remove)
        if rejects is not None:
            # Before the stays: if those fail, the list of refused records exists all the same.
            write_rejects_file([landed.findings[name] for name in files], rejects)
        recomputed = bring_up_to_date(opened, runner=runner)
    # The newest version, for another run may have ended meanwhile and be in the stays too.
    return Report(
        **landed.result.counts().report(),
        unregistered=landed.result.unregistered,
        others=_with_shared(opened, landed.result.others),
        scans_version=snapshot(opened, "scans").version,
        stays_version=recomputed.stays_version,
        notes=(*notes, *batch_notes(files, landed.received(), landed.findings), *landed.notes),
    )


def _with_shared(lake: Lake, others: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Add how many links of the lake are refused, where the batch brought links."""
    if "links" not in others:
        return others
    return {**others, "links": {**others["links"], "shared": humans_in(lake).shared}}


@contextmanager
def _background_removal() -> Iterator[Callable[[str], object]]:
    """Delete scratch folders on a background thread (1 GB takes about 0.5 s)."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda folder: pool.submit(storage.remove_all, folder)
