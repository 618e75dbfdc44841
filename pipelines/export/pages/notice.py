"""`notice.html` and `notice.json`: the time-places of cases (mốc dịch tễ), to be published.

No person, no token, no case and no home stands in it. Times are rounded outwards
to quarters of an hour, spans of one place that meet are one, and a span in which
fewer than eleven people were there is left out and counted: a neighbour who knows that
a shop had one customer would know the case.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pipelines.export.exposure_list import ExposureList, WrittenFile
from pipelines.export.pages.templates import environment, page_policy
from pipelines.terminal.output import counted
from pipelines.times import EPOCH, MINUTE_US

HTML, JSON = "notice.html", "notice.json"

FEWEST_PEOPLE: Final = 11
"""People, cases among them, that a published span must hold."""

_ROUND_US = 15 * MINUTE_US


@dataclass(frozen=True)
class PublicStay:
    """A stay of a case at a place that is not a home.

    Attributes:
        venue: id of the venue.
        name: of the venue.
        address: names of its commune and district.
        enter_us: begin, microseconds UTC.
        exit_us: end.
    """

    venue: int
    name: str
    address: str
    enter_us: int
    exit_us: int


@dataclass(frozen=True)
class PublicSpan:
    """A span that is published: local times with offset."""

    venue: str
    name: str
    address: str
    from_: str
    to: str


PeopleAt = Callable[[int, int, int], int]
"""How many distinct people were at a venue in [from, to), microseconds UTC."""


def merged_spans(stays: Iterable[PublicStay]) -> list[PublicStay]:
    """Stays with times rounded outwards, those of one place that meet merged; by time, then venue."""
    merged: dict[int, list[PublicStay]] = {}
    # Per venue in the order of enter, so a stay can only meet the span before it.
    for stay in sorted(stays, key=lambda stay: stay.enter_us):
        enter = stay.enter_us // _ROUND_US * _ROUND_US
        # Floor division rounds towards the past; negated twice it rounds up.
        leave = -(-stay.exit_us // _ROUND_US) * _ROUND_US
        spans = merged.setdefault(stay.venue, [])
        # Spans that touch are one, too: after rounding they name the same quarter.
        if spans and enter <= spans[-1].exit_us:
            last = spans.pop()
            enter, leave = last.enter_us, max(last.exit_us, leave)
        spans.append(PublicStay(stay.venue, stay.name, stay.address, enter, leave))
    return sorted(
        (span for spans in merged.values() for span in spans), key=lambda one: (one.enter_us, one.venue)
    )


def published(
    stays: Iterable[PublicStay], codes: Callable[[int], str], people_at: PeopleAt, zone: dt.tzinfo
) -> tuple[list[PublicSpan], int]:
    """The spans that may be published, and how many were left out for the few people there.

    Args:
        stays: of the cases, in their infectious windows; no homes.
        codes: the code of a venue.
        people_at: counts people.
        zone: of the times.
    """
    spans = merged_spans(stays)
    # Counted over the merged, rounded span, which is what readers see.
    kept = [span for span in spans if people_at(span.venue, span.enter_us, span.exit_us) >= FEWEST_PEOPLE]
    shown = [
        PublicSpan(
            codes(span.venue),
            span.name,
            span.address,
            _local(span.enter_us, zone),
            _local(span.exit_us, zone),
        )
        for span in kept
    ]
    return shown, len(spans) - len(kept)


def write_notice(
    made: ExposureList, folder: Path, spans: Sequence[PublicSpan], left_out: int
) -> list[WrittenFile]:
    """Write both files.

    Args:
        made: the list; the notice takes its language, its rule and its times, nothing of its persons.
        folder: where.
        spans: what is published.
        left_out: how many spans are not, for the few people there.
    """
    rows = [
        # `from` is a keyword of Python, so the field has an underscore that the file has not.
        {"to" if name == "to" else name.rstrip("_"): value for name, value in asdict(span).items()}
        for span in spans
    ]
    (folder / JSON).write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (folder / HTML).write_text(_page(made, spans), encoding="utf-8")
    notes = [f"{JSON}: {counted(left_out, 'time-place')} of few people left out"] if left_out else []
    return [WrittenFile(JSON, None, 0, notes), WrittenFile(HTML, None)]


def read_notice(folder: Path) -> list[tuple[str, str]]:
    """Venue and begin of each span of `notice.json`, for comparison."""
    return [(row["venue"], row["from"]) for row in json.loads((folder / JSON).read_text(encoding="utf-8"))]


def _page(made: ExposureList, spans: Sequence[PublicSpan]) -> str:
    words = made.settings.words
    # The language decides the look of dates, the file keeps RFC 3339.
    form = "%d/%m/%Y %H:%M" if words.language == "vi" else "%Y-%m-%d %H:%M"

    def shown(text: str) -> str:
        return dt.datetime.fromisoformat(text).strftime(form)

    return environment().get_template("notice.html.j2").render(
        lang=words.language,
        w=words,
        policy=page_policy(),
        spans=[(span, shown(span.from_), shown(span.to)) for span in spans],
        created=made.created.astimezone(made.settings.zone).strftime(form),
        zone=str(made.settings.zone),
    )  # fmt: skip


def _local(instant_us: int, zone: dt.tzinfo) -> str:
    return (EPOCH + dt.timedelta(microseconds=instant_us)).astimezone(zone).isoformat(timespec="seconds")
