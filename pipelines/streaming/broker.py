"""Pub/Sub as a channel: the calls that landing and watching need, without the client's own threads.

Messages are asked for, a thousand at a time and with several calls under way,
never streamed: whoever asks decides how much is on its way to him. The emulator
streams a hundred messages every 50 ms whatever flow control it is told, and
goes on streaming to a connection that has been reset, once for each stream,
so that such messages are missing for as many ack deadlines.
The emulator is used when PUBSUB_EMULATOR_HOST is set, as the client does.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pipelines.errors import ServiceError, UsageError

PATIENCE_SECONDS: Final = 20.0
"""How long a call may take."""

ACK_IDS_A_CALL: Final = 1000  # a request may have 512 KB, an id has up to 200 bytes

_FULL_NAME = re.compile(r"projects/[^/]+/(topics|subscriptions)/[A-Za-z][\w.~+%-]{2,254}", re.ASCII)
_CHANNEL = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 20_000),  # a network that hangs is noticed
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),  # no connection shared with another client's options
]
_REQUEST_BYTES = 8 << 20
_REQUEST_MESSAGES = 1000
_REQUESTS_AT_ONCE = 8
_TRIALS = 5


def check_name(name: str, flag: str) -> str:
    """The full name of a topic or a subscription.

    Raises:
        UsageError: it is none.
    """
    found = _FULL_NAME.fullmatch(name)
    if found is None or found[1] != f"{flag.strip('-')}s":
        raise UsageError(f"{flag} is no full name", f"write projects/PROJECT/{flag.strip('-')}s/NAME")
    return name


class Subscription:
    """One subscription and the calls on it; threads may share it."""

    def __init__(self, name: str) -> None:
        """Connect and see that the subscription is there.

        Args:
            name: `projects/P/subscriptions/S`.

        Raises:
            UsageError: the name is no full name.
            ServiceError: the broker does not answer, or has no such subscription.
        """
        from google.pubsub_v1 import types

        self.name = check_name(name, "--subscription")
        self._types: Any = types
        with asked(name):
            self._client = _subscriber_client()
            found = self._client.get_subscription(subscription=name, timeout=PATIENCE_SECONDS, retry=None)
        self.lease_seconds = int(found.ack_deadline_seconds)
        channel = self._client.transport.grpc_channel
        service = "/google.pubsub.v1.Subscriber"
        self._acknowledge = _call(channel, f"{service}/Acknowledge")
        self._modify = _call(channel, f"{service}/ModifyAckDeadline")
        self._pull = channel.unary_unary(
            f"{service}/Pull",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=types.PullResponse.pb().FromString,
        )

    def asking(self, messages: int, wait_seconds: float) -> Any:
        """A call for messages that is under way: `arrived` waits for it, its `cancel` gives it up."""
        request = self._types.PullRequest.pb()(subscription=self.name, max_messages=messages)
        return self._pull.future(request, timeout=wait_seconds)

    def pull(self, messages: int, wait_seconds: float) -> list[Any]:
        """What waits, as `ReceivedMessage`; nothing when nothing comes in that time.

        Raises:
            ServiceError: the broker is gone.
        """
        with asked(self.name):
            return arrived(self.asking(messages, wait_seconds)) or []

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Tell the broker that messages are durable; what it does not hear comes again."""
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
    """The client; to the emulator it makes a channel for 4 MB, and a hundred packed messages are more."""
    import google.cloud.pubsub_v1 as pubsub_v1  # type: ignore[import-untyped]
    import grpc
    from google.pubsub_v1.services.subscriber import SubscriberClient
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not emulator:
        return pubsub_v1.SubscriberClient()
    channel = grpc.insecure_channel(emulator, options=_CHANNEL)
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def arrived(call: Any) -> list[Any] | None:
    """What a call for messages has brought; None when its time has passed.

    Raises:
        grpc.RpcError: the broker is gone, or refuses.
        grpc.FutureCancelledError: the call has been given up.
    """
    import grpc

    try:
        return list(call.result().received_messages)
    except grpc.RpcError as error:
        if call.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return None
        raise error


