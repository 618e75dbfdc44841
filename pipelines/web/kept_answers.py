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
        key = (lake.url, lake.fingerprint, versions_of(lake), *question)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(_Answered, self._kept[key])
            computing = self._computing.setdefault(key, threading.Lock())
        with computing:
            with self._lock:
                if key in self._kept:
                    return cast(_Answered, self._kept[key])
            try:
                answer = make()
            finally:
                with self._lock:
                    self._computing.pop(key, None)
            with self._lock:
                self._kept[key] = answer
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            return answer
