"""Ordered results from a bounded number of threads; compiled kernels release the interpreter lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 6


def new_pool() -> Executor:
    """Start a pool with one thread per core that this process may use, at most four."""
    return ThreadPoolExecutor(min(4, len(os.sched_getaffinity(0))))


def in_order(pool: Executor, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield results in the order of the items; only a few are held at a time."""
    running: deque[Future[Result]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        # Taken out before more is put in: no more than _AHEAD results exist at a time.
        if len(running) >= _AHEAD:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
