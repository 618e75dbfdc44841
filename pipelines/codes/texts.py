"""Strict readings of what codes are made of: base64, JSON, one line of text."""

import base64
import binascii
import json
import re
from typing import Any, NoReturn

from pipelines.codes.decoded import CodeError

MAX_DEPTH = 16

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}", re.ASCII)
_URL_ALPHABET = str.maketrans("-_", "+/")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def base64_bytes(text: str) -> bytes:
    """The bytes of base64 in either alphabet, with or without padding.

    Raises:
        CodeError: it is no base64.
    """
    if not _BASE64.fullmatch(text):
        raise CodeError("malformed")
    body = text.rstrip("=").translate(_URL_ALPHABET)
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except binascii.Error as error:
        raise CodeError("malformed") from error


def json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object: no name twice, no NaN, at most `MAX_DEPTH` deep.

    Raises:
        CodeError: it is none.
    """
    try:
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
    """A text that must be there.

    Raises:
        CodeError: it is absent, no text, or no UTF-8.
    """
    value = values.get(name)
    if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise CodeError("malformed")
    return value


def one_line(text: str) -> str:
    """The text of a name: one line without control or direction characters.

    Raises:
        CodeError: it holds some.
    """
    if not (text.isascii() and text.isprintable()) and _HIDDEN.search(text):
        raise CodeError("malformed")
    return text


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("no JSON")


def _depth(value: Any) -> int:
    """How deep lists and objects are nested; a value alone is 0."""
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
