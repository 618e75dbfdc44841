"""A store of objects in memory for the tests of readers; real servers stand in tests/lake."""

import pytest
from obstore.store import MemoryStore

from pipelines.lake import objects


@pytest.fixture
def store(monkeypatch):
    """Every bucket of every provider is there, and empty."""
    stores = {}
    monkeypatch.setattr(objects, "client", lambda bucket: stores.setdefault(bucket, MemoryStore()))
    return stores
