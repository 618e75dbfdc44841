"""The compiled hashes are those of the standard library."""

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.kernels.sha256 import hashes, macs
from tests.ingest.reference import signed, spans_of

KEY = bytes(range(32))


def assert_hashes(texts):
    spans = spans_of(texts)
    assert hashes(spans).tolist() == [signed(hashlib.sha256(text).digest()) for text in texts]
    assert macs(spans, KEY).tolist() == [signed(hmac.digest(KEY, text, "sha256")) for text in texts]


def assert_macs(texts, key):
    assert macs(spans_of(texts), key).tolist() == [signed(hmac.digest(key, text, "sha256")) for text in texts]


def test_texts_of_every_length_up_to_four_blocks_have_their_hash():
    assert_hashes([bytes([size % 256]) * size for size in range(260)])


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16])
def test_any_number_of_texts_fills_the_lanes(count):
    assert_hashes([b"%d" % number for number in range(count)])


def test_no_text_has_no_hash():
    assert hashes(spans_of([])).size == macs(spans_of([]), KEY).size == 0


def test_a_text_of_the_longest_record_has_its_hash():
    assert_hashes([b"x" * 16_384, b"short", b"y" * 9_000])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20), st.binary(max_size=64))
def test_texts_of_mixed_lengths_have_their_hash(texts, key):
    assert_macs(texts, key)


def test_the_example_of_the_standard_is_met():
    assert hashes(spans_of([b"abc"])).astype(np.uint64)[0] == 0xBA7816BF8F01CFEA


def test_a_key_longer_than_a_block_is_refused_and_not_hashed_first():
    assert_macs([b"abc"], bytes(64))
    with pytest.raises(ValueError, match="at most 64 bytes"):
        macs(spans_of([b"abc"]), bytes(65))
