"""A process that has imported all that `truyvet run` imports, and forks a child for each command.

Starting a new Python with Beam takes longer than the command itself; a fork of
what is ready, in which nothing has been started yet, is as good to kill.

Reads lines of JSON on standard input: the words of a command, and optionally
at which of its commits the child kills itself, or at which of its calls that
change the disk where `kill_at_call.c` is preloaded: -n stops it at each from
the n-th on, until another line comes. Answers a line for each: the child's
number; "stopped" as often as that happens; and a last one when it has ended.

A child that is told to `rehearse` leaves the list of the kernels that it used,
and the process loads them, so that later children need not: half of the time
of a small command.
"""

import ctypes
import importlib
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numba.core.registry import CPUDispatcher

import pipelines.commands.run  # imports what the command imports
import pipelines.retention.erase
import pipelines.retention.purge
import pipelines.retention.rotate  # noqa: F401
from pipelines.cli import main
from pipelines.lake import commits
from tests.retention.eager_runner import eager_runs

_write_entry = commits._write_entry


def _die_at(commit: int, when: str) -> None:
    """Kill this process before, or after, the log entry of its n-th commit."""
    left = commit

    def write_entry(*args: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        _write_entry(*args)
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    commits._write_entry = write_entry


def _wait_at(_commit: int) -> None:
    """Wait for a signal before the first commit."""
    commits._write_entry = lambda *_: time.sleep(60)


def _child(order: dict[str, Any]) -> None:
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
    if order.get("when") == "wait":
        _wait_at(0)
    elif "commit" in order:
        _die_at(order["commit"], order["when"])
    code = _counted(order) if "call" in order else main(order["words"])
    if "rehearse" in order:
        used = [(one.py_func.__module__, one.py_func.__qualname__, one.signatures) for one in _kernels()]
        Path(order["rehearse"]).write_bytes(pickle.dumps(used))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _counted(order: dict[str, Any]) -> int:
    """Run a command, without Beam's engine, that is killed at a call; write how many it made otherwise."""
    counter = ctypes.CDLL(None)
    with eager_runs():
        counter.truyvet_kill_at(ctypes.c_long(order["call"]))
        code = main(order["words"])
        Path(order["calls"]).write_text(str(counter.truyvet_calls()))
    return code


def _kernels() -> Iterator[CPUDispatcher]:
    held = (value for module in list(sys.modules.values()) for value in list(vars(module).values()))
    return (value for value in held if isinstance(value, CPUDispatcher))


def _load_kernels(path: Path) -> None:
    """Load the kernels that a child has used; that starts no thread, which a fork would lack."""
    used = pickle.loads(path.read_bytes())
    for module in {module for module, _, _ in used}:
        importlib.import_module(module)
    known = {(one.py_func.__module__, one.py_func.__qualname__): one for one in _kernels()}
    for module, name, signatures in used:
        if (module, name) in known:
            for signature in signatures:
                known[module, name].compile(signature)


def _serve() -> None:
    for line in sys.stdin:
        order, child = json.loads(line), os.fork()
        if child == 0:
            os.close(0)
            _child(order)
        print(child, flush=True)
        code = _ended(child)
        if "rehearse" in order:
            _load_kernels(Path(order["rehearse"]))
        print(code, flush=True)


def _ended(child: int) -> int:
    """Wait for a child, which may stop on its way; how it ended."""
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        print("stopped", flush=True)
        sys.stdin.readline()
        os.kill(child, signal.SIGCONT)


if __name__ == "__main__":
    _serve()
