"""A rule pack in sentences."""

from collections.abc import Iterator

from pipelines.export.pages.wording import Wording
from schemas.rules import Rule


def rule_sentences(rule: Rule, depth: int, words: Wording) -> Iterator[str]:
    """What a rule says, a sentence each, in the language of the words.

    Args:
        rule: the rule pack.
        depth: the last tier that was asked for.
        words: the language.
    """
    infectious, contact = rule.infectious, rule.contact
    begin = words(
        "rule",
        "before_onset",
        days=number(infectious.days_before_onset),
        sample=number(infectious.days_before_sample),
    )
    end = (
        words("rule", "until_isolation")
        if infectious.days_after is None
        else words("rule", "after", days=number(infectious.days_after))
    )
    yield f"{begin}, {end}."
    # An override may set any of these, so only its venue types are named.
    if contact.min_minutes:
        key = {"each": "each", "24h": "day", "window": "total"}[contact.accumulate]
        yield words("rule", key, minutes=number(contact.min_minutes))
    else:
        yield words("rule", "any_contact")
    if contact.indirect_minutes:
        yield words("rule", "indirect", minutes=number(contact.indirect_minutes))
    if contact.same_zone:
        yield words("rule", "same_zone")
    if rule.overrides:
        types = ", ".join(sorted(override.venue_type for override in rule.overrides))
        yield words("rule", "overrides", types=types)
    if depth > 1:
        yield words("rule", "chain", depth=depth, hours=number(rule.chain.latency_hours))
    else:
        yield words("rule", "only_f1")


def number(value: float) -> str:
    """A number without needless digits.

    Example:
        >>> number(15.0), number(2.5)
        ('15', '2.5')
    """
    return f"{value:.4f}".rstrip("0").rstrip(".")
