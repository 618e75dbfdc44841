import io
import re
import sys
import threading
import time

import pytest

from pipelines.terminal import progress as module
from pipelines.terminal.progress import add_work, counting, display, progress, work_done


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def at_terminal(monkeypatch):
    """Standard error as a terminal on which bars are drawn at once.

    No fixture: before the test itself pytest sets both streams again.
    """
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(module, "DELAY_SECONDS", 0.0)
    return sys.stderr


def wait_for(terminal, text):
    """Until the text was drawn, or for ten seconds."""
    end = time.monotonic() + 10
    while text not in terminal.getvalue() and time.monotonic() < end:
        time.sleep(0.01)
    assert text in terminal.getvalue()


def screen(text):
    """Return the lines that are left on the screen after all carriage returns."""
    lines = []
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_no_bar_is_drawn_where_standard_error_is_not_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(module, "DELAY_SECONDS", 0.0)
    with progress("read", 3, "file") as done:
        done(1)
        time.sleep(0.2)
    assert sys.stderr.getvalue() == ""


def test_no_bar_is_drawn_for_short_work(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("read", 3, "file") as done:
        done(3)
    assert sys.stderr.getvalue() == ""


def test_a_bar_shows_the_share_that_is_done_and_leaves_nothing_behind(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with progress("read", 4, "file") as done:
        done(1)
        wait_for(terminal, "read:  25%")
    assert screen(terminal.getvalue()) == [""]


def test_work_of_a_command_is_counted_over_all_threads(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with display("run"):
        add_work("read", 30, "B")
        threads = [threading.Thread(target=work_done, args=("read", 5)) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for(terminal, "run: read:  50%")
        add_work("read", 30, "B")  # a bar never goes back
        wait_for(terminal, "30.0/60.0")
        work_done("read", 30)
        wait_for(terminal, "run: read:  75%")
    shares = [int(share) for share in re.findall(r"(\d+)%", terminal.getvalue())]
    assert shares == sorted(shares)


@pytest.mark.parametrize("total", [1, 3, 7, 61, 997])
def test_a_share_stands_where_work_is_added_and_grows_no_further_by_itself(total):
    step = module._Step("read", "file", total)
    step.done = total // 2
    first = [step.to_show() for _ in range(100)]
    assert first == [total // 2] * 100
    step.total = 10 * total + 1
    held = [step.to_show() for _ in range(100)]
    assert len(set(held)) == 1
    assert held[0] / step.total >= first[0] / total
    step.done = step.total
    assert step.to_show() == step.total


def test_a_command_that_counts_nothing_shows_its_time(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with display("trace"):
        wait_for(terminal, "trace 00:0")


def test_time_is_shown_between_two_steps(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with display("run"):
        add_work("read", 1, "file")
        work_done("read", 1)
        wait_for(terminal, "run 00:0")


def test_items_that_nobody_reads_any_more_are_done(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with display("trace"):
        for date in counting([1, 2, 3, 4], "sweep dates", 4, "date"):
            if date == 2:
                wait_for(terminal, "trace: sweep dates:  25%")
                break
        wait_for(terminal, "trace 00:0")
    assert list(counting("ab", "read", 2, "file")) == ["a", "b"]


def test_work_is_not_counted_where_nothing_is_shown():
    add_work("read", 3, "file")
    work_done("read", 1)
    assert module._display is None


def test_text_is_written_on_lines_of_its_own_while_a_bar_is_shown(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with display("run"):
        wait_for(terminal, "run 00:0")
        print("two rows refused", file=sys.stderr)
        before = terminal.getvalue().count("run 00:0")
        while terminal.getvalue().count("run 00:0") == before:
            time.sleep(0.01)
        print("done", file=sys.stderr)
    assert screen(terminal.getvalue()) == ["two rows refused", "done", ""]


def test_no_bar_is_drawn_into_an_answer(monkeypatch):
    terminal = at_terminal(monkeypatch)
    out = sys.stdout
    out.buffer = io.BytesIO()
    with display("overlaps"):
        wait_for(terminal, "overlaps 00:0")
        sys.stdout.buffer.write(b"venue")
        drawn = terminal.getvalue()
        time.sleep(0.3)
        assert terminal.getvalue() == drawn
    assert screen(drawn) == [""]
    assert sys.stdout is out


def test_a_display_inside_another_draws_nothing_of_its_own(monkeypatch):
    terminal = at_terminal(monkeypatch)
    with display("simulate"), progress("simulate", 2, "day") as done:
        done(1)
        wait_for(terminal, "simulate:  50%")
    assert "simulate: simulate" not in terminal.getvalue()


def test_streams_are_given_back_after_an_error(monkeypatch):
    at_terminal(monkeypatch)
    streams = (sys.stdout, sys.stderr)

    def fail():
        with display("run"):
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert (sys.stdout, sys.stderr) == streams
