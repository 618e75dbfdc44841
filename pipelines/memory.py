"""Memory that a working process keeps instead of handing it back and asking again."""

import ctypes
import ctypes.util

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
    try:
        mallopt = ctypes.CDLL(ctypes.util.find_library("c")).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _NEVER_BYTES)
    mallopt(_TOP_PAD, _PAD_BYTES)
    pa.set_memory_pool(pa.system_memory_pool())
