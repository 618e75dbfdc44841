"""Which persons of a bundle of chunks the vault does not hold yet."""

import threading

import numpy as np

from pipelines.arrays import Int64


class Unsealed:
    """The tokens that somebody still has to seal; each is handed out once.

    Lives as long as a bundle, so that a bundle tried again seals again.
    """

    def __init__(self, sealed: Int64) -> None:
        """Begin with the tokens that the vault holds, int64[n] in any order."""
        self._lock = threading.Lock()
        self._sealed = np.unique(sealed)

    def claim(self, tokens: Int64) -> Int64:
        """The positions in `tokens` (distinct, int64[n]) that the caller has to seal."""
        with self._lock:
            place = np.searchsorted(self._sealed, tokens)
            place[place == self._sealed.size] = 0
            held = self._sealed[place] == tokens if self._sealed.size else np.zeros(tokens.size, bool)
            fresh = np.flatnonzero(~held)
            if fresh.size:
                self._sealed = np.union1d(self._sealed, tokens[fresh])
        return fresh
