"""Strict readers of what codes consist of: base64, JSON, one line of text."""

import base64
import binascii
import json
import re
from typing import Any, NoReturn

from pipelines.codes.decoded import CodeError
from schemas.wire_text import holds_hidden

MAX_DEPTH = 16

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}", re.ASCII)
_URL_ALPHABET = str.maketrans("-_", "+/")
_SEPARATORS = re.compile("[\u2028\u2029]")  # of lines and of paragraphs


def base64_bytes(text: str) -> bytes:
    """Decode base64 in either alphabet, with or without padding.

    >>> base64_bytes("_-8") == base64_bytes("/+8=")
    True

    Raises:
        CodeError: the text is not base64.
    """
    if not _BASE64.fullmatch(text):
        raise CodeError("malformed")
    body = text.rstrip("=").translate(_URL_ALPHABET)
    try:
        # Padding is made afresh; a body of 4n + 1 signs stays wrong, and is refused.
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except binascii.Error as error:
        raise CodeError("malformed") from error


def json_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object without repeated names and NaN, at most `MAX_DEPTH` deep.

    Raises:
        CodeError: the bytes are not such an object.
    """
    try:
        # Not orjson, which would keep the last of two equal names without a word.
        value = json.loads(raw.decode(), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except RecursionError as error:
        raise CodeError("too_deep") from error
    except ValueError as error:
        raise CodeError("malformed") from error
    if not isinstance(value, dict):
        raise CodeError("malformed")
    if _depth(value) > MAX_DEPTH:
        raise CodeError("too_deep")
    return value


def text_of(values: dict[str, Any], name: str) -> str:
    """Return a text that must be present.

    Raises:
        CodeError: it is absent, or not a text that UTF-8 can hold.
    """
    value = values.get(name)
    # json makes lone surrogates of escapes, and these have no UTF-8.
    if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise CodeError("malformed")
    return value


def one_line(text: str) -> str:
    """Return a text of one line, unchanged.

    Raises:
        CodeError: it holds line breaks, control or bidi characters.
    """
    if holds_hidden(text) or _SEPARATORS.search(text):
        raise CodeError("malformed")
    return text


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a repeated name")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


def _depth(value: Any) -> int:
    """Return how deep lists and objects are nested; 0 for a single value."""
    deepest, level = 0, [value]
    while level:
        inner: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                inner += part.values()
            elif isinstance(part, list):
                inner += part
        if not inner and not any(isinstance(part, dict | list) for part in level):
            break
        deepest, level = deepest + 1, inner
    return deepest
