"""Settings of glibc's allocator for processes that do nothing but work on columns.

They hold for the whole process, so only commands and workers make them, never
a function that a notebook may call.
"""

import ctypes
import ctypes.util
from functools import cache
from typing import Any

import pyarrow as pa

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8  # of <malloc.h>
_PAD_BYTES = 64 << 20
_NEVER_BYTES = (1 << 31) - 1  # mallopt takes an int


def keep_freed_memory() -> None:
    """Keep freed memory in this process for the next chunk of columns.

    A chunk allocates and frees a few hundred megabytes of arrays. By default
    glibc maps and unmaps each of them, and the kernel clears every fresh page
    on first touch, which took a quarter of the time of 10 M scans. Does nothing
    on a C library other than glibc.
    """
    library = _c_library()
    if not hasattr(library, "mallopt"):
        return
    # One arena: freed memory is shared by all threads.
    library.mallopt(_ARENA_MAX, 1)
    # No mmap for large arrays: freeing one would unmap it.
    library.mallopt(_MMAP_MAX, 0)
    # Never trim the heap, and grow it by 64 MB at a time.
    library.mallopt(_TRIM_THRESHOLD, _NEVER_BYTES)
    library.mallopt(_TOP_PAD, _PAD_BYTES)
    # Arrow's default pool (mimalloc) does not allocate from what malloc keeps.
    pa.set_memory_pool(pa.system_memory_pool())


def release_freed_memory() -> None:
    """Return the memory that an earlier step has freed to the system.

    The next step's arrays have other sizes and would not fit the gaps: without
    this the peak at 10 M scans was a fifth higher. Takes milliseconds and
    changes no setting, so any process may call it.
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
