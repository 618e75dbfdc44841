"""Trimming, words for nothing and characters that must not be there, on ASCII and other text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.reject_reasons import BAD_TEXT, MALFORMED
from pipelines.ingest.validate.distinct_column import tidy_names
from pipelines.ingest.validate.text_column import (
    Texts,
    column_of,
    respelled,
    tidied_column,
    without_line_ends,
)
from pipelines.kernels.types import read_only
from schemas.wire_text import BLANKS, holds_hidden, is_nothing, tidy
from tests.ingest.reference import spans_of

SIGNS = st.sampled_from([*"aN/-1u", "ế", "\u0302", "\n", "\x7f", "\u202e", *BLANKS])
TEXTS = st.lists(SIGNS, max_size=8).map("".join) | st.sampled_from(["nan", "N/A", " NULL", "none\t", "-"])


def tidied(*values, limit=None, optional=True):
    """Return the tidy texts and their reasons."""
    column, reasons = tidied_column(column_of(spans_of(list(values))), limit, optional=optional)
    texts = [None if column.length[row] < 0 else column.value(row) for row in range(len(values))]
    return texts, reasons.tolist()


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS.map(lambda text: text or None), max_size=6), st.booleans())
def test_the_kernel_and_python_make_text_tidy_alike(values, optional):
    texts, reasons = tidied(*(value and value.encode() for value in values), optional=optional)
    for value, text, reason in zip(values, texts, reasons, strict=True):
        plain = tidy(value or "")
        assert (reason == BAD_TEXT) == holds_hidden(plain)
        if not reason:
            absent = not plain or (optional and is_nothing(plain))
            assert text == (None if absent else plain.encode())


@pytest.mark.parametrize("blank", BLANKS)
def test_every_blank_is_trimmed_at_both_ends_and_stays_inside(blank):
    raw = f"{blank}{blank}a{blank}b{blank}".encode()
    texts, reasons = tidied(raw)
    inside = f"a{blank}b"
    assert (texts, reasons) == (([tidy(inside).encode()], [0]) if blank != "\t" else ([b"a\tb"], [BAD_TEXT]))


@pytest.mark.parametrize("word", ["nan", "NaN", "n/a", "N/A", "na", "None", "NULL", "-", " - ", "\u200bnan"])
def test_a_word_for_nothing_is_absent_in_an_optional_field_alone(word):
    assert tidied(word.encode()) == ([None], [0])
    assert tidied(word.encode(), optional=False)[0] == [tidy(word).encode()]


@pytest.mark.parametrize("word", ["nana", "n", "nil", "--", "n-a", "none.", "0", "NAN1", "nullo", "m/a"])
def test_a_word_that_only_resembles_one_stays(word):
    assert tidied(word.encode()) == ([word.encode()], [0])


def test_the_limit_is_of_the_tidy_text():
    assert tidied(b" abc ", "\u00a0a\u0302b".encode(), limit=3)[1] == [0, 0]
    assert tidied(b"abcd", "abâ".encode(), limit=3)[1] == [BAD_TEXT, BAD_TEXT]


def test_bytes_that_are_not_utf8_are_malformed():
    assert tidied(b" \xff ") == ([b" \xff "], [MALFORMED])


def test_texts_of_both_buffers_are_trimmed():
    data, side = (read_only(np.frombuffer(raw, np.uint8)) for raw in (b" a ", b"  nan b "))
    column = Texts(data, side, np.array([0, 3, 8]), np.array([3, 5, 3], np.int32))
    tidy_column, _ = tidied_column(column, None)
    assert tidy_column.length.tolist() == [1, -1, 1]
    assert [tidy_column.value(row) for row in (0, 2)] == [b"a", b"b"]


def test_a_column_that_is_tidy_is_not_copied():
    column = column_of(spans_of([b"abc", None, b"V1"]))
    tidy_column, _ = tidied_column(column, None)
    assert (tidy_column.start, tidy_column.length) == (column.start, column.length)


def test_names_that_are_absent_when_tidy_have_no_number_and_refused_ones_keep_theirs():
    values = [b"K1", b" ", b"nan", b"K1\x00", None, b"K1"]
    names, reasons = tidy_names(column_of(spans_of(values)), 128)
    assert names.ids.tolist() == [0, -1, -1, 3, -1, 0]
    assert reasons.tolist() == [0, 0, 0, BAD_TEXT]


def test_another_spelling_is_held_to_the_limit_too():
    names, reasons = tidy_names(
        column_of(spans_of([b"k1", "ß".encode()])), 2, spell=lambda text: text.title() * 2
    )
    assert reasons.tolist() == [BAD_TEXT, BAD_TEXT]
    names, reasons = tidy_names(column_of(spans_of([b"k1", b"a"])), 2, spell=str.title)
    assert [names.texts.value(number) for number in names.ids] == [b"K1", b"A"]


def test_texts_are_spelled_another_way_and_absent_ones_stay_absent():
    texts = respelled(spans_of([b"a", None, b"B"]), str.upper)
    assert [texts.value(row) for row in range(3)] == [b"A", None, b"B"]


def test_line_ends_of_a_scanner_are_cut_off():
    texts = without_line_ends(spans_of([b"abc\r\n", b"\t a b \n", b"\r\n", None]))
    assert [texts.value(row) for row in range(4)] == [b"abc", b"a b", None, None]
