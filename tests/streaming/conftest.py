import os

import pytest

from pipelines.runtime.engines.java import free_port
from pipelines.streaming.emulator import Emulator, emulator_command
from tests.streaming.emulators import new_channel


@pytest.fixture(scope="session")
def emulator():
    """The emulator of this test session."""
    port = free_port()
    if emulator_command(port) is None:
        pytest.skip("NO STREAMING TEST RUNS: neither gcloud nor the jar of the Pub/Sub emulator is installed")
    started = Emulator(port)
    os.environ["PUBSUB_EMULATOR_HOST"] = started.host
    yield started
    started.kill()


@pytest.fixture
def channel(emulator):
    """A topic with a subscription."""
    return new_channel()
