"""Topics on the Pub/Sub emulator of the tests."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.streaming.emulator import make_channel


@dataclass(frozen=True)
class Channel:
    """A topic with one subscription."""

    topic: str
    subscription: str


def new_channel():
    """Return a new topic and its subscription."""
    return Channel(*make_channel(f"test-{uuid.uuid4().hex[:8]}"))


@contextlib.contextmanager
def closed(client) -> Iterator:
    try:
        yield client
    finally:
        client.transport.close()


def pulled(subscription, until_idle=2.0):
    """Return all waiting messages, acknowledged."""
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
