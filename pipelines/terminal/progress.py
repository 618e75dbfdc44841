"""Progress on the terminal for work that takes longer than two seconds.

A command runs inside `display`. Whatever does the work, on any thread and
also inside a Beam step of this process, reports it with `add_work` and
`work_done`; without a display these do nothing.
"""

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeVar, cast

DELAY_SECONDS = 2.0
_TICK_SECONDS = 0.2
_ROUNDING = 1e-6  # units: a share is a fraction, and its product with the total may end a little above them

Item = TypeVar("Item")

_display: "_Display | None" = None


@contextmanager
def display(name: str) -> Iterator[None]:
    """Show how far the work inside is, on standard error and only if that is a terminal.

    Args:
        name: what is running, such as the command.
    """
    global _display
    # One display a process; a step inside another command's joins it.
    if _display is not None or not sys.stderr.isatty():
        yield
        return
    # Kept to be put back: others may have replaced the streams as well.
    out, err = sys.stdout, sys.stderr
    _display = shown = _Display(name, err)
    sys.stderr = cast(TextIO, _Clearing(err, shown))
    # An answer in a file or a pipe needs no clearing, and must not be touched.
    if out.isatty():
        sys.stdout = cast(TextIO, _Clearing(out, shown))
    try:
        yield
    finally:
        shown.stop()
        # The order matters: the thread has ended before the streams are exchanged.
        _display, sys.stdout, sys.stderr = None, out, err


@contextmanager
def progress(label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Show one step of known size; in a `display` of its own where none is running.

    Args:
        label: what is done, a short verb phrase.
        total: how many units there are; None if unknown.
        unit: what is counted, `file` or `B`.

    Yields:
        A function to be called with the number of units just done.
    """
    with display(label):
        add_work(label, total, unit)
        yield lambda units: work_done(label, units)


def add_work(label: str, units: int | None, unit: str) -> None:
    """Report work that has to be done in a step.

    Args:
        label: the step, a short verb phrase.
        units: how many units are added to those already reported; None if unknown.
        unit: what is counted, `file` or `B`.
    """
    shown = _display
    if shown is not None:
        shown.add(label, units, unit)


def work_done(label: str, units: int) -> None:
    """Report work of a step as done."""
    shown = _display
    if shown is not None:
        shown.done(label, units)


def counting(items: Iterable[Item], label: str, total: int, unit: str) -> Iterator[Item]:
    """Hand the items on and report each as done; where the reader stops early, the rest as well.

    Args:
        items: what is worked through.
        label: the step, a short verb phrase.
        total: how many items there are.
        unit: what one is.
    """
    add_work(label, total, unit)
    left = total
    try:
        for item in items:
            yield item
            left -= 1
            # On the way back from `yield`: the item has been worked through.
            work_done(label, 1)
    finally:
        work_done(label, left)


@dataclass
class _Step:
    label: str
    unit: str
    total: int | None = 0
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    shown: float = 0.0  # the share that was drawn

    def to_show(self) -> int:
        """Return the units to draw: where work was added, what was drawn stands until it is reached."""
        if not self.total:
            return self.done
        held = math.ceil(self.shown * self.total - _ROUNDING)
        units = max(self.done, min(held, self.total))
        self.shown = units / self.total
        return units


class _Display:
    """Draws the step that moved last, from a thread of its own."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name, self._stream = name, stream
        self._steps: dict[str, _Step] = {}
        self._latest: _Step | None = None
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._drawn = ""  # the line on the screen
        self._within_line = False
        self._thread = threading.Thread(target=self._draw_until_ended, name="progress", daemon=True)
        self._thread.start()

    def add(self, label: str, units: int | None, unit: str) -> None:
        with self._lock:
            step = self._latest = self._steps.setdefault(label, _Step(label, unit))
            # One unknown part makes the whole unknown.
            step.total = None if step.total is None or units is None else step.total + units

    def done(self, label: str, units: int) -> None:
        with self._lock:
            step = self._latest = self._steps.setdefault(label, _Step(label, ""))
            step.done += units

    def clear(self, within_line: bool) -> None:
        """Take the bar off the screen, for a text; until that has ended its line none is drawn."""
        with self._lock:
            self._erase()
            # A prompt or half a line stands on the screen: the bar must not write into it.
            self._within_line = within_line

    def stop(self) -> None:
        """Take the bar off the screen for good."""
        self._ended.set()
        self._thread.join()
        with self._lock:
            self._erase()

    def _draw_until_ended(self) -> None:
        # Most commands are done before; they never import tqdm.
        if self._ended.wait(DELAY_SECONDS):
            return
        from tqdm import tqdm  # few commands take that long

        while not self._ended.is_set():
            # The lock keeps a text of another thread from falling into the middle of the bar.
            with self._lock:
                if not self._within_line:
                    self._draw(self._line(tqdm.format_meter))
            self._ended.wait(_TICK_SECONDS)

    def _line(self, format_meter: Callable[..., str]) -> str:
        columns = _columns(self._stream) - 1  # a full last column would wrap
        step, now = self._latest, time.monotonic()
        # Nothing is known to be under way: the time alone shows that the command lives.
        if step is None or step.done == step.total:
            minutes, seconds = divmod(round(now - self._begun), 60)
            return f"{self._name} {minutes:02}:{seconds:02}"[:columns]
        own = step.label == self._name
        return format_meter(
            step.to_show(),
            step.total,
            now - step.begun,
            ncols=columns,
            prefix=self._name if own else f"{self._name}: {step.label}",
            ascii=not _has_blocks(self._stream),
            unit=step.unit,
            unit_scale=step.unit == "B",
        )

    def _draw(self, line: str) -> None:
        if line != self._drawn:
            # Blanks behind a shorter line wipe out what is left of the longer one.
            self._stream.write(f"\r{line.ljust(len(self._drawn))}")
            self._stream.flush()
            self._drawn = line

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\r{' ' * len(self._drawn)}\r")
            self._stream.flush()
            self._drawn = ""


class _Clearing:
    """A stream of the process that takes the bar off the screen before it writes."""

    def __init__(self, stream: TextIO, shown: _Display) -> None:
        self._stream, self._shown = stream, shown

    def write(self, text: str) -> int:
        self._shown.clear(within_line=not text.endswith("\n"))
        written = self._stream.write(text)
        self._stream.flush()
        return written

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # an answer is being written, past this stream
            self._shown.stop()
        return getattr(self._stream, name)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _has_blocks(stream: TextIO) -> bool:
    try:
        "▏█".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
