"""Our own code: what it says comes back, and nothing else is accepted."""

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.codes import own
from pipelines.codes.decoder import decode, valid_at
from pipelines.codes.symbols import ALPHANUMERIC, symbol, version_of
from pipelines.errors import UsageError
from tests.codes.own_codes import OTHER, PRIVATE, code, trusted

LONGEST = {"venue": "V" * 16, "zone": "Z" * 6, "direction": "out", "valid_from": 1, "valid_to": 2**32 - 2}


@pytest.mark.parametrize("venue", ["Q", "QNG-0001", "V" * 16, "Chợ-1"])
@pytest.mark.parametrize("zone", ["", "T2", "Z" * 6])
@pytest.mark.parametrize("direction", ["", "in", "out"])
def test_what_a_code_says_comes_back(venue, zone, direction):
    decoded = decode(code(venue, zone=zone, direction=direction), trusted())
    assert (decoded.format, decoded.authenticity, decoded.reason) == ("truyvet_v1", "signed_valid", "")
    assert (decoded.venue, decoded.zone, decoded.direction) == (venue, zone or None, direction)
    assert (decoded.valid_from_us, decoded.valid_to_us) == (None, None)


def test_the_longest_code_fits_version_8_at_error_correction_q():
    text = code(**LONGEST)
    assert len(text) == own.MAX_SIGNS == 157
    assert ALPHANUMERIC.issuperset(text)
    assert version_of(symbol(text)) == 8
    assert version_of(symbol(code("Q"))) < 8


def test_validity_is_in_seconds_and_half_open():
    decoded = decode(code(valid_from=100, valid_to=200), trusted())
    verdicts = [valid_at(decoded, second * 1_000_000).reason for second in (99, 100, 199, 200)]
    assert verdicts == ["not_yet_valid", "", "", "expired"]
    assert valid_at(decoded, 200 * 1_000_000).authenticity == ""


def test_the_code_of_a_revoked_key_is_refused_from_the_revocation_on():
    decoded = decode(code(), trusted(revoked_us=50))
    assert [valid_at(decoded, at).reason for at in (49, 50)] == ["", "revoked_key"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"venue": "V" * 17}, "must have 1 to 16 bytes, not 17: register"),
        ({"venue": "Chợ-Thu-Lộ-2021"}, "1 to 16 bytes, not 19"),
        ({"venue": ""}, "not 0"),
        ({"venue": "Q", "zone": "Tầng 2"}, "a zone for a QR code must have at most 6 bytes, not 8"),
        ({"venue": "Q", "valid_from": 5, "valid_to": 5}, "validity"),
        ({"venue": "Q", "valid_to": 2**32}, "validity"),
        ({"venue": "Q", "valid_from": -1}, "validity"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(content, words):
    with pytest.raises(UsageError, match=words):
        code(**content)


def test_a_code_of_another_key_is_refused():
    assert decode(code(private=OTHER), trusted()).reason == "unknown_key"
    key = trusted().own[0]
    forged = dataclasses.replace(trusted(OTHER).own[0], public=key.public)
    keys = dataclasses.replace(trusted(), own=(forged,))
    assert decode(code(private=OTHER), keys).reason == "bad_signature"


def test_a_signature_over_the_same_bytes_without_our_label_is_refused(monkeypatch):
    monkeypatch.setattr(own, "_LABEL", b"")
    text = code()
    monkeypatch.undo()
    assert decode(text, trusted()).reason == "bad_signature"


def flipped(text, bit):
    raw = bytearray(own._from_base32(text))
    raw[bit // 8] ^= 1 << bit % 8
    return own._base32(bytes(raw))


@pytest.mark.parametrize("content", [{"venue": "QNG-0001"}, LONGEST])
def test_a_flipped_bit_anywhere_is_noticed(content):
    text = code(**content)
    for bit in range(len(own._from_base32(text)) * 8):
        assert decode(flipped(text, bit), trusted()).reason in (
            "bad_signature",
            "unknown_key",
            "malformed",
            "unknown_format",
        )


def test_a_code_has_one_spelling():
    text = code("QNG-0001")
    assert (len(text) * 5) % 8 == 0 or decode(text[:-1] + chr(ord(text[-1]) + 1), trusted()).reason
    for other in (
        text.lower(),
        text + "=",
        text + "A",
        text[:-1],
        text[:60] + "_" + text[61:],
        "+" + text[1:],
    ):
        assert decode(other, trusted()).reason in ("malformed", "unknown_format", "bad_signature")


def test_a_signed_text_with_invalid_utf8_or_control_characters_is_refused(monkeypatch):
    assert decode(code("a\u202eb"), trusted()).reason == "malformed"
    head = bytes([0xA9]) + trusted().own[0].number.to_bytes(2, "big") + bytes([0]) + bytes(4) + b"\xff" * 4
    said = head + b"\xff\xfe"
    text = own._base32(said + PRIVATE.sign(b"truyvet qr v1" + said))
    assert decode(text, trusted()).reason == "malformed"


@pytest.mark.parametrize("form", [0b1, 0b100, 0b11 << 6, 7 << 3, 6 << 3])
def test_a_signed_form_that_is_not_defined_is_refused(form):
    said = bytes([0xA9]) + trusted().own[0].number.to_bytes(2, "big") + bytes([form]) + bytes(4) + b"\xff" * 4
    said += b"QNG"
    assert decode(own._base32(said + PRIVATE.sign(b"truyvet qr v1" + said)), trusted()).reason == "malformed"


def test_several_keys_are_told_apart_by_the_number_in_the_code():
    keys = trusted(PRIVATE, OTHER, Ed25519PrivateKey.from_private_bytes(b"3" * 32))
    assert decode(code("A", private=OTHER), keys).venue == "A"
    assert decode(code("B"), keys).venue == "B"
