"""Messages of JSON become lines of JSON, byte for byte."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.streaming.land_options import MOST_RECORDS
from pipelines.streaming.message_records import MESSAGE_BYTES, lines_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('a,{}[]"\\\n', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("k{", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(JSON, min_size=1, max_size=5), st.booleans())
def test_an_array_becomes_a_line_per_value(values, indented):
    message = orjson.dumps(values, option=orjson.OPT_INDENT_2 if indented else 0)
    lines, count = lines_of(message)
    assert count == len(values)
    assert [orjson.loads(line) for line in lines.splitlines()] == values


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.booleans())
def test_an_object_becomes_one_line(value, indented):
    lines, count = lines_of(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indented else 0))
    assert count == 1
    assert lines.count(b"\n") == 1
    assert orjson.loads(lines) == value


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text('[]{},"\\\n a', max_size=20).map(str.encode))
def test_any_message_gives_as_many_lines_as_it_counts(message):
    lines, count = lines_of(message)
    assert count >= 1
    assert lines.endswith(b"\n")
    assert lines.count(b"\n") == count
    assert all(line.strip() for line in lines.split(b"\n")[:-1])


TOO_MANY = b"[" + b",".join([b"1"] * (MOST_RECORDS + 1)) + b"]"
TOO_LONG = b"[" + b" " * MESSAGE_BYTES + b"1]"
BROKEN = [b"", b" ", b"[]", b"[1,]", b"[,1]", b"[1", b'["a]', b'[{"a":1}}]', b"{}{},", b'{"a":"x\ny"}']


@pytest.mark.parametrize("poison", [*BROKEN, b"\xff", b"7", TOO_MANY, TOO_LONG])
def test_poison_becomes_one_line_that_is_not_json(poison):
    lines, count = lines_of(poison)
    assert (count, lines.count(b"\n")) == (1, 1)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(lines)
