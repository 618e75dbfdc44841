"""Every column and flag is explained, in the page too."""

from pathlib import Path

from pipelines.anomalies.flag_definitions import DEFINITIONS, FLAGS
from pipelines.anomalies.quality import QUALITY, QUALITY_BY_TOKEN

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"


def test_each_column_and_flag_has_a_definition_in_order():
    assert list(DEFINITIONS) == [*QUALITY.names, *FLAGS]
    assert QUALITY.names == QUALITY_BY_TOKEN.names


def test_the_page_says_the_same_and_has_it_in_vietnamese():
    rows = [
        line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    said = {cells[1].strip(" `"): (cells[2].strip(), cells[3].strip()) for cells in rows}
    assert {name: english for name, (english, _) in said.items()} == DEFINITIONS
    assert all(vietnamese for _, vietnamese in said.values())
