"""The question of a list: checked, and in the ledger before anything is computed."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.errors import UsageError
from pipelines.export.exposure_list import ListedCase
from pipelines.export.format_names import EXPIRES_DAYS
from pipelines.export.formats import chosen_formats
from pipelines.export.interchange.sormas import SormasSettings
from pipelines.export.list_folder import check_new
from pipelines.export.pages.wording import wording
from pipelines.graph.cases import Case, cases_by_id, find_cases, numbers_of
from pipelines.graph.infectious_window import infectious_window
from pipelines.graph.tracing.request import TraceRequest, make_request
from pipelines.graph.tracing.trace import check_capacity
from pipelines.lake import Lake, LakeLike, open_lake, snapshot
from pipelines.linkage.human_lake import of_humans
from pipelines.privacy.keys import Keys, load_keys
from pipelines.privacy.ledger import Asker, Head, Question, record
from pipelines.privacy.list_key import load_list_key
from pipelines.terminal.options import keys_folder
from pipelines.times import Instant
from schemas.rules import load_rule

_MOST_DAYS: Final = 3_650


@dataclass(frozen=True)
class ListOptions:
    """How a list is to be made.

    Example:
        >>> ListOptions(formats=["xlsx"], lang="en").expires_days
        14

    Attributes:
        formats: some of `formats.FORMATS`, or `all`; none is the default.
        lang: `vi` or `en`.
        separator: of CSV files, `,` or `;`.
        reveal: open the identifiers; needs `authority_key`.
        authority_key: the file of the authority's private key.
        people: the officer's register, a CSV file or a table in memory such as a DataFrame.
        follow_up_days: how long contacts are followed.
        since: the folder of an earlier list of the same question.
        expires_days: how long the list may be used.
        capacity: how many calls can be made.
        humans: count linked identifiers as one person.
        sormas: what SORMAS must be told.
    """

    formats: Sequence[str] = ()
    lang: str = "vi"
    separator: str = ","
    reveal: bool = False
    authority_key: str | Path | None = None
    people: str | Path | Any = None
    follow_up_days: int | None = None
    since: str | Path | None = None
    expires_days: int = EXPIRES_DAYS
    capacity: int | None = None
    humans: bool = False
    sormas: SormasSettings = field(default_factory=SormasSettings)

    def check(self) -> None:
        """Refuse what cannot be done, before anything is read.

        Raises:
            UsageError: an option is malformed, or two of them do not go together.
        """
        wording(self.lang)
        if self.separator not in (",", ";"):
            raise UsageError("--separator must be , or ;", "write --separator ';'")
        if self.reveal and self.authority_key is None:
            raise UsageError("--reveal needs --authority-key", "name the file of the authority's private key")
        for flag, value, least in (
            ("--follow-up-days", self.follow_up_days, 0),
            ("--expires-days", self.expires_days, 1),
        ):
            if value is not None and not least <= value <= _MOST_DAYS:
                raise UsageError(
                    f"{flag} must be an integer from {least} to {_MOST_DAYS}", f"write {flag} 14"
                )
        check_capacity(self.capacity)
        if "sormas" in chosen_formats(self.formats):
            self.sormas.check()


@dataclass(frozen=True)
class AskedList:
    """A question that stands in the ledger.

    Attributes:
        lake: where.
        keys: of the lake.
        signer: the list key.
        request: the trace asked for.
        cases: the index cases, by number.
        options: how the list is made.
        formats: those to be written, in their order.
        head: of the ledger after the question.
        created: when the list is made.
    """

    lake: Lake
    keys: Keys
    signer: Ed25519PrivateKey
    request: TraceRequest
    cases: Sequence[ListedCase]
    options: ListOptions
    formats: Sequence[str]
    head: Head
    created: dt.datetime

    @property
    def question(self) -> tuple[tuple[str, ...], str, int, bool]:
        """What makes two lists lists of the same question."""
        numbers = tuple(case.case_id for case in self.cases)
        return numbers, self.request.rule.id, self.request.depth, self.options.humans


def ask_for_list(
    lake: LakeLike,
    case: str | Sequence[str],
    rule: str,
    output: Path,
    *,
    all_cases: bool,
    depth: int | None,
    until: Instant | None,
    keys: str | Path | None,
    options: ListOptions,
    asker: Asker | None,
    created: dt.datetime | None,
) -> AskedList:
    """Check a question and write it into the ledger; the arguments and errors of `export`."""
    # What is malformed is refused before the lake is opened, and leaves no line in the ledger.
    options.check()
    check_new(output)
    pack = load_rule(rule)
    url = lake.url if isinstance(lake, Lake) else str(lake)
    folder = keys_folder(None if keys is None else str(keys), url)
    # Humans are a view of the lake, so every later step counts them alike.
    where = of_humans(open_lake(url, folder), options.humans)
    held = load_keys(folder)
    request = make_request(where, pack, case, all_cases=all_cases, depth=depth, until=until)
    cases = listed_cases(where, request, case, all_cases=all_cases)
    question = Question(
        "export",
        [one.case_id for one in cases],
        pack.id,
        snapshot(where, "scans").version,
        _arguments(options, depth=depth, until=until, all_cases=all_cases),
    )
    # Before the ledger's line: a missing key should not leave a question that was never answered.
    signer = load_list_key(held.folder)
    # The line is on the disk from here on: only now may anything be traced or opened.
    head = record(where.url, question, asker)
    # Whole seconds, as the manifest writes them.
    made = created or dt.datetime.now(dt.UTC).replace(microsecond=0)
    return AskedList(
        where, held, signer, request, cases, options, chosen_formats(options.formats), head, made
    )


def listed_cases(
    lake: Lake, request: TraceRequest, case: str | Sequence[str], *, all_cases: bool
) -> list[ListedCase]:
    """Return the index cases with their numbers and windows, ordered by number."""
    named = numbers_of([case] if isinstance(case, str) else case)
    # make_request has refused named cases without a date; of all cases they are left out.
    chosen = cases_by_id(lake) if all_cases else dict(zip(named, find_cases(lake, named), strict=True))
    known = {number: one for number, one in chosen.items() if one.times.known}
    return [_listed(number, known[number], request) for number in sorted(known)]


def _listed(number: str, case: Case, request: TraceRequest) -> ListedCase:
    window = infectious_window(case.times, request.rule.infectious, request.until_us)
    times = case.times
    return ListedCase(
        number,
        case.person,
        times.onset_us,
        times.sampled_us,
        times.isolated_us,
        window.start_us,
        window.end_us,
    )


def _arguments(
    options: ListOptions, *, depth: int | None, until: Instant | None, all_cases: bool
) -> dict[str, Any]:
    """The flags as the ledger keeps them: those that were given, without persons and tokens."""
    given = {**vars(options), "sormas": asdict(options.sormas)} | {"depth": depth, "all_cases": all_cases}
    given |= {"until": None if until is None else str(until)}
    # A register in memory must not reach the ledger; of a file its name does.
    if not isinstance(options.people, str | Path | None):
        given["people"] = "a table"  # its rows are persons
    for name in ("authority_key", "people", "since"):
        given[name] = None if given[name] is None else str(given[name])
    # Nested settings as flags of their own; what was not given is left out.
    sormas = {f"sormas_{name}": value for name, value in given.pop("sormas").items()}
    shown = {name: value for name, value in (given | sormas).items() if value not in (None, "", False, ())}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in shown.items()}
