"""What a case's page shows, computed once for each question and state of the lake."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from flask import g

from pipelines.export.exposure_list import ExposureList, ListSettings
from pipelines.lake import Lake, OfNewest, read_table
from pipelines.web.kept_answers import KeptAnswers
from pipelines.web.lake_state import versions_of
from pipelines.web.rendering import session_now, words_now
from pipelines.web.web_errors import PageError
from schemas.rules import DEFAULT_RULE, load_rule, shipped_rules

if TYPE_CHECKING:
    from pipelines.graph.tracing.trace import Traced

_FOUND: Final = "found"
MOST_DEPTH: Final = 5
_OTHER_RULES: Final = ("vn-2021-12", DEFAULT_RULE)


@dataclass(frozen=True)
class CaseQuestion:
    """What a case's page is asked.

    Attributes:
        case_id: the number of the case.
        rule: the id of a shipped rule pack.
        depth: the last tier; None is the rule's.
        other: the id of the rule pack to compare with.
    """

    case_id: str
    rule: str = DEFAULT_RULE
    depth: int | None = None
    other: str = _OTHER_RULES[0]

    @property
    def query(self) -> dict[str, str]:
        """The question as parts of a URL, as far as it is not the usual one."""
        given = {"rule": self.rule if self.rule != DEFAULT_RULE else "", "other": self.other}
        # Usual values are left out, so that the page of a case has one URL.
        usual = next(one for one in _OTHER_RULES if one != self.rule)
        given["depth"] = "" if self.depth is None else str(self.depth)
        return {name: value for name, value in given.items() if value and value != usual}


def question_now(case_id: str, given: Mapping[str, str]) -> CaseQuestion:
    """The question of this request.

    Args:
        case_id: from its path.
        given: its query or its form.

    Raises:
        PageError: a rule or a depth that does not exist.
    """
    rule = given.get("rule") or DEFAULT_RULE
    other = given.get("other") or ""
    if not other or other == rule:
        other = next(one for one in _OTHER_RULES if one != rule)
    depth = given.get("depth") or ""
    if rule not in shipped_rules() or other not in shipped_rules():
        raise PageError(422, "no_rule")
    if depth and depth not in map(str, range(1, MOST_DEPTH + 1)):
        raise PageError(422, "wrong_number")
    return CaseQuestion(case_id, rule, int(depth) if depth else None, other)


def listed(kept: KeptAnswers, lake: Lake, asked: CaseQuestion) -> ExposureList:
    """The list of a case with the calls marked that this session can make.

    Raises:
        UsageError, DataError: as of `trace`.
    """
    from pipelines.export.shown_list import list_to_show, with_capacity  # loads the kernels

    words = words_now()

    def make() -> ExposureList:
        # Taken before the trace: a commit in between would give the comparison other versions.
        before = versions_of(lake)

        def found(traced: "Traced") -> None:
            setattr(g, _FOUND, (before, traced))  # for the comparison on the same page

        settings = ListSettings(words=words)
        return list_to_show(lake, asked.case_id, asked.rule, settings, depth=asked.depth, found=found)

    # Words are part of a list, and so the language of the question.
    made = kept.once(lake, ("list", words.language, asked.case_id, asked.rule, asked.depth), make)
    # After keeping: the capacity is this session's, the list everybody's.
    return with_capacity(made, session_now().remembered.get(capacity_key(asked.case_id)))


def compared(kept: KeptAnswers, lake: Lake, asked: CaseQuestion) -> pa.Table:
    """Who is in under the one rule and who under the other."""
    from pipelines.graph.tracing.compare import compared_rows  # loads the kernels
    from pipelines.graph.tracing.request import make_request

    def rows() -> pa.Table:
        # pop: used once, and not held with the request's other values.
        versions, traced = g.pop(_FOUND, (None, None))
        ours, theirs = (
            make_request(lake, load_rule(rule), asked.case_id, all_cases=False, depth=asked.depth, until=None)
            for rule in (asked.rule, asked.other)
        )
        return compared_rows(lake, ours, theirs, traced if versions == versions_of(lake) else None)

    return kept.once(lake, ("compare", asked.case_id, asked.rule, asked.other, asked.depth), rows)


def capacity_key(case_id: str) -> str:
    """Under which name a session remembers how many calls can be made."""
    return f"capacity {case_id}"


_cases = OfNewest("cases", lambda lake, _newest: read_table(lake, "cases"))


def require_case(lake: Lake, case_id: str) -> dict[str, Any]:
    """The row of a case.

    Raises:
        PageError: the lake has no such case.
    """
    rows = _cases(lake)
    found = rows.filter(pc.equal(rows["case_id"], case_id)).to_pylist()
    if not found:
        raise PageError(404, "no_case")
    row: dict[str, Any] = found[0]
    return row


def filtered(made: ExposureList, wanted: Mapping[str, Any]) -> ExposureList:
    """The list with the rows that a session wants to see.

    Args:
        made: the whole list.
        wanted: `tier`, `place` (part of a name or code), `symptoms` and `call`; empty parts keep all rows.
    """
    rows = made.rows
    if wanted.get("tier"):
        rows = rows.filter(pc.equal(rows["tier"], int(wanted["tier"])))
    if wanted.get("place"):
        said = [
            # Text as it was typed, no pattern: a name may hold any sign.
            pc.match_substring(pc.fill_null(rows[name], ""), wanted["place"], ignore_case=True)
            for name in ("venues", "venue_names")
        ]
        rows = rows.filter(pc.or_(*said))
    if wanted.get("symptoms"):
        rows = rows.filter(pc.fill_null(pc.not_equal(rows["symptoms"], ""), False))
    if wanted.get("call") and made.settings.capacity is not None:
        rows = rows.filter(rows["call"])
    return replace(made, rows=rows)


def rule_choices() -> list[tuple[str, str]]:
    """The shipped rule packs: id, and title in the language of the page."""
    titles = words_now().sections["rule_title"]
    return [(one, titles.get(one) or load_rule(one).title) for one in shipped_rules()]
