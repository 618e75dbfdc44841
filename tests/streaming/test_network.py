"""A network that hangs or breaks off: what was published is landed once."""

import signal
import time

import pytest

from pipelines.streaming.publish import publish
from tests.streaming.proxies import Proxy
from tests.streaming.scans import ended, lake_with_venues, landed_keys, started_land, wait_for, write_scans

pytestmark = pytest.mark.slow  # real processes beside a real broker: minutes on a busy machine


@pytest.fixture
def proxy(emulator):
    host, port = emulator.host.split(":")
    made = Proxy((host, int(port)))
    yield made
    made.close()


def send(channel, folder, part):
    path = write_scans(folder / "part.ndjson", range(part * 500, (part + 1) * 500))
    publish(channel.topic, [str(path)], pack=7)


def test_a_network_that_hangs_and_resets_loses_nothing_and_doubles_nothing(proxy, channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    process = started_land(lake, channel.subscription, PUBSUB_EMULATOR_HOST=proxy.host)
    send(channel, tmp_path, 0)
    wait_for(lambda: landed_keys(lake))  # it starts only where the broker answers
    proxy.hang()
    send(channel, tmp_path, 1)
    time.sleep(1)
    proxy.reset()
    proxy.resume()
    wait_for(lambda: len(landed_keys(lake)) >= 1000, 90)  # what hung comes again when its lease is over
    process.send_signal(signal.SIGTERM)
    ended(process)
    keys = landed_keys(lake)
    assert len(keys) == len(set(keys)) == 1000
