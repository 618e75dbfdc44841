"""A small lake with hostile names and a vault, made once, and servers of it."""

import pytest

from pipelines.web.scratch_folder import ScratchFolder
from tests.export.worlds import make_lake
from tests.web.visitors import Visitor, copied


@pytest.fixture(scope="session")
def made_lake(tmp_path_factory):
    return make_lake(tmp_path_factory.mktemp("served"))


@pytest.fixture
def lake(made_lake, tmp_path):
    """A copy that a test may change."""
    return copied(made_lake, tmp_path)


@pytest.fixture
def scratch():
    folder = ScratchFolder()
    yield folder
    folder.remove()


@pytest.fixture
def visitor(lake, scratch):
    """Somebody who has signed in, with the authority's key, in English."""
    return Visitor(lake, scratch)
