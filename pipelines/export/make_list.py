"""Make an exposure list: ask, join, write, read back, sign."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import __version__
from pipelines.answer import started
from pipelines.export.behind_rows import milestones_of, names_by_code, people_at, public_stays, stays_behind
from pipelines.export.earlier_list import changes, of_known_humans, read_earlier
from pipelines.export.exposure_list import WITHDRAWN, ExposureList, ListSettings, WrittenFile
from pipelines.export.formats import Beside, write_format
from pipelines.export.interchange.godata import earlier_contacts
from pipelines.export.list_folder import new_list_folder
from pipelines.export.list_question import AskedList, ListOptions, ask_for_list
from pipelines.export.list_rows import list_rows
from pipelines.export.manifest import Manifest, listed
from pipelines.export.pages.notice import PublicSpan, published
from pipelines.export.pages.quality_words import human_sentences, quality_sentences
from pipelines.export.pages.report import MOST_LANES
from pipelines.export.pages.wording import wording
from pipelines.export.register import Register, of_humans, read_register
from pipelines.export.reveal import Revealed, revealed
from pipelines.export.signing import fingerprint, write_manifest, write_public
from pipelines.graph.cases import cases_by_id
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.trace import trace_rows, with_calls
from pipelines.lake import LakeLike, snapshot
from pipelines.linkage.human_lake import human_notes, human_of
from pipelines.privacy.ledger import Asker
from pipelines.registry.venue_names import places
from pipelines.terminal.output import counted, utc_text
from pipelines.times import EPOCH, LOCAL_TIMEZONE, Instant
from schemas.rules import DEFAULT_RULE, rule_file


@dataclass(frozen=True)
class ExportedList:
    """A list that was written.

    Attributes:
        folder: where it lies.
        manifest: what was signed.
        notes: what must be said beside it, a line each.
    """

    folder: Path
    manifest: Manifest
    notes: Sequence[str]


def export(
    lake: LakeLike,
    case: str | Sequence[str] = (),
    rule: str = DEFAULT_RULE,
    *,
    output: str | Path,
    all_cases: bool = False,
    depth: int | None = None,
    until: Instant | None = None,
    keys: str | Path | None = None,
    options: ListOptions | None = None,
    asker: Asker | None = None,
    created: dt.datetime | None = None,
) -> ExportedList:
    """Write a signed exposure list.

    Args:
        lake: the lake, or where it lies.
        case: the number of a case, or of several.
        rule: a rule pack, by id or path.
        output: the folder of the list; new or empty.
        all_cases: every case that has not been withdrawn and has a date.
        depth: the last tier; None is the rule's `max_tier`.
        until: how far the question reaches; None is the lake's last instant.
        keys: the folder of the keys, by default `LAKE.keys`.
        options: how the list is made.
        asker: who asks, for the ledger.
        created: when; by default now.

    Raises:
        UsageError: the question or an option is malformed, or the folder holds something.
        DataError: a case, a key file, the register or the earlier list is missing or damaged.
        RefusedError: the ledger cannot be written, the earlier list is signed by another key, or
            the lake was made with other keys.
        ServiceError: the disk is full, read-only or forbidden.
    """
    # Checks, keys and the ledger's line; nothing is computed before.
    asked = ask_for_list(
        lake, case, rule, Path(output), all_cases=all_cases, depth=depth, until=until, keys=keys,
        options=options or ListOptions(), asker=asker, created=created,
    )  # fmt: skip
    made, earlier, notes = _list_of(asked)
    spans, spans_left_out = _spans(asked)
    beside = Beside(
        asked.options.sormas,
        asked.keys.event_key,
        None if earlier is None else earlier_contacts(earlier),
        spans,
        spans_left_out,
    )
    # From here on files are written; any error removes the folder.
    with new_list_folder(Path(output)) as folder:
        # Each format is read back at once, so a wrong file is found before anything is signed.
        by_format = {name: write_format(name, made, folder, beside) for name in asked.formats}
        manifest = _manifest(asked, rule, made, folder, by_format)
        # The manifest last: it names every file by its bytes.
        write_manifest(folder, manifest, asked.signer)
    said = [note for files in by_format.values() for file in files for note in file.notes]
    return ExportedList(Path(output), manifest, [*notes, *said, *_counts_left_out(manifest)])


def _list_of(asked: AskedList) -> tuple[ExposureList, pa.Table | None, list[str]]:
    """The list, the rows of the earlier one, and what is to be said of them."""
    where, request, options = asked.lake, asked.request, asked.options
    notes = list(request.notes())
    # Starts on a thread beside the trace; it is waited for where `stated` is made.
    quality = started(lambda: request.list_quality(where), eager=True)
    traced = trace_rows(where, request)
    # The cases too: the notes say which people of the answer have several identifiers.
    people = np.concatenate((traced["person"].to_numpy(), request.persons()))
    notes += human_notes(where, people)
    if options.capacity is not None:
        traced = with_calls(traced, options.capacity)
    # The register and the vault, both joined by token.
    register, register_notes = _register(asked)
    settings = _settings(asked)
    # Opened after the ledger's line, and only when it was asked for.
    opened = Revealed()
    if options.reveal and options.authority_key is not None:
        opened = revealed(where, traced["person"].to_numpy(), options.authority_key)
    rows = list_rows(
        traced,
        asked.cases,
        names_by_code(where),
        settings,
        request.until_us,
        opened.identifier,
        register.people,
    )
    # Since the earlier list: what is new, changed or gone.
    rows, withdrawn, earlier, earlier_notes = _compared(asked, rows)
    # Whom the vault does not hold cannot be called: that is said beside the list.
    if options.reveal and len(opened.identifier) < rows.num_rows:
        missing = rows.num_rows - len(opened.identifier)
        notes.append(f"the vault does not hold {counted(missing, 'person')} of the list")
    persons = rows["person"].to_pylist()
    # The statement of quality counts this list's people.
    stated = replace(quality(), found=rows.num_rows)
    made = ExposureList(
        rows=rows,
        phones=[register.people[one].phone if one in register.people else "" for one in persons],
        stays=_stays(asked, traced),
        known_cases=frozenset(one.person for one in cases_by_id(where).values()),
        milestones=milestones_of(where, asked.cases),
        withdrawn=withdrawn,
        cases=asked.cases,
        rule=request.rule,
        depth=request.depth,
        until_us=request.until_us,
        lake_version=snapshot(where, "scans").version,
        created=asked.created,
        expires=asked.created + dt.timedelta(days=options.expires_days),
        about=[
            *quality_sentences(stated, rows.num_rows, settings.words, settings.zone),
            *human_sentences(where, people, settings.words),
        ],
        settings=settings,
        opened=opened.opened,
    )
    lines = [*stated.lines()]
    return made, earlier, [*notes, *register_notes, *earlier_notes, *lines]


def _settings(asked: AskedList) -> ListSettings:
    options = asked.options
    return ListSettings(
        words=wording(options.lang),
        separator=options.separator,
        revealed=options.reveal,
        with_register=options.people is not None,
        compared=options.since is not None,
        humans=options.humans,
        follow_up_days=options.follow_up_days,
        capacity=options.capacity,
    )


def _register(asked: AskedList) -> tuple[Register, list[str]]:
    """The officer's register, and a note for each of its rows that could not be read."""
    if asked.options.people is None:
        return Register({}), []
    register = of_humans(read_register(asked.options.people, asked.keys), asked.lake)
    notes = []
    if register.unreadable:
        notes.append(f"--people: {counted(register.unreadable, 'row')} without a readable person left out")
    if register.without_year:
        notes.append(f"--people: {counted(register.without_year, 'year')} of birth could not be read")
    return register, notes


