"""Values beside a job: pickled as a path, read once per process, equal to what was stored."""

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipelines.registry.registry import Registry
from pipelines.runtime import side_payload
from pipelines.runtime.side_payload import SidePayload


@dataclass(frozen=True)
class Names(SidePayload):
    """A payload of the tests."""

    names: tuple[str, ...]
    secret: str


@pytest.fixture
def stored(tmp_path):
    return Names(("a", "b"), "MARKER").store_in(str(tmp_path))


def test_a_stored_value_equals_the_one_before(stored):
    assert stored == Names(("a", "b"), "MARKER")


def test_the_pickle_holds_the_path_and_not_the_value(stored, tmp_path):
    pickled = pickle.dumps(stored)
    assert b"MARKER" not in pickled
    assert str(tmp_path).encode() in pickled


def test_a_process_reads_a_value_once(stored, monkeypatch):
    pickled = pickle.dumps(stored)
    monkeypatch.setattr(side_payload.storage, "read", None)  # held by this process: not read at all
    assert pickle.loads(pickled) is stored


def test_a_value_that_nothing_holds_any_more_is_read_again(tmp_path):
    pickled = pickle.dumps(Names(("c",), "MARKER").store_in(str(tmp_path)))
    loaded = pickle.loads(pickled)
    assert loaded == Names(("c",), "MARKER")
    assert pickle.loads(pickled) is loaded


def test_another_process_reads_the_value(tmp_path):
    registry = Registry(np.array([3, 5]), np.zeros(2, np.int16), np.zeros(2, np.int64))
    stored = registry.store_in(str(tmp_path))
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).venue.tolist())"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(stored), capture_output=True, check=True, cwd=root
    )
    assert done.stdout == b"[3, 5]\n"


def test_a_value_that_is_not_stored_is_pickled_whole():
    assert pickle.loads(pickle.dumps(Names((), "x"))) == Names((), "x")
