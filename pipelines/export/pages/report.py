"""`report.html`: one file for people, with drawings made here and no request that leaves it."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.exposure_list import ExposureList, ListedCase, WrittenFile
from pipelines.export.list_columns import COLUMNS, HANDWRITING, IDENTIFIER, REGISTER, SCREEN_ONLY
from pipelines.export.list_text import one_line, person_code
from pipelines.export.local_columns import local_times, readable
from pipelines.export.pages.rule_words import rule_sentences
from pipelines.export.pages.templates import asset, environment, page_policy
from pipelines.export.pages.timeline_drawing import Box, Timeline, TimelineLane, draw_timeline, lane_stays
from pipelines.export.pages.tree_drawing import NODE_HEIGHT, NODE_WIDTH, Tree, TreePerson, draw_tree
from pipelines.export.pages.wording import Wording
from pipelines.times import EPOCH

REPORT: Final = "report.html"

MOST_ROWS: Final = 2_000
"""Rows of the list in the report: a browser sorts and filters them at once; the other files hold all."""

MOST_LANES: Final = 40
MOST_NODES: Final = 40
"""People of the timeline, and of each column of the tree: those with the highest scores."""

_FIRST = 5
_MINUTES = {"seconds_direct": "minutes_direct", "seconds_indirect": "minutes_indirect",
            "seconds_imputed": "minutes_imputed"}  # fmt: skip
_LOOKS = {"person": "code", "via": "code", "no": "number", "score": "number", "day": "number",
          "full_name": "long", "address": "long", "venue_names": "places",
          **dict.fromkeys(_MINUTES, "number")}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell of the list: its text, how it looks, and the number it is sorted by."""

    text: str
    look: str = ""
    sort: float | None = None


@dataclass(frozen=True)
class ListLine:
    """A row of the list."""

    code: str
    cells: Sequence[Cell]


