"""Pub/Sub as a channel: the calls that landing and watching need.

Messages are pulled by unary calls, a thousand at a time and several at once,
not by the client library's streaming pull, so that the receiver decides how
much is on its way to it. With a stream the sender decides. The emulator ignores
the flow control it is told and sends a hundred messages every 50 ms; to a client
that holds them back it delivers them again (googleapis/python-pubsub#30, and
google-cloud-python#9252 of the service). It also goes on sending to a stream
whose connection was reset, once per stream, so that those messages are missing
for as many ack deadlines.

The emulator is used when PUBSUB_EMULATOR_HOST is set, as in Google's client.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pipelines.errors import ServiceError, UsageError

PATIENCE_SECONDS: Final = 20.0
"""Time limit of a call."""

ACK_IDS_A_CALL: Final = 1000  # a request may have 512 KB, an id has up to 200 bytes

_FULL_NAME = re.compile(r"projects/[^/]+/(topics|subscriptions)/[A-Za-z][\w.~+%-]{2,254}", re.ASCII)
_CHANNEL = [
    ("grpc.max_receive_message_length", -1),  # unlimited: packed messages are large
    ("grpc.keepalive_time_ms", 20_000),  # notices a network that hangs
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),  # else a connection is shared with a client of other options
]
_REQUEST_BYTES = 8 << 20  # below Pub/Sub's limit of 10 MB
_REQUEST_MESSAGES = 1000  # Pub/Sub's limit per request
_REQUESTS_AT_ONCE = 8
_ATTEMPTS = 5


def check_name(name: str, flag: str) -> str:
    """Return the full name of a topic or a subscription.

    Args:
        name: what was given.
        flag: `--topic` or `--subscription`.

    Raises:
        UsageError: it is not a full name.

    >>> check_name("projects/p/topics/scans", "--topic")
    'projects/p/topics/scans'
    """
    match = _FULL_NAME.fullmatch(name)
    if match is None or match[1] != f"{flag.strip('-')}s":
        raise UsageError(f"{flag} must be a full name", f"write projects/PROJECT/{flag.strip('-')}s/NAME")
    return name


class Subscription:
    """One subscription and the calls on it; threads may share it.

    Attributes:
        name: full name.
        lease_seconds: ack deadline of the subscription.
    """

    def __init__(self, name: str) -> None:
        """Connect and check that the subscription exists.

        Args:
            name: `projects/P/subscriptions/S`.

        Raises:
            UsageError: the name is not a full name.
            ServiceError: the broker does not answer, or has no such subscription.
        """
        from google.pubsub_v1 import types

        self.name = check_name(name, "--subscription")
        self._types: Any = types
        with service_errors(name):
            self._client = _subscriber_client()
            found = self._client.get_subscription(subscription=name, timeout=PATIENCE_SECONDS, retry=None)
        self.lease_seconds = int(found.ack_deadline_seconds)
        # Our own calls use the client's channel and thereby its credentials.
        channel = self._client.transport.grpc_channel
        service = "/google.pubsub.v1.Subscriber"
        self._acknowledge = _call(channel, f"{service}/Acknowledge")
        self._modify = _call(channel, f"{service}/ModifyAckDeadline")
        # Raw protobuf messages: the generated client would wrap each in a proto-plus object.
        self._pull = channel.unary_unary(
            f"{service}/Pull",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=types.PullResponse.pb().FromString,
        )

    def start_pull(self, messages: int, wait_seconds: float) -> Any:
        """Start a pull and return the call; `pulled` waits for it, its `cancel` gives it up."""
        request = self._types.PullRequest.pb()(subscription=self.name, max_messages=messages)
        return self._pull.future(request, timeout=wait_seconds)

    def pull(self, messages: int, wait_seconds: float) -> list[Any]:
        """Return waiting messages as `ReceivedMessage`; an empty list if none come in time.

        Raises:
            ServiceError: the broker is gone.
        """
        with service_errors(self.name):
            return pulled(self.start_pull(messages, wait_seconds)) or []

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Tell the broker that messages are durable; those it is not told of come again."""
        make = self._types.AcknowledgeRequest.pb()
        for start in range(0, len(ack_ids), ACK_IDS_A_CALL):
            ids = ack_ids[start : start + ACK_IDS_A_CALL]
            self._acknowledge(make(subscription=self.name, ack_ids=ids), timeout=PATIENCE_SECONDS)

    def extend(self, ack_ids: Sequence[str], seconds: int) -> None:
        """Hold messages for longer; 0 hands them back."""
        make = self._types.ModifyAckDeadlineRequest.pb()
        for start in range(0, len(ack_ids), ACK_IDS_A_CALL):
            ids = ack_ids[start : start + ACK_IDS_A_CALL]
            request = make(subscription=self.name, ack_ids=ids, ack_deadline_seconds=seconds)
            self._modify(request, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        """Close the channel."""
        self._client.transport.close()


def _subscriber_client() -> Any:
    """Return a client without the size limit: for the emulator it accepts 4 MB, packed messages have more."""
    import google.cloud.pubsub_v1 as pubsub_v1  # type: ignore[import-untyped]
    import grpc
    from google.pubsub_v1.services.subscriber import SubscriberClient
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not emulator:
        return pubsub_v1.SubscriberClient()
    channel = grpc.insecure_channel(emulator, options=_CHANNEL)
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def pulled(call: Any) -> list[Any] | None:
    """Wait for a pull and return its messages; None if its time ran out.

    Raises:
        grpc.RpcError: the broker is gone, or refuses.
        grpc.FutureCancelledError: the call was cancelled.
    """
    import grpc

    try:
        return list(call.result().received_messages)
    except grpc.RpcError as error:
        # No message in time is not an error.
        if call.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return None
        raise error


def _call(channel: Any, method: str) -> Any:
    """Return a call whose answer is not read."""
    return channel.unary_unary(method, request_serializer=lambda request: request.SerializeToString())


class Topic:
    """One topic and publishing to it; threads must not share it.

    Attributes:
        name: full name.
        schema: definition of the topic's schema, or empty.
        encoding: BINARY or JSON, or empty without a schema.
    """

    def __init__(self, name: str) -> None:
        """Connect and check that the topic exists.

        Args:
            name: `projects/P/topics/T`.

        Raises:
            UsageError: the name is not a full name.
            ServiceError: the broker does not answer, or has no such topic.
        """
        import google.cloud.pubsub_v1 as pubsub_v1
        from google.pubsub_v1 import types

        self.name = check_name(name, "--topic")
        with service_errors(name):
            self._client: Any = pubsub_v1.PublisherClient()
            described = self._client.get_topic(topic=name, timeout=PATIENCE_SECONDS, retry=None)
        self.schema, self.encoding = _schema_of(described)
        self._publish = _call(self._client.transport.grpc_channel, "/google.pubsub.v1.Publisher/Publish")
        self._request = types.PublishRequest.pb()
        self._message = types.PubsubMessage.pb()

    def publish(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> int:
        """Publish messages, each with its attributes; return their number once the broker has them all.

        A request that fails is sent again, so a message may arrive twice.

        Raises:
            ServiceError: the broker does not take them.
        """
        # A bounded number of requests is in flight; wait for the oldest first.
        under_way: list[tuple[Any, Any]] = []
        count = 0
        for request in self._requests(messages):
            count += len(request.messages)
            under_way.append((request, self._publish.future(request, timeout=PATIENCE_SECONDS)))
            if len(under_way) >= _REQUESTS_AT_ONCE:
                self._wait(*under_way.pop(0))
        for request, future in under_way:
            self._wait(request, future)
        return count

    def _requests(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> Iterator[Any]:
        held: list[Any] = []
        size = 0
        for data, attributes in messages:
            if held and (len(held) == _REQUEST_MESSAGES or size + len(data) > _REQUEST_BYTES):
                yield self._request(topic=self.name, messages=held)
                held, size = [], 0
            held.append(self._message(data=data, attributes=attributes))
            size += len(data)
        if held:
            yield self._request(topic=self.name, messages=held)

    def _wait(self, request: Any, future: Any) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                future.result()
                return
            except Exception as error:  # grpc's errors share no class but Exception
                if attempt == _ATTEMPTS:
                    raise ServiceError(
                        f"{self.name} does not take messages", "check the broker and the topic's schema"
                    ) from error
                time.sleep(0.2 * 2**attempt)  # 0.4 s, 0.8 s, …
                future = self._publish.future(request, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        """Close the channel."""
        self._client.transport.close()


def _schema_of(described: Any) -> tuple[str, str]:
    """Return the definition of a topic's schema and the encoding of its messages; empty without one.

    Raises:
        ServiceError: the schema cannot be fetched.
    """
    settings = described.schema_settings
    if not settings.schema:
        return "", ""
    return schema_definition(settings.schema, settings.last_revision_id), str(settings.encoding.name)


@contextmanager
def service_errors(name: str) -> Iterator[None]:
    """Turn what the client library raises about a resource into one line.

    Args:
        name: full name of the resource.

    Raises:
        ServiceError: the service is missing or refuses.
    """
    try:
        yield
    except Exception as error:
        translated = _translated(name, error)
        if translated is None:
            raise
        raise translated from error


def _translated(name: str, error: Exception) -> ServiceError | None:
    import grpc
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    if isinstance(error, grpc.RpcError):
        error = exceptions.from_grpc_error(error)  # type: ignore[no-untyped-call]
    # Before its base class `GoogleAPIError`.
    if isinstance(error, exceptions.NotFound):
        return ServiceError(f"{name} does not exist", "create it, or check its name")
    if isinstance(error, exceptions.GoogleAPIError):
        return ServiceError(
            f"the broker of {name} does not answer",
            "start it (make emulator, PUBSUB_EMULATOR_HOST), or check the network and the credentials",
        )
    if isinstance(error, GoogleAuthError | OSError):
        return ServiceError(
            f"no credentials for {name}",
            "set PUBSUB_EMULATOR_HOST, or run gcloud auth application-default login",
        )
    return None


def schema_definition(name: str, revision: str) -> str:
    """Return the definition of a topic's schema; empty if there is none.

    Args:
        name: `projects/P/schemas/S`.
        revision: which revision; empty is the newest.

    Raises:
        ServiceError: the service does not answer.
    """
    from google.api_core.exceptions import InvalidArgument, NotFound
    from google.pubsub_v1 import types

    with service_errors(name):
        request = types.GetSchemaRequest(
            name=f"{name}@{revision}" if revision else name, view=types.SchemaView.FULL
        )
        try:
            found = schema_client().get_schema(request=request, timeout=PATIENCE_SECONDS, retry=None)
        except (NotFound, InvalidArgument):  # deleted meanwhile, or not the name of a schema
            return ""
        return str(found.definition)


def schema_client() -> Any:
    """Return the client of schemas, the only one of Google's that ignores PUBSUB_EMULATOR_HOST."""
    import grpc
    from google.pubsub_v1.services.schema_service import SchemaServiceClient
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not emulator:
        return SchemaServiceClient()
    return SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=grpc.insecure_channel(emulator)))