def _compared(asked: AskedList, rows: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table | None, list[str]]:
    """The rows with `change`, who was withdrawn, the earlier rows, and what is to be said of that list."""
    if asked.options.since is None:
        return rows, WITHDRAWN.empty_table(), None, []
    # Checks signature, files and question of that list.
    earlier, manifest = read_earlier(asked.options.since, asked.question, asked.signer)
    # Links made since may have joined two of its persons.
    earlier = of_known_humans(earlier, lambda persons: human_of(asked.lake, persons))
    states, withdrawn = changes(rows, earlier)
    place = rows.schema.get_field_index("change")
    rows = rows.set_column(place, rows.schema.field(place), pa.array(states, pa.string()))
    counts = Counter(states)
    notes = [
        f"since the earlier list: {counts['new']:,} new, {counts['changed']:,} changed, "
        f"{withdrawn.num_rows:,} withdrawn"
    ]
    if manifest.expired(asked.created):
        notes.append(f"the earlier list had expired ({manifest.expires})")
    return rows, withdrawn, earlier, notes


def _stays(asked: AskedList, traced: pa.Table) -> pa.Table:
    """The stays that drawings need: of all rows for a graph, of the best-scored for the report."""
    # Reading stays costs most, so formats without a drawing do without.
    if "graphml" not in asked.formats and "html" not in asked.formats:
        return stays_behind(asked.lake, np.empty(0, np.int64), np.empty(0, np.int64), Span())
    if "graphml" not in asked.formats:
        # The report draws the best-scored lanes only.
        order = pc.sort_indices(traced, sort_keys=[("score", "descending")])
        traced = traced.take(order[:MOST_LANES])
    # One stay is behind several rows.
    ids = pc.unique(pc.list_flatten(traced["stays"])).to_numpy()
    persons = np.concatenate([traced["person"].to_numpy(), traced["via"].to_numpy()])
    return stays_behind(asked.lake, persons, ids, Span())


