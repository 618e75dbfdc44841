"""Lakes in memory where the machine has room for that: these tests wait for no disk."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")


def _folder() -> Path:
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="truyvet-test-", dir=where))


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder of the test's own."""
    path = _folder()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """An empty folder of the module's own."""
    path = _folder()
    yield path
    shutil.rmtree(path)
