"""Worlds that several tests look at."""

import pytest

from tests.simulate import worlds


@pytest.fixture(scope="session")
def usual(tmp_path_factory):
    """The folder of a world with the default knobs."""
    folder = tmp_path_factory.mktemp("usual") / "world"
    worlds.made(folder)
    return folder


@pytest.fixture(scope="session")
def perfect_world(tmp_path_factory):
    """Makes worlds that are perfect but for some knobs, each once; answers folder and report."""
    known = {}

    def make(**knobs):
        key = tuple(sorted(knobs.items()))
        if key not in known:
            folder = tmp_path_factory.mktemp("world") / "world"
            known[key] = folder, worlds.made(folder, worlds.perfect(**knobs))
        return known[key]

    return make