def write_report(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write `report.html`."""
    (folder / REPORT).write_text(report_html(made), encoding="utf-8")
    shown = min(made.rows.num_rows, MOST_ROWS)
    return [WrittenFile(REPORT, shown, made.rows.num_rows - shown)]


def read_report(folder: Path) -> list[str]:
    """The codes of the persons in the list of the report, for comparison."""
    text = (folder / REPORT).read_text(encoding="utf-8")
    # Safe to split: the template escapes `<` in every text of others.
    return [part[:16] for part in text.split('<tr data-person="p-')[1:]]


def report_html(made: ExposureList) -> str:
    """The report of a list; the template escapes every text but its own style, script and words."""
    words, zone = made.settings.words, made.settings.zone
    script = asset("report.js")
    timeline, lanes = timeline_of(made)
    tree, tree_capped = tree_of(made)
    total = made.rows.num_rows
    return environment().get_template("report.html.j2").render(
        lang=words.language,
        w=words,
        # The policy names the hash of exactly this script.
        policy=page_policy(script),
        script=script,
        words_json=_json(words.sections["report"]),
        title=_title(made),
        created=when_text(made.created, made),
        expires=when_text(made.expires, made),
        zone=str(zone),
        version=made.lake_version,
        about=made.about,
        total=total,
        tiers=count_by_tier(made),
        first=first_calls(made),
        capacity=made.settings.capacity,
        cases=[case_dates(case, made) for case in made.cases],
        rule=made.rule,
        rule_lines=list(rule_sentences(made.rule, made.depth, words)),
        milestone_heads=[words("milestone", name) for name in made.milestones.schema.names],
        milestones=milestone_lines(made),
        timeline=timeline,
        lanes_shown=lanes,
        lanes_capped=lanes < total,
        box_title=lambda box: box_title(box, made),
        tree=tree,
        tree_capped=tree_capped,
        tree_shown=MOST_NODES,
        node_width=NODE_WIDTH,
        node_height=NODE_HEIGHT,
        heads=list_heads(made),
        # The page is cut at MOST_ROWS; `rows_capped` makes the template say so.
        rows=list_lines(made.rows.slice(0, MOST_ROWS), made),
        rows_capped=total > MOST_ROWS,
        withdrawn=_withdrawn(made),
    )  # fmt: skip


def _json(values: Any) -> str:
    """JSON that ends no script element and no line of one."""
    text = json.dumps(values, ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _title(made: ExposureList) -> str:
    if len(made.cases) == 1:
        return made.settings.words("report", "title_one", cases=made.cases[0].case_id)
    return made.settings.words("report", "title_many", count=len(made.cases))


def when_text(moment: dt.datetime, made: ExposureList) -> str:
    """A moment in local time, as the language of the list writes it."""
    local = moment.astimezone(made.settings.zone)
    return f"{local:%d/%m/%Y %H:%M}" if made.settings.words.language == "vi" else f"{local:%Y-%m-%d %H:%M}"


def _when_us(instant_us: int | None, made: ExposureList) -> str:
    if instant_us is None:
        return made.settings.words("report", "unknown")
    return when_text(EPOCH + dt.timedelta(microseconds=instant_us), made)


def count_by_tier(made: ExposureList) -> str:
    """How many people there are of each tier, as a sentence has it."""
    counts = Counter(made.rows["tier"].to_pylist())
    number = made.settings.words.number
    return ", ".join(f"F{tier}: {number(count)}" for tier, count in sorted(counts.items()))


def case_dates(case: ListedCase, made: ExposureList) -> dict[str, str]:
    """What is known of a case, as text."""
    return {
        "case_id": case.case_id,
        "code": person_code(case.person),
        "onset": _when_us(case.onset_us, made),
        "sampled": _when_us(case.sampled_us, made),
        "isolated": _when_us(case.isolated_us, made),
        "window": f"{_when_us(case.start_us, made)} – {_when_us(case.end_us, made)}",
    }


def best_rows(rows: pa.Table, most: int) -> pa.Table:
    """The rows with the highest scores; of equal scores the earlier row."""
    order = pc.sort_indices(rows, sort_keys=[("score", "descending")])
    return rows.take(order[:most])


def first_calls(made: ExposureList, most: int = _FIRST) -> list[dict[str, Any]]:
    """Whom to call first, and why.

    Args:
        made: the list.
        most: how many people are named.
    """
    words = made.settings.words
    best = best_rows(made.rows, most)
    phones = readable(best, "identifier", made.settings)
    found = []
    for row, phone in zip(best.to_pylist(), phones, strict=True):
        places = one_line((row["venue_names"] or row["venues"] or "–").replace(";", "; "))
        last = when_text(row["last_contact"], made)
        key = "first_reason" if row["seconds_direct"] else "first_reason_indirect"
        why = words("report", key, minutes=round(row["seconds_direct"] / 60), places=places, last=last)
        imputed = round(row["seconds_imputed"] / 60)
        why += f"; {words('report', 'first_imputed', minutes=imputed)}" if imputed else ""
        symptoms = "; ".join(words.value("symptom", one) for one in (row["symptoms"] or "").split(";") if one)
        found.append(
            {
                "code": person_code(row["person"]),
                "person": row["person"],
                "name": row["full_name"],
                "phone": phone,
                "tier": row["tier"],
                "why": why,
                "symptoms": words("report", "first_symptoms", symptoms=symptoms) if symptoms else "",
            }
        )
    return found


def milestone_lines(made: ExposureList) -> list[list[str]]:
    """The rows of the milestones as text."""
    words = made.settings.words
    return [
        [
            row["case"],
            row["venue"],
            row["name"],
            when_text(row["enter"], made),
            when_text(row["exit"], made),
            words.value("value", row["enter_kind"]),
            words.value("value", row["exit_kind"]),
        ]
        for row in made.milestones.to_pylist()
    ]


def timeline_of(made: ExposureList) -> tuple[Timeline | None, int]:
    """The drawing, and how many people of the list it shows."""
    best = best_rows(made.rows, MOST_LANES)
    by_person: dict[int, list[dict[str, Any]]] = {}
    # Both sides of each contact, for a lane shows the time together.
    wanted = set(best["person"].to_pylist()) | set(best["via"].to_pylist())
    kept = pc.is_in(made.stays["person"], pa.array(sorted(wanted), pa.int64()))
    for stay in made.stays.filter(kept).to_pylist():
        by_person.setdefault(stay["person"], []).append(stay)
    lanes = [
        TimelineLane(
            made.settings.words("report", "lane_of", cases=case.case_id),
            True,
            lane_stays(by_person.get(case.person, ()), (), 0),
        )
        # Cases first, each once, and only those who were anywhere.
        for case in made.cases
        if case.person in by_person
    ]
    ways = [made.rule.contact, *(override.contact for override in made.rule.overrides)]
    # The longest of all overrides: a drawing shows what may count, not what did.
    minutes = max(way.indirect_minutes for way in ways)
    for person, via in zip(best["person"].to_pylist(), best["via"].to_pylist(), strict=True):
        stays = lane_stays(by_person.get(person, ()), by_person.get(via, ()), minutes)
        lanes.append(TimelineLane(person_code(person), False, stays))
    # Without any stay there is no axis to draw.
    drawn = any(lane.stays for lane in lanes)
    day_form = "%d/%m" if made.settings.words.language == "vi" else "%Y-%m-%d"
    return draw_timeline(lanes, made.settings.zone, day_form) if drawn else None, best.num_rows


def box_title(box: Box, made: ExposureList) -> str:
    """What a rectangle of the timeline says when it is pointed at."""
    times = {"enter": _when_us(box.start_us, made), "exit": _when_us(box.end_us, made)}
    words = made.settings.words
    if box.kind == "together":
        return words("report", "bar_overlap", **times)
    if box.kind == "indirect":
        return words("report", "bar_indirect", **times)
    return words("report", "bar_stay", venue=box.venue, **times)


def tree_of(made: ExposureList) -> tuple[Tree, bool]:
    """The drawing, and whether people had to be left out of a column."""
    people: dict[int, TreePerson] = {}
    for case in made.cases:
        # A person with several cases stands once, under the first.
        people.setdefault(case.person, TreePerson(case.person, case.case_id, 0, None, case.case_id))
    shown = list(people.values())
    capped = False
    for tier in sorted(set(made.rows["tier"].to_pylist())):
        column = made.rows.filter(pc.equal(made.rows["tier"], tier))
        capped |= column.num_rows > MOST_NODES
        # Top to bottom by time, so that lines cross less.
        for row in sorted(
            best_rows(column, MOST_NODES).to_pylist(), key=lambda row: (row["exposed_at"], row["no"])
        ):
            code = person_code(row["person"])
            said = f"{when_text(row['exposed_at'], made)}, {one_line(row['venue_names'] or '')}"
            shown.append(TreePerson(row["person"], code, tier, row["via"], said))
    return draw_tree(shown), capped


def _shown(made: ExposureList) -> list[str]:
    return [name for name in COLUMNS.names if made.settings.revealed or name not in IDENTIFIER]


def list_heads(made: ExposureList, names: Sequence[str] = ()) -> list[Cell]:
    """The heads of the list, or of some of its columns."""
    words = made.settings.words
    # With empty columns at the end, for handwriting.
    wanted = names or [*_shown(made), *HANDWRITING]
    return [Cell(words("column", _MINUTES.get(name, name)), _printed(name, "")) for name in wanted]


def _printed(name: str, look: str) -> str:
    """Add the class of cells that are not printed."""
    return f"{look} screen".strip() if name in SCREEN_ONLY else look


def list_lines(rows: pa.Table, made: ExposureList, names: Sequence[str] = ()) -> list[ListLine]:
    """Rows of the list as cells; without a register its columns are empty, for handwriting.

    Args:
        rows: of `COLUMNS`, those to be shown.
        made: the list that they are of.
        names: the columns; by default those of the report, and room for handwriting.
    """
    columns = [
        [replace(cell, look=_printed(name, cell.look)) for cell in _cells(rows, name, made)]
        for name in names or _shown(made)
    ]
    # Only the report itself has room for handwriting.
    blank = [] if names else [Cell("", "blank")] * len(HANDWRITING)
    codes = readable(rows, "person", made.settings)
    return [ListLine(code, [*cells, *blank]) for code, *cells in zip(codes, *columns, strict=True)]


def _cells(rows: pa.Table, name: str, made: ExposureList) -> Iterable[Cell]:
    """A column of the list."""
    look = _LOOKS.get(name, "")
    if name in REGISTER and not made.settings.with_register:
        return [Cell("", "blank")] * rows.num_rows
    if name in _MINUTES:
        return [Cell(f"{value / 60:.0f}", look, value) for value in rows[name].to_pylist()]
    kind = COLUMNS.field(name).type
    if pa.types.is_timestamp(kind):
        form = "%d/%m/%Y %H:%M" if made.settings.words.language == "vi" else "%Y-%m-%d %H:%M"
        sorts = rows[name].cast(pa.int64()).to_pylist()
        times = local_times(rows[name], made.settings.zone)
        # Sorted by the instant: dates as Vietnamese write them do not sort as text.
        return [
            Cell("", "when") if time is None else Cell(time.strftime(form), "when", sort)
            for time, sort in zip(times, sorts, strict=True)
        ]
    values = readable(rows, name, made.settings)
    if pa.types.is_date32(kind):
        form = "%d/%m/%Y" if made.settings.words.language == "vi" else "%Y-%m-%d"
        return [
            Cell("", "when") if value is None else Cell(value.strftime(form), "when", value.toordinal())
            for value in values
        ]
    if name == "tier":
        return [Cell(f"F{value}", look, value) for value in values]
    return [_plain_cell(name, value, look, made.settings.words) for value in values]


def _plain_cell(name: str, value: Any, look: str, words: Wording) -> Cell:
    if value is None:
        return Cell("", look)
    if isinstance(value, str):
        text = value.replace(";", "; ") if name in ("venues", "venue_names", "case_ids") else value
        return Cell(text, look)
    return Cell(words.decimal(value, 3) if isinstance(value, float) else str(value), look, value)


def _withdrawn(made: ExposureList) -> list[str]:
    return [
        f"{person_code(row['person'])} · F{row['tier']} · {row['venues'].replace(';', '; ')}"
        for row in made.withdrawn.to_pylist()
    ]
