"""Lakes in memory where the machine has room for that: these tests wait for no disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.planted import named_below

_MEMORY = Path("/dev/shm")


@contextmanager
def _folder() -> Iterator[Path]:
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="truyvet-test-", dir=where))
    yield path
    found = named_below(path)
    shutil.rmtree(path)
    assert found == []


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder of the test's own."""
    with _folder() as path:
        yield path


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """An empty folder of the module's own."""
    with _folder() as path:
        yield path
