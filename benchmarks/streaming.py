"""Streaming from the emulator to durable segments and the lake, compared with Beam's local source."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from benchmarks.measure import ROOT, report, say
from pipelines.drivers.run import run
from pipelines.lake import Lake, open_lake, snapshot
from pipelines.privacy.keys import load_keys
from pipelines.runtime.engines.java import free_port
from pipelines.streaming.avro_messages import Decoder
from pipelines.streaming.broker import Subscription, Topic
from pipelines.streaming.emulator import Emulator, make_channel
from pipelines.streaming.landing_spool import Landing, open_landing
from pipelines.streaming.receiver import Receiver

_SINGLES_A_SECOND = 12_000
_SINGLES_SECONDS = 10
_PACKED = 3_000_000
_PACK = 500
_VENUES = 300
_VISIBLE_SECONDS = 45
_A_SECOND = 1_000
_PATIENCE_SECONDS = 120.0
_PEER = """
import sys, time, apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
options = PipelineOptions([]); options.view_as(StandardOptions).streaming = True
pipeline = beam.Pipeline(runner=BundleBasedDirectRunner(), options=options)
_ = (pipeline | beam.io.ReadFromPubSub(subscription=sys.argv[1])
     | beam.Map(lambda message: print(len(message), flush=True)))
