import pytest

from pipelines.codes.decoded import CodeError
from pipelines.codes.texts import MAX_DEPTH, base64_bytes, json_object, one_line, text_of


@pytest.mark.parametrize("text", ["+/+/", "-_-_", "+_-/"])
def test_both_alphabets_of_base64_are_read(text):
    assert base64_bytes(text) == b"\xfb\xff\xbf"


@pytest.mark.parametrize("text", ["YQ", "YQ=", "YQ=="])
def test_padding_may_be_missing(text):
    assert base64_bytes(text) == b"a"


@pytest.mark.parametrize("text", ["A", "AAAAA", "A A=", "AA\n==", "=AA", "AA=A", "ＡA", "AA==="])
def test_invalid_base64_is_malformed(text):
    with pytest.raises(CodeError, match="malformed"):
        base64_bytes(text)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "malformed"),
        (b"1", "malformed"),
        (b'{"a":1,"a":1}', "malformed"),
        (b'{"a":Infinity}', "malformed"),
        (b'{"a":1}x', "malformed"),
        (b'\xef\xbb\xbf{"a":1}', "malformed"),
        (b'{"a":"\xc3"}', "malformed"),
        (b'{"a":' + b"9" * 4000 + b"}", ""),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "too_deep"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "too_deep"),
        (b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH, ""),
    ],
)
def test_an_object_is_read_strictly(raw, reason):
    if reason:
        with pytest.raises(CodeError, match=reason):
            json_object(raw)
    else:
        assert json_object(raw)


@pytest.mark.parametrize("value", [None, 1, ["a"], "\ud800"])
def test_a_text_is_a_text(value):
    with pytest.raises(CodeError, match="malformed"):
        text_of({"a": value}, "a")


@pytest.mark.parametrize("sign", "\x00\n\r\t\x7f\x85\u2028\u202e\u2066\u200f")
def test_a_name_is_one_line_without_hidden_signs(sign):
    with pytest.raises(CodeError, match="malformed"):
        one_line(f"a{sign}b")
    assert one_line("Chợ Thu Lộ") == "Chợ Thu Lộ"
