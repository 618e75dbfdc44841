"""What text of the wire contract may hold, and its one spelling."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.wire_text import BLANKS, holds_hidden, is_nothing, tidy, zone_name

ZERO_WIDTH = "\u180e\u200b\u200c\u200d\u2060\ufeff"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_blanks_are_tab_all_space_separators_and_the_zero_width_ones():
    spaces = {sign for sign in map(chr, range(sys.maxunicode)) if unicodedata.category(sign) == "Zs"}
    assert set(BLANKS) == spaces | {"\t"} | set(ZERO_WIDTH)


def test_hidden_are_all_control_and_bidi_characters():
    controls = {sign for sign in map(chr, range(sys.maxunicode)) if unicodedata.category(sign) == "Cc"}
    assert {sign for sign in map(chr, range(sys.maxunicode)) if holds_hidden(sign)} == controls | set(BIDI)


@settings(deadline=None)
@given(st.text())
def test_tidy_text_is_its_own_tidy_text(text):
    assert tidy(tidy(text)) == tidy(text)


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_a_zone_has_one_spelling_whatever_its_case(text):
    once = zone_name(tidy(text))
    assert zone_name(once) == once
    assert {zone_name(tidy(other)) for other in (text.casefold(), once.casefold(), once.upper())} == {
        once,
        zone_name(once.upper()),
    }


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (("K1", "k1"), "K1"),
        (("Tầng 2", "tầng 2", "TẦNG 2"), "Tầng 2"),
        (("ICU", "icu"), "Icu"),
        (("Straße", "STRASSE"), "Strasse"),
        (("12b", "12B"), "12B"),
    ],
)
def test_every_word_of_a_zone_has_a_capital(spellings, name):
    assert {zone_name(text) for text in spellings} == {name}


@pytest.mark.parametrize("text", ["", "nan", "NaN", "N/A", "na", "none", "NULL", "-"])
def test_words_for_nothing_have_no_case(text):
    assert is_nothing(text)
    assert not is_nothing(text + "1")
