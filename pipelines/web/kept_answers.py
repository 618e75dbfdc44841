"""Answers that are the same for everybody as long as the lake does not change: computed once, and kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

from pipelines.lake import Lake
from pipelines.web.lake_state import versions_of

_Answered = TypeVar("_Answered")

_MOST: Final = 24


class KeptAnswers:
    """The answers asked for last; a change of the lake asks for new ones.

    Attributes:
        drawing: held while matplotlib draws, whose settings are of the process.
    """

    def __init__(self) -> None:
        self.drawing = threading.Lock()
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._computing: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def once(self, lake: Lake, question: tuple[Hashable, ...], make: Callable[[], _Answered]) -> _Answered:
        """Return the answer to a question; of several requests at once one computes it.

        Args:
            lake: the lake that it is asked of.
            question: what is asked, wholly.
            make: computes it; an error is nobody's answer but the one who met it.
        """
        # Fingerprint and versions are part of the key: after a change or a rotation nothing old is found.
        key = (lake.url, lake.fingerprint, versions_of(lake), *question)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(_Answered, self._kept[key])
            # One lock a question, so that different ones do not wait for each other.
            computing = self._computing.setdefault(key, threading.Lock())
        with computing:
            # Another thread may have answered while this one waited.
            with self._lock:
                if key in self._kept:
                    return cast(_Answered, self._kept[key])
            try:
                answer = make()
            finally:
                # An error is not kept: the next request computes again.
                with self._lock:
                    self._computing.pop(key, None)
            with self._lock:
                self._kept[key] = answer
                # The one that was not asked for longest goes.
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            return answer
