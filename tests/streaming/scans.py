"""Scans of one day to publish, and their landing: in this process or by `truyvet land` in another."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import orjson

from pipelines.lake import open_lake, read_table
from pipelines.privacy.keys import load_keys
from pipelines.streaming.avro_messages import Decoder
from pipelines.streaming.batches import BatchOptions, CommitterConfig
from pipelines.streaming.broker import Subscription, Topic, schema_definition
from pipelines.streaming.landing_spool import open_landing
from pipelines.streaming.receiver import Receiver
from tests.lakes import new_lake, put_venues

ROOT = Path(__file__).parents[2]


NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def scan(number, **fields):
    """Return a scan; every number is a different event."""
    return {
        "event_id": f"e{number}",
        "person": f"phone:0905{number % 5000:06}",
        "venue": f"V{number % 20}",
        "direction": "in",
        "occurred_at": NOW,
        **fields,
    }


def write_scans(path, numbers):
    path.write_bytes(b"\n".join(orjson.dumps(scan(number)) for number in numbers) + b"\n")
    return path


def lake_with_venues(folder):
    """Return the folder of a lake whose registry has the venues of `scan`."""
    lake = new_lake(folder)
    put_venues(lake, "venue_code | type\n" + "\n".join(f"V{number} | shop" for number in range(20)))
    return Path(lake.url)


def send(channel, *messages):
    topic = Topic(channel.topic)
    topic.publish((message, {}) for message in messages)
    topic.close()


def landing_of(lake):
    return open_landing(open_lake(str(lake)), load_keys(lake.with_name("lake.keys")).landing_key)


def committer_of(lake, warnings=None, keys=None, *, shared=False, **options):
    """Return a committer of a lake, in this process."""
    from pipelines.streaming.committer import Committer  # imports Beam

    loaded = load_keys(Path(keys or f"{lake}.keys"))
    config = CommitterConfig(str(lake), loaded, BatchOptions(**options))
    return Committer(config, (warnings if warnings is not None else []).append, shared=shared)


@contextlib.contextmanager
def receiving(lake, subscription, full=lambda: False, **how):
    """Run a receiver in this process, which writes segments beside the lake."""
    broker = Subscription(subscription)
    how = {"full": full, "warn": lambda _line: None, "lease_seconds": 10, **how}
    receiver = Receiver(broker, landing_of(lake), Decoder(schema_definition), **how)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
        broker.close()


def commit_all(lake):
    """Commit all waiting segments to the lake."""
    committer = committer_of(lake)
    while committer.land():
        pass


def started_land(lake, subscription, *words, **environment):
    """Start `truyvet land` as a process."""
    command = ("land", "--lake", lake, "--subscription", subscription, "--lease-seconds", 10, *words)
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, code=0, timeout=120):
    """Return the counters that a process of `land` prints at its end, or its errors."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == code, err
    return json.loads(out.splitlines()[-1]) if code == 0 else err


def landed_keys(lake):
    """Return the event keys of all accepted scans."""
    return read_table(open_lake(str(lake)), "scans", ["event_key"])["event_key"].to_pylist()


def rejects(lake):
    """Return the reasons of all refused records."""
    return sorted(read_table(open_lake(str(lake)), "rejects", ["reason"])["reason"].to_pylist())


def segments(lake):
    return sorted(Path(f"{lake}.landing").glob("*.segment"))


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition never held"
        time.sleep(0.05)
