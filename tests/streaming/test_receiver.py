"""From the real emulator to segments and the lake, in this process: nothing lost, nothing doubled."""

import os
import threading
import time

import orjson
import pytest

from pipelines.lake import commits
from pipelines.streaming.broker import Subscription
from pipelines.streaming.land_options import PULLS
from pipelines.streaming.publish import publish
from tests.streaming.proxies import Proxy
from tests.streaming.scans import (
    commit_all,
    committer_of,
    lake_with_venues,
    landed_keys,
    landing_of,
    receiving,
    rejects,
    scan,
    send,
    wait_for,
    write_scans,
)


def test_a_poison_message_becomes_a_row_of_rejects_and_is_not_sent_again(channel, tmp_path, monkeypatch):
    lake = lake_with_venues(tmp_path)
    acknowledged = []
    acknowledge = Subscription.acknowledge
    monkeypatch.setattr(
        Subscription, "acknowledge", lambda self, ids: (acknowledged.extend(ids), acknowledge(self, ids))
    )
    good = orjson.dumps([scan(1), scan(2)])
    send(channel, b"no JSON", b'{"person":', b"[]", good, b"Obj\x01broken", b" " * ((1 << 20) + 1), b"[1,2]")
    with receiving(lake, channel.subscription) as receiver:
        wait_for(lambda: receiver.received.messages == 7)
    commit_all(lake)
    assert len(landed_keys(lake)) == 2
    assert rejects(lake) == ["malformed"] * 6 + ["too_large"]
    subscription = Subscription(channel.subscription)
    subscription.extend(acknowledged, 0)  # handed back, an unacknowledged message would come at once
    assert len(acknowledged) == 7
    assert subscription.pull(10, 1.5) == []


@pytest.mark.slow
def test_unwritten_messages_are_bounded_and_stay_leased(channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    full = [True]
    with receiving(lake, channel.subscription, full=lambda: full[0], held_messages=200) as receiver:
        send(channel, *(orjson.dumps(scan(number)) for number in range(2000)))
        wait_for(lambda: len(receiver.held()) >= 200)
        until = time.monotonic() + 12  # the ack deadline is 10 s
        while time.monotonic() < until:
            assert len(receiver.held()) <= 200 + 100 * PULLS
            time.sleep(0.2)
        full[0] = False
        wait_for(lambda: receiver.received.messages >= 2000)
        assert receiver.received.messages == 2000
    commit_all(lake)
    assert len(set(landed_keys(lake))) == 2000


def test_a_locked_or_slow_lake_does_not_hold_messages_up(channel, tmp_path, monkeypatch):
    lake = lake_with_venues(tmp_path)
    write_entry = commits._write_entry
    monkeypatch.setattr(commits, "_write_entry", lambda *words: (time.sleep(0.7), write_entry(*words)))
    with receiving(lake, channel.subscription) as receiver:
        with landing_of(lake).lock():
            send(channel, orjson.dumps([scan(number) for number in range(100)]))
            wait_for(lambda: receiver.received.records == 100)
            assert committer_of(lake).land() is None
        slow = threading.Thread(target=commit_all, args=(lake,))
        slow.start()
        send(channel, orjson.dumps([scan(number) for number in range(100, 200)]))
        wait_for(lambda: receiver.received.records == 200)
        assert slow.is_alive()
    slow.join()
    keys = committed(lake)
    assert len(keys) == len(set(keys)) == 200


@pytest.fixture
def proxy(emulator):
    host, port = emulator.host.split(":")
    made = Proxy((host, int(port)))
    yield made
    made.close()


@pytest.mark.slow
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
            # Messages sent to a broken connection come back after the ack deadline of 10 s.
            wait_for(lambda scans=(part + 1) * 500: len(committed(lake)) >= scans, 60)
    keys = committed(lake)
    assert len(keys) == len(set(keys)) == 1500


def committed(lake):
    commit_all(lake)
    return landed_keys(lake)
