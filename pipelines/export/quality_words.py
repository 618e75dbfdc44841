"""What a list rests on, in sentences of its language."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from pipelines.export.wording import Wording
from pipelines.graph.answer_quality import AnswerQuality
from pipelines.graph.seen_share import FEWEST_PAIRS, SeenShare
from pipelines.times import EPOCH


def quality_sentences(quality: AnswerQuality, rows: int, words: Wording, zone: ZoneInfo) -> Iterator[str]:
    """The statement of quality for people who do not know what a lake is.

    Args:
        quality: of the trace.
        rows: how many persons the list holds.
        words: the language.
        zone: of local times.
    """
    yield words("quality", "last_scan", when=_when(quality.last_scan_us, words, zone))
    if quality.stays_version < quality.scans_version:
        yield words("quality", "behind")
    if quality.cases_unseen:
        yield words("quality", "unseen", unseen=quality.cases_unseen, cases=quality.cases)
    if quality.met is not None:
        yield _interval(quality.met, quality, words)
    if quality.venues:
        yield words(
            "quality",
            "imputed",
            venues=quality.venues,
            stays=quality.stays,
            share=f"{quality.share_imputed:.0%}",
        )
    else:
        yield words("quality", "no_venues")
    if quality.long_pairs:
        yield words("quality", "long_pairs", count=quality.long_pairs)
    if quality.unregistered:
        yield words("quality", "unregistered", count=quality.unregistered)
    if quality.rejected:
        yield words("quality", "rejected", count=quality.rejected)
    if quality.rejected_cases:
        yield words("quality", "rejected_cases", count=quality.rejected_cases)
    if quality.rejected_encounters:
        yield words("quality", "rejected_encounters", count=quality.rejected_encounters)
    if not rows:
        yield words("quality", "not_safety")


def _interval(met: SeenShare, quality: AnswerQuality, words: Wording) -> str:
    """How many people the list stands for, or that it cannot be told."""
    high = met.list_high(quality.found)
    if high is not None:
        name = "interval" if quality.tiers == 1 else "interval_of_tiers"
        return words("quality", name, found=quality.found, high=round(high), seen=met.seen, pairs=met.pairs)
    if met.is_identifiable:
        return words("quality", "no_interval", seen=met.seen, pairs=met.pairs)
    return words("quality", "few_partners", pairs=met.pairs, least=FEWEST_PAIRS)


def _when(instant_us: int | None, words: Wording, zone: ZoneInfo) -> str:
    if instant_us is None:
        return words("quality", "never")
    local = (EPOCH + dt.timedelta(microseconds=instant_us)).astimezone(zone)
    return f"{local:%d/%m/%Y %H:%M}" if words.language == "vi" else f"{local:%Y-%m-%d %H:%M}"
