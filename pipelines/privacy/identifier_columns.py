"""Canonical identifiers of a whole column, by the compiled rule of `pipelines.privacy.identifiers`."""

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit

from pipelines.kernels.byte_copy import SLACK
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, read_only
from pipelines.privacy.identifiers import GROWTH, RULE


def _compiled(functions: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Compile functions that call one another, and return the last.

    Numba finds a callee among the globals of its caller and needs it compiled
    there. So each function gets a twin, of the same code, whose globals are a copy of
    the module's with compiled functions in them; the module's own stay plain Python.
    """
    scope: dict[str, Any] = {}
    for function in functions:
        assert isinstance(function, FunctionType)
        scope = scope or dict(function.__globals__)
        # `RULE` lists callees first, so they are compiled and in `scope` by now.
        scope[function.__name__] = helper(FunctionType(function.__code__, scope, function.__name__))
    compiled: Callable[..., Any] = scope[functions[-1].__name__]
    return compiled


_PUT_CANONICAL = _compiled(RULE)


def canonical_identifiers(texts: Spans) -> tuple[Spans, Int32]:
    """Return the canonical identifiers of `KIND:VALUE` texts, and which texts are refused.

    Args:
        texts: d texts, tidy and without hidden characters (`schemas.wire_text`).

    Returns:
        The identifiers, length -1 where there is none, and int32[d]: 0, or `REFUSED` or
        `TOO_LONG` of `pipelines.privacy.identifiers`.
    """
    data, start, size = _put_all(texts.data, texts.start, texts.length)
    return Spans(read_only(data), start, np.maximum(size, np.int32(-1))), np.minimum(size, np.int32(0))


@njit(cache=True, nogil=True)
def _put_all(data: UInt8, start: Int64, length: Int32) -> tuple[UInt8, Int64, Int32]:
    # An upper bound: every text may grow, and kernels read up to `SLACK` bytes past the end.
    room = SLACK
    for row in range(start.size):
        room += max(0, length[row]) + GROWTH
    out = np.empty(room, np.uint8)
    begins = np.empty(start.size, np.int64)
    sizes = np.empty(start.size, np.int32)
    end = 0
    for row in range(start.size):
        begins[row] = end
        sizes[row] = _PUT_CANONICAL(data, start[row], max(0, int(length[row])), out, end)
        end += max(0, sizes[row])
    return out[: end + SLACK].copy(), begins, sizes  # drop the unused room
