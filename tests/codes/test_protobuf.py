import pytest

from pipelines.codes.decoded import CodeError
from pipelines.codes.protobuf import data, number, read_message, text
from tests.codes.foreign_codes import message


def test_the_fields_of_a_message_are_read():
    found = read_message(message((1, 300), (2, "ế"), (7, b"")))
    assert (number(found, 1), text(found, 2), data(found, 7)) == (300, "ế", b"")
    assert (number(found, 9), text(found, 9), data(found, 9)) == (0, "", b"")


def test_fixed_numbers_are_bytes():
    assert read_message(b"\x0d" + b"\x01\x02\x03\x04" + b"\x11" + bytes(8)) == {
        1: b"\x01\x02\x03\x04",
        2: bytes(8),
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"\x08",
        b"\x08\x80",
        b"\x08\x80\x00",
        b"\x88\x00\x01",
        b"\x08" + b"\xff" * 9 + b"\x02",
        b"\x08" + b"\x80" * 11,
        b"\x12\x05ab",
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0b\x0c",
        b"\x00\x01",
        b"\x0d\x01",
        b"\x08\x01\x08\x01",
        b"\x0e\x01",
    ],
)
def test_a_message_that_is_damaged_or_not_in_its_shortest_form_is_malformed(raw):
    with pytest.raises(CodeError, match="malformed"):
        read_message(raw)


def test_the_largest_number_is_read():
    assert read_message(b"\x08" + b"\xff" * 9 + b"\x01") == {1: 2**64 - 1}


@pytest.mark.parametrize(
    ("read", "raw"), [(number, b"\x0a\x01a"), (data, b"\x08\x01"), (text, b"\x0a\x01\xff")]
)
def test_a_field_of_another_kind_is_malformed(read, raw):
    with pytest.raises(CodeError, match="malformed"):
        read(read_message(raw), 1)
