"""Allocator settings hold for a whole process, so only commands make them."""

import pytest

from pipelines import cli
from pipelines.drivers.run import run
from pipelines.runtime import malloc


class Library:
    """Stands for the C library and records what is set."""

    def __init__(self):
        self.settings = []

    def mallopt(self, setting, value):
        self.settings.append(setting)

    def malloc_trim(self, _bytes):
        pass


@pytest.fixture
def library(monkeypatch):
    made = Library()
    monkeypatch.setattr(malloc, "_c_library", lambda: made)
    monkeypatch.setattr(malloc.pa, "set_memory_pool", lambda _pool: None)
    return made


@pytest.fixture
def scans(tmp_path):
    path = tmp_path / "scans.ndjson"
    path.write_text('{"person": "device:a", "venue": "V", "occurred_at": "2021-07-01T00:00:00Z"}\n')
    return str(path)


def test_a_function_that_a_notebook_calls_leaves_the_allocator_alone(library, scans, tmp_path):
    assert run(str(tmp_path / "lake"), [scans]).received == 1
    assert library.settings == []


def test_the_command_keeps_freed_memory(library, scans, tmp_path, capsys):
    assert cli.main(["run", "--lake", str(tmp_path / "lake"), "--scans", scans]) == 0
    assert len(library.settings) == 4
