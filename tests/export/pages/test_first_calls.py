"""Whom to call first: the reason tells how much of the time nobody scanned."""

import pytest

from pipelines.export.exposure_list import ListSettings
from pipelines.export.pages.report import first_calls
from pipelines.export.pages.wording import wording
from pipelines.export.shown_list import list_to_show
from tests.example_lake import example_lake


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "90 minutes of direct contact at Cà phê"), ("vi", "90 phút tiếp xúc trực tiếp tại Cà phê")],
)
def test_the_reason_tells_the_minutes_and_how_many_are_imputed(tmp_path, language, told):
    words = wording(language)
    made = list_to_show(example_lake(tmp_path), "BN-1", "who-2020-12", ListSettings(words=words))
    (call,) = first_calls(made)
    assert call["why"].startswith(told)
    assert call["why"].endswith(words("report", "first_imputed", minutes=15))
