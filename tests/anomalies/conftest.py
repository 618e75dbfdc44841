import pytest

from tests.anomalies.drawn_scans import town


@pytest.fixture(scope="session")
def clean():
    """Rows and venues of a town in which nothing is wrong."""
    return town(3)
