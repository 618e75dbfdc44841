"""The official Pub/Sub emulator, started for the tests, and topics on it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = "projects/demo-proj"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def emulator_command(port):
    """How the emulator is started here; None where there is neither its jar nor gcloud."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    jars = list(Path(gcloud).resolve().parents[1].glob("platform/pubsub-emulator/lib/*.jar"))
    if jars and shutil.which("java"):
        # The jar itself: gcloud's wrapper leaves it behind when it is killed.
        return ["java", "-Xmx512m", "-jar", str(jars[0]), "--host=127.0.0.1", f"--port={port}"]
    return [
        gcloud,
        "beta",
        "emulators",
        "pubsub",
        "start",
        "--project=demo-proj",
        f"--host-port=127.0.0.1:{port}",
    ]


@dataclass
class Emulator:
    """A running emulator."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_emulator(port):
    process = subprocess.Popen(
        emulator_command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 40
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Emulator(port, process)
        time.sleep(0.1)
    raise AssertionError("the emulator does not listen")


@dataclass(frozen=True)
class Channel:
    """A topic with one subscription."""

    topic: str
    subscription: str


def new_channel(lease_seconds=10):
    """A topic and its subscription of new names."""
    from google.cloud import pubsub_v1

    name = f"test-{uuid.uuid4().hex[:8]}"
    made = Channel(f"{PROJECT}/topics/{name}", f"{PROJECT}/subscriptions/{name}")
    with closed(pubsub_v1.PublisherClient()) as publisher, closed(pubsub_v1.SubscriberClient()) as subscriber:
        publisher.create_topic(name=made.topic, timeout=20)
        subscriber.create_subscription(
            name=made.subscription, topic=made.topic, ack_deadline_seconds=lease_seconds, timeout=20
        )
    return made


@contextlib.contextmanager
def closed(client) -> Iterator:
    try:
        yield client
    finally:
        client.transport.close()


def pulled(subscription, until_idle=2.0):
    """All messages that wait, acknowledged."""
    from google.api_core.exceptions import DeadlineExceeded
    from google.cloud import pubsub_v1

    found = []
    with closed(pubsub_v1.SubscriberClient()) as client:
        until = time.monotonic() + until_idle
        while time.monotonic() < until:
            with contextlib.suppress(DeadlineExceeded):
                response = client.pull(subscription=subscription, max_messages=100, timeout=1, retry=None)
                if response.received_messages:
                    until = time.monotonic() + until_idle
                    found += [item.message for item in response.received_messages]
                    ids = [item.ack_id for item in response.received_messages]
                    client.acknowledge(subscription=subscription, ack_ids=ids)
    return found
