"""The statement of a list in its language: how many people it stands for, or that nobody can tell."""

from zoneinfo import ZoneInfo

import pytest

from pipelines.export.quality_words import quality_sentences
from pipelines.export.wording import wording
from pipelines.graph.answer_quality import AnswerQuality
from pipelines.graph.seen_share import SeenShare

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def sentences(lang, **stated):
    quality = AnswerQuality(venues=1, **stated)
    return list(quality_sentences(quality, quality.found, wording(lang), ZONE))


@pytest.mark.parametrize(
    ("lang", "tiers", "said"),
    [
        ("vi", 1, "Có từ 1.000 đến 8.071 người đã tiếp xúc: trong 40 người"),
        ("vi", 2, "Có từ 1.000 đến 8.071 người đã tiếp xúc, ở các vòng sau còn nhiều hơn"),
        ("en", 1, "Between 1,000 and 8,071 people were exposed: of 40 Bluetooth partners"),
        ("en", 2, "Between 1,000 and 8,071 people were exposed, and at later tiers more"),
    ],
)
def test_the_interval_stands_in_the_language_of_the_list(lang, tiers, said):
    made = sentences(lang, met=SeenShare(40, 20), found=1_000, tiers=tiers)
    assert [line for line in made if said in line]


@pytest.mark.parametrize(("lang", "said"), [("vi", "Không xác định được"), ("en", "not identifiable")])
@pytest.mark.parametrize(
    ("met", "found"), [(SeenShare(29, 20), 9), (SeenShare(40, 0), 9), (SeenShare(40, 9), 0)]
)
def test_what_is_not_identifiable_is_said_so(lang, said, met, found):
    assert sum(said in line for line in sentences(lang, met=met, found=found)) == 1
    assert not any(said in line for line in sentences(lang, found=found))