def _spans(asked: AskedList) -> tuple[list[PublicSpan], int]:
    """What a notice publishes; nothing is looked up where none is asked for."""
    if "notice" not in asked.formats:
        return [], 0
    names = places(asked.lake)
    return published(
        public_stays(asked.lake, asked.cases),
        lambda venue: str(names.codes(np.array([venue], np.int64))[0]),
        lambda venue, from_us, to_us: people_at(asked.lake, venue, from_us, to_us),
        LOCAL_TIMEZONE,
    )


def _manifest(
    asked: AskedList,
    rule: str,
    made: ExposureList,
    folder: Path,
    by_format: Mapping[str, Sequence[WrittenFile]],
) -> Manifest:
    """What is signed; writes `public.pem`, which is one of the files."""
    rows = {file.name: file.rows for files in by_format.values() for file in files}
    # public.pem first, as it is one of the listed files. The lock file, with its dot, is none.
    write_public(folder, asked.signer)
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    tiers = Counter(made.rows["tier"].to_pylist())
    return Manifest(
        created=utc_text(made.created),
        tool_version=__version__,
        lake_version=made.lake_version,
        rule=made.rule.id,
        # Of the file's bytes: two packs of one id can differ.
        rule_sha256=hashlib.sha256(rule_file(rule).read_bytes()).hexdigest(),
        cases=[case.case_id for case in made.cases],
        until=utc_text(EPOCH + dt.timedelta(microseconds=made.until_us)),
        depth=made.depth,
        humans=made.settings.humans,
        zone=str(made.settings.zone),
        follow_up_days=made.settings.follow_up_days,
        expires=utc_text(made.expires),
        tiers={str(tier): tiers[tier] for tier in sorted(tiers)},
        revealed=made.opened,
        # Counted in every format, zeros as well: a list says what it lacks.
        left_out={name: sum(file.left_out for file in files) for name, files in by_format.items()},
        files=[listed(folder / name, rows.get(name)) for name in names],
        ledger=asked.head,
        key=fingerprint(asked.signer.public_key()),
    )


def _counts_left_out(manifest: Manifest) -> Iterator[str]:
    for name, count in manifest.left_out.items():
        if count:
            yield f"{name}: {counted(count, 'row')} left out, which the format cannot hold"
