"""Mutations of valid codes: none is an exception, none is accepted unless it means the same."""

import base64
import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.codes.decoded import REASONS
from pipelines.codes.decoder import decode
from tests.codes.foreign_codes import KEYS as FOREIGN
from tests.codes.foreign_codes import clea, crowd, cwa, nhs, nz
from tests.codes.own_codes import code, trusted

KEYS = dataclasses.replace(FOREIGN, own=trusted().own)
SIGNED = [
    code("QNG-0001", zone="T2", direction="in", valid_to=2_000_000_000),
    nhs(),
    clea(),
    clea(contact=True),
]
UNSIGNED = [
    nz(),
    cwa(),
    crowd(times=((4, 10), (5, 20))),
    "https://app.luca-app.de/webapp/81d9e1db-7050-4557-b1ca-a9e4fe899bd9#eyJ0YWJsZSI6N30",
    "https://www.safeentry-qr.gov.sg/tenant/PROD-T08GB0039A-NGEEANN-POLY-SE",
    "001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422",
    "001090123456|012345678|NGUYEN VAN A|01011990|Nam|Quận 1|15042021",
    "https://qr.pccovid.gov.vn/QNG-1",
]
SIGNS = 'AZaz09+/-_=.:#?&|<>*{}[]"\\ \n\x00\u202eếＡ𝟘'
ANSWERS = {decode(text, KEYS).venue: decode(text, KEYS) for text in SIGNED}


def mutated(text, dice):
    """Return the text with one to three small changes."""
    for _ in range(dice.randint(1, 3)):
        at, kind = dice.randrange(len(text) + 1), dice.randrange(6)
        if kind == 0:
            text = text[:at] + dice.choice(SIGNS) + text[at + 1 :]
        elif kind == 1:
            text = text[:at] + dice.choice(SIGNS) + text[at:]
        elif kind == 2:
            text = text[:at] + text[at + dice.randint(1, 4) :]
        elif kind == 3:
            end = min(len(text), at + dice.randint(1, 30))
            text = text[:end] + text[at:end] * dice.randint(1, 3) + text[end:]
        elif kind == 4:
            text = text[:at] + text[at : at + 6].swapcase() + text[at + 6 :]
        else:
            text = with_flipped_bit(text, dice)
    return text


def with_flipped_bit(text, dice):
    """Flip a bit of the bytes behind the last `#`, `.` or `:`, where they are base64."""
    head = max(text.rfind(sign) for sign in "#.:") + 1
    try:
        raw = bytearray(base64.urlsafe_b64decode(text[head:] + "=" * (-len(text[head:]) % 4)))
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    except ValueError:
        return text
    return text[:head] + base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")


def judge(text):
    decoded = decode(text, KEYS)
    assert (decoded.authenticity == "") is (decoded.reason != "")
    assert decoded.reason in ("", *REASONS)
    if decoded.authenticity in ("signed_valid", "mac_valid"):
        assert dataclasses.asdict(decoded) == dataclasses.asdict(ANSWERS[decoded.venue])
    if decoded.reason:
        assert (decoded.venue, decoded.person) == (None, None)


def judge_many(count, seed):
    dice = random.Random(seed)
    texts = SIGNED + UNSIGNED
    for number in range(count):
        judge(mutated(texts[number % len(texts)], dice))


def test_thousands_of_mutations_are_refused_or_mean_the_same():
    judge_many(5_000, 1)


@pytest.mark.slow
def test_fifty_thousand_mutations_are_refused_or_mean_the_same():
    judge_many(50_000, 2)


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_any_text_or_bytes_get_an_answer(text):
    judge(text)


@given(
    st.sampled_from(["NZCOVIDTRACER:", "https://e.coronawarn.app?v=1#", "https://qr.notify-me.ch?v=3#"]),
    st.binary(max_size=200),
)
def test_any_bytes_behind_a_known_head_get_an_answer(head, raw):
    judge(head + base64.b64encode(raw).decode())
