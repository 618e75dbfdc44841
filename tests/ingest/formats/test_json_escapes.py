"""Escapes of JSON are decoded as the standard library decodes them."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.ingest.formats.json_escapes import unescape
from pipelines.kernels.types import read_only

LETTERS = st.characters(exclude_categories=["Cs"])


def decoded(inside):
    """Return the text between quotes, or None where `unescape` finds a fault, and the position of its end."""
    data = read_only(np.frombuffer(inside + b'" tail', np.uint8))
    target = np.zeros(data.size, np.uint8)
    end, size = unescape(data, 0, target, 0)
    return (target[:size].tobytes(), end) if end >= 0 else None


@settings(max_examples=200, deadline=None)
@given(st.text(LETTERS, max_size=30), st.booleans())
def test_what_a_writer_escapes_is_read_as_it_was_meant(text, ascii_only):
    inside = json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode()
    assert decoded(inside) == (text.encode(), len(inside))


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        (rb"\"\\\/\b\f\n\r\t", '"\\/\b\f\n\r\t'),
        (rb"\u0041\u00e9\u1EA7", "Aéầ"),
        (rb"\uD83D\uDE00", "😀"),
        (rb"\u0000", "\0"),
        (rb"\udbff\udfff", "\U0010ffff"),
    ],
)
def test_each_form_of_an_escape_is_known(inside, text):
    assert decoded(inside) == (text.encode(), len(inside))


@pytest.mark.parametrize(
    "inside",
    [
        rb"\ud800",
        rb"\udc00",
        rb"\udc00\ud800",
        rb"\ud800\u0041",
        rb"\ud800\ud800",
        rb"\ud83d\n",
        rb"\u12g4",
        rb"\u123",
        rb"\U0041",
        rb"\x41",
        rb"\'",
        b"a\nb",
        b"a\0",
        b"a\\",
    ],
)
def test_a_text_that_is_not_json_is_detected(inside):
    assert decoded(inside) is None


@pytest.mark.parametrize("raw", [b"", b"a", b"a\\", b"\\u", b"\\u004", b"\\ud83d\\u"])
def test_a_text_without_an_end_is_found_out_within_the_block(raw):
    data = read_only(np.frombuffer(raw, np.uint8))
    assert unescape(data, 0, np.zeros(16, np.uint8), 0)[0] < 0
