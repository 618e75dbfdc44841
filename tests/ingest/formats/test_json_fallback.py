"""The strict parser: JSON as the standard has it, and nothing beside it."""

import pytest

from pipelines.ingest.formats.json_fallback import decode
from pipelines.ingest.limits import PERSON, ZONE
from pipelines.ingest.reject_reasons import MALFORMED, TOO_DEEP, TOO_LARGE


def test_values_come_as_utf8_by_the_number_of_their_field():
    values, reason = decode(b'{"zone":"T\\u1ea7ng \\ud83d\\ude00","person":"a\\"b","other":1,"code":""}')
    assert reason == 0
    assert values == {ZONE: "Tầng 😀".encode(), PERSON: b'a"b'}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", MALFORMED),
        (b"{", MALFORMED),
        (b"[]", MALFORMED),
        (b'{"person":1}', MALFORMED),
        (b'{"person":"\\ud800"}', MALFORMED),
        (b'{"a":NaN}', MALFORMED),
        (b"\xef\xbb\xbf{}", MALFORMED),
        (b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", TOO_DEEP),
        (b'{"a":' + b"[" * 16 + b"NaN" + b"]" * 16 + b"}", TOO_DEEP),
        (b"[" * 16_000, MALFORMED),
        (b"[" * 8_000 + b"]" * 8_000, TOO_DEEP),
        (b" " * 16_385, TOO_LARGE),
    ],
)
def test_a_malformed_record_has_a_reason_and_no_values(raw, reason):
    assert decode(raw) == ({}, reason)
