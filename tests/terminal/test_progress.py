import io
import sys
import time

from pipelines.terminal import progress as module
from pipelines.terminal.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_with(stream, monkeypatch, delay_seconds):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "DELAY_SECONDS", delay_seconds)
    with progress("read", 3, "file") as done:
        for _ in range(3):
            time.sleep(0.06)  # the bar is redrawn ten times a second at most
            done(1)
    return stream.getvalue()


def test_no_bar_is_drawn_where_standard_error_is_no_terminal(monkeypatch):
    assert run_with(io.StringIO(), monkeypatch, 0.0) == ""


def test_no_bar_is_drawn_for_short_work(monkeypatch):
    assert "read" not in run_with(Terminal(), monkeypatch, 2.0)


def test_a_bar_is_drawn_on_a_terminal_once_the_delay_is_over(monkeypatch):
    assert "read" in run_with(Terminal(), monkeypatch, 1e-9)
