"""Servers of stores, each in a process of its own."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.lake import objects

_SECONDS = 60


@contextmanager
def serving(words: list[str], log: Path, sign: str) -> Iterator[str]:
    """Yield what a server has said behind a sign, such as its address; it ends with the block.

    Args:
        words: the command.
        log: where it writes what it says.
        sign: regular expression with one group.
    """
    with open(log, "wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file)
    try:
        yield _said(process, log, sign)
    finally:
        process.kill()
        process.wait()


@contextmanager
def variables_set(variables: dict[str, str], home: Path) -> Iterator[None]:
    """Set what names a store, and own folders for what lies on this machine, until the block ends."""
    own = {"XDG_CACHE_HOME": str(home / "cache"), "XDG_DATA_HOME": str(home / "data")}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (variables | own).items():
            patched.setenv(name, value)
        objects.client.cache_clear()
        yield
    objects.client.cache_clear()


def _said(process: "subprocess.Popen[bytes]", log: Path, sign: str) -> str:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and process.poll() is None:
        found = re.search(sign, log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise TimeoutError(f"the server did not come up: {log.read_text()}")
