"""Avro messages through the real emulator: of a topic's schema, of its next revision, as containers."""

import json
import uuid

import orjson
import pytest

from pipelines.streaming.avro_messages import encode, scan_schema
from pipelines.streaming.broker import Topic, schema_client
from pipelines.streaming.emulator import PROJECT
from pipelines.streaming.publish import publish
from tests.streaming.emulators import Channel, closed
from tests.streaming.scans import (
    commit_all,
    lake_with_venues,
    landed_keys,
    receiving,
    rejects,
    scan,
    send,
    wait_for,
    write_scans,
)


def with_temperature():
    """Return the contract with one more, optional field."""
    schema = json.loads(scan_schema())
    schema["fields"].append({"name": "temperature", "type": ["null", "double"], "default": None})
    return json.dumps(schema)


def schema_message(name, definition):
    from google.pubsub_v1 import types

    return types.Schema(name=name, type_=types.Schema.Type.AVRO, definition=definition)


def make_schema(definition):
    """Create a schema of the project and return its full name."""
    name = f"scan-{uuid.uuid4().hex[:8]}"
    with closed(schema_client()) as client:
        parent = f"projects/{PROJECT}"
        return client.create_schema(
            parent=parent, schema=schema_message("", definition), schema_id=name, timeout=20
        ).name


def revise(name, definition):
    with closed(schema_client()) as client:
        client.commit_schema(name=name, schema=schema_message(name, definition), timeout=20)


def channel_of(schema, encoding):
    """Create a topic that accepts only messages of a schema."""
    from google.cloud import pubsub_v1
    from google.pubsub_v1 import types

    name = f"avro-{uuid.uuid4().hex[:8]}"
    channel = Channel(*(f"projects/{PROJECT}/{kind}/{name}" for kind in ("topics", "subscriptions")))
    settings = types.SchemaSettings(schema=schema, encoding=types.Encoding[encoding])
    with closed(pubsub_v1.PublisherClient()) as client:
        client.create_topic(request={"name": channel.topic, "schema_settings": settings}, timeout=20)
    with closed(pubsub_v1.SubscriberClient()) as client:
        client.create_subscription(name=channel.subscription, topic=channel.topic, timeout=20)
    return channel


@pytest.mark.parametrize("encoding", ["BINARY", "JSON"])
def test_messages_of_a_schema_and_of_its_next_revision_are_all_landed(emulator, tmp_path, encoding):
    lake = lake_with_venues(tmp_path)
    schema = make_schema(scan_schema())
    channel = channel_of(schema, encoding)
    publish(channel.topic, [str(write_scans(tmp_path / "old.ndjson", range(100)))])
    revise(schema, with_temperature())
    warm = [scan(number, temperature=36.6) for number in range(100, 150)]
    topic = Topic(channel.topic)
    assert "temperature" in topic.schema
    topic.publish((encode([record], topic.schema, encoding), {}) for record in warm)
    topic.publish([(encode([scan(150)], scan_schema(), encoding), {})])  # a writer still uses the old schema
    topic.close()
    with receiving(lake, channel.subscription) as receiver:
        wait_for(lambda: receiver.received.messages == 151)
    commit_all(lake)
    assert rejects(lake) == []
    assert len(set(landed_keys(lake))) == 151


def test_container_files_bring_their_schema_along(channel, tmp_path):
    lake = lake_with_venues(tmp_path)
    path = write_scans(tmp_path / "scans.ndjson", range(60))
    assert publish(channel.topic, [str(path)], pack=25, encoding="avro").messages == 3
    warm = [scan(number, temperature=36.6) for number in range(60, 80)]
    own = encode(warm, with_temperature(), "")
    send(channel, own, own[:-20], orjson.dumps(scan(80)))
    with receiving(lake, channel.subscription) as receiver:
        wait_for(lambda: receiver.received.messages == 6)
    commit_all(lake)
    assert len(set(landed_keys(lake))) == 81
    assert rejects(lake) == ["malformed"]