def _call(channel: Any, method: str) -> Any:
    """A call whose answer says nothing."""
    return channel.unary_unary(
        method,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=lambda answer: answer or True,
    )


class Topic:
    """One topic and publishing to it; threads may not share it."""

    def __init__(self, name: str) -> None:
        """Connect and see that the topic is there.

        Args:
            name: `projects/P/topics/T`.

        Raises:
            UsageError: the name is no full name.
            ServiceError: the broker does not answer, or has no such topic.
        """
        import google.cloud.pubsub_v1 as pubsub_v1
        from google.pubsub_v1 import types

        self.name = check_name(name, "--topic")
        with asked(name):
            self._client: Any = pubsub_v1.PublisherClient()
            described = self._client.get_topic(topic=name, timeout=PATIENCE_SECONDS, retry=None)
        self.schema, self.encoding = _schema_of(described)
        self._publish = _call(self._client.transport.grpc_channel, "/google.pubsub.v1.Publisher/Publish")
        self._request = types.PublishRequest.pb()
        self._message = types.PubsubMessage.pb()

    def publish(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> int:
        """Publish messages, each with its attributes, and wait until the broker has them all.

        A request that fails is sent again, so a message may arrive twice.

        Returns:
            How many there were.

        Raises:
            ServiceError: the broker does not take them.
        """
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
        for trial in range(1, _TRIALS + 1):
            try:
                future.result()
                return
            except Exception as error:  # grpc's errors share no class worth naming
                if trial == _TRIALS:
                    raise ServiceError(
                        f"{self.name} does not take messages", "check the broker and the topic's schema"
                    ) from error
                time.sleep(0.2 * 2**trial)
                future = self._publish.future(request, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        """Close the channel."""
        self._client.transport.close()


def _schema_of(described: Any) -> tuple[str, str]:
    """The definition of the schema of a topic and how messages are encoded; empty without one.

    Raises:
        ServiceError: it cannot be asked for.
    """
    settings = described.schema_settings
    if not settings.schema:
        return "", ""
    return schema_definition(settings.schema, settings.last_revision_id), str(settings.encoding.name)


class asked:  # noqa: N801 - reads as a word in `with asked(name)`
    """Turns what the client library raises over a service into one line."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: Any) -> None:
        """Translate.

        Raises:
            ServiceError: the service is missing or refuses.
        """
        if error is None:
            return
        import grpc
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError

        if isinstance(error, grpc.RpcError):
            error = exceptions.from_grpc_error(error)  # type: ignore[no-untyped-call]
        if isinstance(error, exceptions.NotFound):
            raise ServiceError(f"{self._name} is not there", "make it first, or check its name") from error
        if isinstance(error, exceptions.GoogleAPIError):
            raise ServiceError(
                f"the broker of {self._name} does not answer",
                "start it (make emulator, PUBSUB_EMULATOR_HOST), or check the network and the sign-in",
            ) from error
        if isinstance(error, GoogleAuthError | OSError):
            raise ServiceError(
                f"there is no sign-in for {self._name}",
                "set PUBSUB_EMULATOR_HOST, or sign in with gcloud auth application-default login",
            ) from error


def schema_definition(name: str, revision: str) -> str:
    """The definition of a topic's schema; empty when there is none.

    Args:
        name: `projects/P/schemas/S`.
        revision: which; empty is the newest.

    Raises:
        ServiceError: the service does not tell.
    """
    from google.api_core.exceptions import InvalidArgument, NotFound
    from google.pubsub_v1 import types

    with asked(name):
        request = types.GetSchemaRequest(
            name=f"{name}@{revision}" if revision else name, view=types.SchemaView.FULL
        )
        try:
            found = schema_client().get_schema(request=request, timeout=PATIENCE_SECONDS, retry=None)
        except (NotFound, InvalidArgument):
            return ""
        return str(found.definition)


def schema_client() -> Any:
    """The client of schemas, which alone does not know of the emulator's variable."""
    import grpc
    from google.pubsub_v1.services.schema_service import SchemaServiceClient
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not emulator:
        return SchemaServiceClient()
    return SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=grpc.insecure_channel(emulator)))
