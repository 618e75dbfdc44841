"""Memory that a working process keeps instead of handing it back and asking again."""

import ctypes
import ctypes.util
from functools import cache
from typing import Any

import pyarrow as pa

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8  # of <malloc.h>
_PAD_BYTES = 64 << 20
_NEVER_BYTES = (1 << 31) - 1


def keep_freed_memory() -> None:
    """Let freed memory be used again by the next chunk of columns.

    A chunk allocates and frees some hundred megabytes of arrays. The C library
    would map and unmap each, and the kernel's first touch of fresh pages takes
    longer than the work on them: a quarter of the time of 10 M scans. Where the
    C library is not glibc, nothing changes.
    """
    library = _c_library()
    if not hasattr(library, "mallopt"):
        return
    library.mallopt(_ARENA_MAX, 1)
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _NEVER_BYTES)
    library.mallopt(_TOP_PAD, _PAD_BYTES)
    pa.set_memory_pool(pa.system_memory_pool())


def release_freed_memory() -> None:
    """Hand back what an earlier step has freed: the next one's arrays have other sizes and would not fit in.

    Takes milliseconds. Without it each step added to the peak, which was a fifth higher at 10 M scans.
    """
    library = _c_library()
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


@cache
def _c_library() -> Any:
    try:
        return ctypes.CDLL(ctypes.util.find_library("c"))
    except (OSError, TypeError):
        return None
