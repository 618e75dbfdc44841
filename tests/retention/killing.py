"""Ends a command in this process at the n-th time that it touches the lake, as a kill would."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipelines.lake import commits, storage

Step = tuple[Any, str]
"""An owner and the name of a function of it."""


class Killed(BaseException):
    """No handler of ours catches it."""


class Killer:
    """Counts commits and removals, before and after each, and ends the command at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, more: Sequence[Step] = ()) -> None:
        self.count, self._at = 0, at
        for owner, name in ((commits, "_write_entry"), (storage, "remove"), (storage, "put"), *more):
            monkeypatch.setattr(owner, name, self._around(getattr(owner, name)))

    def _around(self, call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*words: object, **named: object) -> object:
            self._step()
            answer = call(*words, **named)
            self._step()
            return answer

        return wrapped

    def _step(self) -> None:
        self.count += 1
        if self.count == self._at:
            raise Killed


def killed_at(number: int, command: Callable[[], object], more: Sequence[Step] = ()) -> int:
    """Run a command until its n-th step, of which there are more; how many steps it came to."""
    with pytest.MonkeyPatch.context() as patched:
        killer = Killer(patched, number, more)
        with contextlib.suppress(Killed, RuntimeError):  # Beam turns what a step raises into the latter
            command()
    return killer.count
