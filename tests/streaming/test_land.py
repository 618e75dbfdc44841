"""`truyvet land` as a process beside the real emulator: nothing lost, nothing doubled."""

import os
import random
import signal
import socket
import time
import urllib.request
from pathlib import Path

import orjson
import pytest

from pipelines.runtime.engines.java import free_port
from pipelines.streaming.broker import Topic
from pipelines.streaming.emulator import Emulator
from pipelines.streaming.publish import publish
from tests.streaming.emulators import new_channel
from tests.streaming.scans import (
    ended,
    lake_with_venues,
    landed_keys,
    landing_of,
    rejects,
    scan,
    segments,
    send,
    started_land,
    wait_for,
    write_scans,
)


def kill_at_random(process, lake, dice):
    """Kill a process after a while or in the middle of a batch; some kills hit its commits."""
    if dice.random() < 0.5:
        time.sleep(dice.uniform(0.5, 3.0))
    else:
        folder = Path(landing_of(lake).folder)
        wait_for(lambda: any(folder.glob("next-*")) and is_committing(lake), 120)
        time.sleep(dice.uniform(0.0, 1.5))
    process.kill()
    process.communicate()


def is_committing(lake):
    with landing_of(lake).lock() as own:
        return not own


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "scans"), [(2, 3000), (100, 100_000)])
@pytest.mark.timeout(3000)
def test_kills_at_any_moment_lose_nothing_and_double_nothing(kills, scans, channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    dice = random.Random(7)
    share = scans // (kills + 1)
    for kill in range(kills + 1):
        path = write_scans(tmp_path / "part.ndjson", range(kill * share, (kill + 1) * share))
        publish(channel.topic, [str(path)], pack=dice.choice([1, 50, 500]))
        process = started_land(lake, channel.subscription)
        if kill < kills:
            kill_at_random(process, lake, dice)
    # Messages sent to a killed process come back after the ack deadline of 10 s.
    wait_for(lambda: len(landed_keys(lake)) >= (kills + 1) * share, 120)
    process.send_signal(signal.SIGTERM)
    ended(process)
    keys = landed_keys(lake)
    assert len(keys) == len(set(keys)) == (kills + 1) * share
    assert segments(lake) == []


@pytest.mark.slow
def test_land_ends_after_a_while_without_messages(channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    send(channel, b"no JSON", orjson.dumps([scan(1), scan(2)]))
    values = ended(started_land(lake, channel.subscription, "--until-idle", 3))
    assert (values["accepted"], values["rejected"], rejects(lake)) == (2, {"malformed": 1}, ["malformed"])
    again = ended(started_land(lake, channel.subscription, "--until-idle", 11))
    assert again["messages"] == 0


@pytest.mark.slow
def test_a_minute_of_ten_times_the_load_drains_in_bounded_memory(channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    process = started_land(lake, channel.subscription)
    topic = Topic(channel.topic)
    begun, peaks = time.monotonic(), {}
    for second in range(60):
        numbers = range(second * 10_000, (second + 1) * 10_000, 10)
        topic.publish((orjson.dumps([scan(n + k) for k in range(10)]), {}) for n in numbers)
        peaks[second] = resident_mb(process.pid)
        time.sleep(max(0.0, begun + second + 1 - time.monotonic()))
    topic.close()
    while len(landed_keys(lake)) < 600_000:
        peaks[time.monotonic() - begun] = resident_mb(process.pid)
        time.sleep(0.5)
    print(f"peak {max(peaks.values())} MB, drained after {time.monotonic() - begun:.0f} s")
    process.send_signal(signal.SIGTERM)
    ended(process)
    assert max(peaks.values()) < 1536
    assert len(set(landed_keys(lake))) == 600_000


def resident_mb(pid):
    """Return the resident memory of a process and its children."""
    pids = [pid, *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


@pytest.mark.slow
def test_two_processes_share_a_subscription_and_a_lake_and_sigterm_drains_them(channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    both = [started_land(lake, channel.subscription) for _ in range(2)]
    path = write_scans(tmp_path / "scans.ndjson", range(4000))
    publish(channel.topic, [str(path)], pack=20)
    wait_for(lambda: len(landed_keys(lake)) == 4000, 90)
    for process in both:
        process.send_signal(signal.SIGTERM)
    values = [ended(process) for process in both]
    assert sum(value["landed"] for value in values) == 4000
    assert sum(value["accepted"] for value in values) == 4000
    assert len(set(landed_keys(lake))) == 4000


def test_sigterm_makes_received_messages_durable_and_exits_with_0(channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    port = free_port()
    process = started_land(lake, channel.subscription, "--metrics-port", port)
    send(channel, orjson.dumps(scan(1)))
    wait_for(lambda: b"truyvet_landed_total 1" in metrics_of(port))
    process.send_signal(signal.SIGTERM)
    assert ended(process)["accepted"] == 1
    assert segments(lake) == []


def metrics_of(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read()
    except OSError:
        return b""


def test_a_missing_subscription_or_broker_is_one_line_and_exit_4(channel, tmp_path):
    lake = tmp_path / "lake"
    missing = started_land(lake, f"{channel.subscription}-none")
    nobody = started_land(lake, channel.subscription, PUBSUB_EMULATOR_HOST=f"127.0.0.1:{free_port()}")
    for process in (missing, nobody):
        assert ended(process, code=4).count("\n") == 1


@pytest.mark.slow
def test_land_waits_for_an_emulator_that_dies_and_comes_back_empty(monkeypatch, tmp_path):
    port = free_port()
    emulator = Emulator(port)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.host)
    lake = lake_with_venues(tmp_path)
    try:
        channel = new_channel()
        process = started_land(lake, channel.subscription)
        send(channel, orjson.dumps(scan(1)))
        wait_for(lambda: landed_keys(lake))
        emulator.kill()
        time.sleep(1)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert ended(process)["accepted"] == 1
    finally:
        emulator.kill()
    assert socket.create_server(("127.0.0.1", port)).close() is None
