"""From the real emulator to segments and the lake, in this process: nothing lost, nothing doubled."""

import os
import threading
import time

import orjson
import pytest

from pipelines.lake import commits
from pipelines.streaming import receiver as module
from pipelines.streaming.broker import Subscription
from pipelines.streaming.publish import publish
from tests.streaming.proxies import Proxy
from tests.streaming.scans import (
    commit_all,
    lake_with_venues,
    landed_keys,
    lander_of,
    landing_of,
    receiving,
    rejects,
    scan,
    send,
    wait_for,
    write_scans,
)


def test_a_poison_message_is_a_row_of_rejects_and_never_comes_again(channel, tmp_path, monkeypatch):
    lake = lake_with_venues(tmp_path)
    told = []
    acknowledge = Subscription.acknowledge
    monkeypatch.setattr(
        Subscription, "acknowledge", lambda self, ids: (told.extend(ids), acknowledge(self, ids))
    )
    good = orjson.dumps([scan(1), scan(2)])
    send(channel, b"no JSON", b'{"person":', b"[]", good, b"Obj\x01broken", b" " * ((1 << 20) + 1), b"[1,2]")
    with receiving(lake, channel.subscription) as receiver:
        wait_for(lambda: receiver.received.messages == 7)
    commit_all(lake)
    assert len(landed_keys(lake)) == 2
    assert rejects(lake) == ["malformed"] * 6 + ["too_large"]
    subscription = Subscription(channel.subscription)
    subscription.extend(told, 0)  # what is not acknowledged comes at once when it is handed back
    assert len(told) == 7
    assert subscription.pull(10, 1.5) == []


def test_what_cannot_be_written_is_held_within_bounds_and_its_lease_goes_on(channel, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HELD_MESSAGES", 200)
    lake = lake_with_venues(tmp_path)
    full = [True]
    with receiving(lake, channel.subscription, full=lambda: full[0]) as receiver:
        send(channel, *(orjson.dumps(scan(number)) for number in range(2000)))
        wait_for(lambda: len(held_by(receiver)) >= 200)
        until = time.monotonic() + 12  # the ack deadline is 10 s
        while time.monotonic() < until:
            assert len(held_by(receiver)) <= 200 + 100 * module.PULLS
            time.sleep(0.2)
        full[0] = False
        wait_for(lambda: receiver.received.messages >= 2000)
        assert receiver.received.messages == 2000
    commit_all(lake)
    assert len(set(landed_keys(lake))) == 2000


def test_a_lake_that_is_locked_or_slow_holds_no_message_up(channel, tmp_path, monkeypatch):
    lake = lake_with_venues(tmp_path)
    write_entry = commits._write_entry
    monkeypatch.setattr(commits, "_write_entry", lambda *words: (time.sleep(0.7), write_entry(*words)))
    with receiving(lake, channel.subscription) as receiver:
        with landing_of(lake).turn():
            send(channel, orjson.dumps([scan(number) for number in range(100)]))
            wait_for(lambda: receiver.received.records == 100)
            assert lander_of(lake).land() is None
        slow = threading.Thread(target=commit_all, args=(lake,))
        slow.start()
        send(channel, orjson.dumps([scan(number) for number in range(100, 200)]))
        wait_for(lambda: receiver.received.records == 200)
        assert slow.is_alive()
    slow.join()
    keys = committed(lake)
    assert len(keys) == len(set(keys)) == 200


def held_by(receiver):
    with receiver._lock:
        return [ack_id for batch in receiver._held for ack_id in batch.ack_ids]


@pytest.fixture
def proxy(emulator):
    host, port = emulator.host.split(":")
    made = Proxy((host, int(port)))
    yield made
    made.close()


def test_a_network_that_hangs_and_resets_twice_loses_nothing_and_doubles_nothing(
    proxy, channel, tmp_path, monkeypatch
):
    lake = lake_with_venues(tmp_path)
    direct = os.environ["PUBSUB_EMULATOR_HOST"]
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", proxy.host)
    with receiving(lake, channel.subscription):
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", direct)
        for part in range(3):
            if part:
                proxy.hang()
            path = write_scans(tmp_path / "part.ndjson", range(part * 500, (part + 1) * 500))
            publish(channel.topic, [str(path)], pack=7)
            if part:
                time.sleep(0.5)
                proxy.reset()
                proxy.resume()
            # What a broken connection was sent comes back after the ack deadline of 10 s.
            wait_for(lambda scans=(part + 1) * 500: len(committed(lake)) >= scans, 60)
    keys = committed(lake)
    assert len(keys) == len(set(keys)) == 1500


def committed(lake):
    commit_all(lake)
    return landed_keys(lake)
