"""Scans of one day to publish, and landing them: in this process, or `land` in one of its own."""

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
from pipelines.streaming.batches import Work
from pipelines.streaming.broker import Subscription, Topic, schema_definition
from pipelines.streaming.landing_spool import open_landing
from pipelines.streaming.receiver import Receiver
from tests.lakes import new_lake, put_venues

ROOT = Path(__file__).parents[2]


NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def scan(number, **fields):
    """A scan; every number is another event."""
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
    """A lake whose registry knows the venues of `scan`."""
    lake = new_lake(folder)
    put_venues(lake, "venue_code | type\n" + "\n".join(f"V{number} | shop" for number in range(20)))
    return Path(lake.url)


def send(channel, *messages):
    topic = Topic(channel.topic)
    topic.publish((message, {}) for message in messages)
    topic.close()


def landing_of(lake):
    return open_landing(open_lake(str(lake)), load_keys(lake.with_name("lake.keys")).landing_key)


def lander_of(lake, said=None, keys=None, **how):
    from pipelines.streaming.committer import Lander  # imports Beam

    work = Work(str(lake), load_keys(Path(keys or f"{lake}.keys")), None, None, 0.0, 3.0)
    return Lander(work, (said if said is not None else []).append, **how)


@contextlib.contextmanager
def receiving(lake, subscription, full=lambda: False):
    """A receiver in this process, which lands in segments beside the lake."""
    broker = Subscription(subscription)
    said = []
    decoder = Decoder(schema_definition)
    receiver = Receiver(broker, landing_of(lake), decoder, full=full, say=said.append, lease_seconds=10)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
        broker.close()


def commit_all(lake):
    """Bring all segments that wait into the lake."""
    lander = lander_of(lake)
    while lander.land():
        pass


def started_land(lake, subscription, *words, **environment):
    """`truyvet land` as a process."""
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
    """The counters that a process of `land` printed at its end."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == code, err
    return json.loads(out.splitlines()[-1]) if code == 0 else err


def landed_keys(lake):
    """The event keys of all accepted scans."""
    return read_table(open_lake(str(lake)), "scans", ["event_key"])["event_key"].to_pylist()


def rejects(lake):
    """The reasons of all refused records."""
    return sorted(read_table(open_lake(str(lake)), "rejects", ["reason"])["reason"].to_pylist())


def segments(lake):
    return sorted(Path(f"{lake}.landing").glob("*.segment"))


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
