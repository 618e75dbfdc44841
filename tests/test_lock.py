"""`requirements.lock` has every package of the product's own installation, by hash, and names no registry."""

import re
import tomllib

import pytest

from tests.test_layers import ROOT

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRIES = re.split(r"\n(?=[A-Za-z0-9])", LOCK.rstrip())
PINNED = {entry.partition("==")[0]: re.match(r"[^=]+==([^\s;]+)", entry)[1] for entry in ENTRIES}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_entry_is_one_version_with_hashes():
    assert len(ENTRIES) > 50
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in ENTRIES)
    assert "://" not in LOCK
    assert "--index" not in LOCK


@pytest.mark.parametrize(
    "wanted", tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
)
def test_each_dependency_is_locked(wanted):
    assert normal(re.match(r"[\w.-]+", wanted)[0]) in PINNED, "run make lock"


def test_what_is_locked_is_what_is_tested():
    """Of what both name: `constraints.txt` holds the versions that the suite runs with."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    tested = {normal(name): version for name, _, version in (line.partition("==") for line in lines)}
    assert {name: version for name, version in PINNED.items() if tested.get(name, version) != version} == {}
    assert len(PINNED.keys() - tested.keys()) < 5
