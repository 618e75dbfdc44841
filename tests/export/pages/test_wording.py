"""No sentence of a list lacks its other half: both languages have the same words with the same blanks."""

import re
import tomllib
from pathlib import Path

import pytest

import pipelines.export.pages
from pipelines.errors import UsageError
from pipelines.export.list_columns import COLUMNS, HANDWRITING
from pipelines.export.pages.wording import wording

FOLDER = Path(pipelines.export.pages.__file__).parent


def words_of(language):
    """All texts by their path."""
    found = {}

    def walk(path, value):
        if isinstance(value, dict):
            for name, inner in value.items():
                walk((*path, name), inner)
        else:
            found[path] = value

    walk((), tomllib.loads((FOLDER / f"wording_{language}.toml").read_text(encoding="utf-8")))
    return found


def test_both_languages_have_the_same_texts_with_the_same_blanks():
    vi, en = words_of("vi"), words_of("en")
    assert len(vi) > 100
    assert set(vi) == set(en)
    for path, text in vi.items():
        blanks = [sorted(re.findall(r"\{(\w+)", str(one))) for one in (text, en[path])]
        assert blanks[0] == blanks[1], path
        assert str(text).strip(), path


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_column_has_a_heading(language):
    words = wording(language)
    for name in (*COLUMNS.names, *HANDWRITING):
        assert words("column", name)


def test_no_english_is_left_in_the_vietnamese_headings():
    vi, en = words_of("vi"), words_of("en")
    same = {path for path, text in vi.items() if path[0] == "column" and text == en[path]}
    assert same == set()


def test_another_language_is_refused():
    with pytest.raises(UsageError, match="--lang"):
        wording("fr")