pipeline.run()
time.sleep(60)
"""


def measure(work: Path, _scans: int) -> None:
    """Measure landing with one scan per message and packed, the delay until visible, and the peer."""
    emulator = Emulator(free_port())
    os.environ["PUBSUB_EMULATOR_HOST"] = emulator.host
    try:
        with tempfile.TemporaryDirectory(dir=work) as folder:
            rows = _measured(Path(folder))
    finally:
        emulator.kill()
    report("streaming", rows)


def _measured(folder: Path) -> list[dict[str, object]]:
    lake = open_lake(str(folder / "lake"), folder / "lake.keys", create=True)
    landing = open_landing(lake, load_keys(folder / "lake.keys").landing_key)
    say("landing one scan a message while they are published")
    single = _landed_live(landing)
    say("landing packed scans")
    group = b"[" + b",".join(_scan(number) for number in range(_PACK)) + b"]"
    packed = _landed_a_second(landing, "packed", [group] * (_PACKED // _PACK), _PACKED)
    say("Beam's own local source")
    peer = _peer_a_second()
    say("from publishing to the lake")
    seconds = _visible(lake)
    return [
        {
            "how": f"land, one scan a message, {_SINGLES_A_SECOND:,} published/s",
            "scans/s": single,
            "ratio to Beam": single / peer,
        },
        {"how": "land, 500 a message", "scans/s": packed, "ratio to Beam": packed / peer},
        {"how": "ReadFromPubSub, BundleBasedDirectRunner", "scans/s": peer},
        {
            "how": f"published to visible, {_A_SECOND:,} scans/s",
            "median s": statistics.median(seconds),
            "95th s": sorted(seconds)[int(len(seconds) * 0.95)],
        },
    ]


def _scan(number: int, occurred_at: str | None = None) -> bytes:
    return orjson.dumps(
        {
            "event_id": f"e{number}",
            "person": f"phone:0905{number % 1_000_000:06}",
            "venue": f"V{number % _VENUES}",
            "direction": "in",
            "occurred_at": occurred_at or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "scan_mode": "self",
        }
    )


def _landed_live(landing: Landing) -> float:
    """Durable scans per second while publishing goes on.

    A backlog would measure the emulator instead: each pull of 100 scans all waiting messages.
    """
    topic, subscription = make_channel("single")
    receiver = _receiver(landing, subscription)
    receiver.start()
    begun = time.perf_counter()
    sender = threading.Thread(
        target=_publish_steadily, args=(Topic(topic), _SINGLES_A_SECOND, _SINGLES_SECONDS)
    )
    sender.start()
    scans = _SINGLES_A_SECOND * _SINGLES_SECONDS
    _wait(lambda: receiver.received.records >= scans)
    seconds = time.perf_counter() - begun
    sender.join()
    receiver.stop()
    _throw_away(landing)
    return scans / seconds


def _receiver(landing: Landing, subscription: str) -> Receiver:
    decoder = Decoder(lambda *_: "")
    return Receiver(Subscription(subscription), landing, decoder, full=lambda: False, warn=say)


def _throw_away(landing: Landing) -> None:
    for segment in landing.segments():
        os.unlink(segment.place)


def _landed_a_second(landing: Landing, name: str, messages: list[bytes], scans: int) -> float:
    """Durable scans per second from a backlog; the segments are discarded."""
    topic, subscription = make_channel(name)
    publisher = Topic(topic)
    publisher.publish((message, {}) for message in messages)
    publisher.close()
    receiver = _receiver(landing, subscription)
    begun = time.perf_counter()
    receiver.start()
    _wait(lambda: receiver.received.records >= scans)
    seconds = time.perf_counter() - begun
    receiver.stop()
    _throw_away(landing)
    return scans / seconds


def _peer_a_second() -> float:
    topic, subscription = make_channel("peer")
    publisher = Topic(topic)
    publisher.publish((_scan(number), {}) for number in range(20_000))
    publisher.close()
    with subprocess.Popen(
        [sys.executable, "-c", _PEER, subscription],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < 10 and process.stdout.readline():
            count += 1
        seconds = time.perf_counter() - begun
        process.kill()
    return count / seconds


def _visible(lake: Lake) -> list[float]:
    """Seconds from publishing a scan to the commit that makes it visible, sampled every tenth of a second."""
    _register_venues(lake)
    topic, subscription = make_channel("visible")
    command = ["land", "--lake", lake.url, "--subscription", subscription]
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        publisher = Topic(topic)
        publisher.publish([(_scan(0), {})])
        _wait(lambda: _rows(lake) >= 1)
        published: list[tuple[int, float]] = []
        sender = threading.Thread(
            target=_publish_steadily, args=(publisher, _A_SECOND, _VISIBLE_SECONDS, published)
        )
        sender.start()
        total = 1 + _VISIBLE_SECONDS * _A_SECOND
        seen: list[tuple[int, float]] = []
        while (rows := _rows(lake)) < total:
            if not seen or rows > seen[-1][0]:
                seen.append((rows, time.perf_counter()))
            time.sleep(0.05)
        seen.append((rows, time.perf_counter()))
        sender.join()
        process.terminate()
    warm = 10 * _A_SECOND  # the process is still warming up
    return [
        next(at for rows, at in seen if rows >= count) - sent for count, sent in published if count > warm
    ]


def _register_venues(lake: Lake) -> None:
    """Register the venues of `_scan`; scans of unregistered venues make no stays."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as registry:
        registry.write("venue,type\n" + "".join(f"V{number},shop\n" for number in range(_VENUES)))
        registry.flush()
        run(lake.url, venues=[registry.name])


def _publish_steadily(
    topic: Topic, a_second: int, seconds: int, published: list[tuple[int, float]] | None = None
) -> None:
    """Publish in steps of a tenth of a second and record the running total with its time."""
    step = a_second // 10
    begun = time.perf_counter()
    for tick in range(seconds * 10):
        time.sleep(max(0.0, begun + tick / 10 - time.perf_counter()))
        numbers = range(1 + tick * step, 1 + (tick + 1) * step)
        topic.publish([(_scan(number), {}) for number in numbers])
        if published is not None:
            published.append((numbers.stop, time.perf_counter()))


def _rows(lake: Lake) -> int:
    """Number of scans that stays, and therefore answers, reflect."""
    version = snapshot(lake, "stays").marks.get("scans_version", -1)
    return sum(file.rows for file in snapshot(lake, "scans", version).files)


def _wait(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > until:
            raise RuntimeError("the condition was not met in time")
        time.sleep(0.01)
