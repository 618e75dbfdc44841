"""The words of the pages: complete in both languages, and no page leaves one in the other."""

import re
from pathlib import Path

import pytest

from pipelines.export.format_names import FORMATS
from pipelines.web import app
from pipelines.web.rendering import page_words
from schemas.rules import load_rule, shipped_rules
from schemas.stay_rules import VENUE_TYPES

WEB = Path(app.__file__).parent


def keys_of(language):
    words = page_words(language).sections
    return {(section, key) for section, values in words.items() for key in values}


def test_both_languages_have_the_same_keys():
    assert keys_of("vi") == keys_of("en")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_phrase_has_the_same_values_in_both_languages(language):
    other = page_words("en").sections
    for section, values in page_words(language).sections.items():
        for key, text in values.items():
            assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", other[section][key])), key


def test_every_phrase_that_a_page_names_is_there():
    named = set()
    for path in [*WEB.rglob("*.py"), *WEB.rglob("*.j2")]:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"""\b(?:w|words)\(['"](\w+)['"], ['"](\w+)['"](?! \+)""", text))
        named |= {("problem", key) for key in re.findall(r'PageError\(\d+, "(\w+)"', text)}
        named |= {("problem", f"{key}_text") for key in re.findall(r'PageError\(\d+, "(\w+)"', text)}
    assert len(named) > 100
    assert named - keys_of("vi") == set()


def test_formats_and_types_of_venues_have_words():
    assert {("format", name) for name in FORMATS} <= keys_of("vi")
    assert {("venue_type", name) for name in VENUE_TYPES} <= keys_of("vi")


def test_rules_have_titles_in_both_languages_and_the_english_ones_are_their_own():
    assert {("rule_title", name) for name in shipped_rules()} <= keys_of("vi")
    titles = page_words("en").sections["rule_title"]
    assert titles == {name: load_rule(name).title for name in shipped_rules()}
