"""The official Pub/Sub emulator on this machine: find, start and await it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from pipelines.errors import ServiceError
from pipelines.runtime.engines.java import listens

PORT: Final = 8085
PROJECT: Final = "demo-proj"

_PATIENCE_SECONDS = 40.0
_HEAP = "-Xmx1g"


def emulator_command(port: int) -> list[str] | None:
    """Return the command that starts the emulator; None if neither its jar nor gcloud is installed.

    The jar is preferred: killing gcloud's wrapper would leave the emulator running.
    """
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    # gcloud is usually a link to bin/gcloud in the folder of the SDK.
    jars = sorted(Path(gcloud).resolve().parents[1].glob("platform/pubsub-emulator/lib/*.jar"))
    java = shutil.which("java")
    if jars and java:
        return [java, _HEAP, "-jar", str(jars[-1]), "--host=127.0.0.1", f"--port={port}"]
    start = ("beta", "emulators", "pubsub", "start", f"--project={PROJECT}")
    return [gcloud, *start, f"--host-port=127.0.0.1:{port}"]


class Emulator:
    """A running emulator.

    Attributes:
        host: value for PUBSUB_EMULATOR_HOST.
    """

    def __init__(self, port: int) -> None:
        """Start it and wait until it listens.

        Raises:
            ServiceError: it is not installed, or does not start.
        """
        command = emulator_command(port)
        if command is None:
            raise ServiceError(
                "the Pub/Sub emulator is not installed", "install google-cloud-cli-pubsub-emulator"
            )
        self.host = f"127.0.0.1:{port}"
        # A session of its own, so that `kill` reaches gcloud's children too.
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._process.poll() is None and time.monotonic() < until:
            if listens(self.host):
                return
            time.sleep(0.1)
        self.kill()
        raise ServiceError("the Pub/Sub emulator did not start", f"check that port {port} is free")

    def wait(self) -> None:
        """Wait until it ends."""
        self._process.wait()

    def kill(self) -> None:
        """Kill it and the processes it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def make_channel(name: str) -> tuple[str, str]:
    """Create a topic and a subscription of one name if they do not exist; return their full names."""
    import google.cloud.pubsub_v1 as pubsub_v1  # type: ignore[import-untyped]
    from google.api_core.exceptions import AlreadyExists

    topic, subscription = (f"projects/{PROJECT}/{kind}/{name}" for kind in ("topics", "subscriptions"))
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    with contextlib.suppress(AlreadyExists):
        publisher.create_topic(name=topic, timeout=20)
    with contextlib.suppress(AlreadyExists):
        # 10 s is Pub/Sub's minimum.
        subscriber.create_subscription(name=subscription, topic=topic, ack_deadline_seconds=10, timeout=20)
    publisher.transport.close()
    subscriber.close()
    return topic, subscription


def main() -> None:
    """`make emulator`: run it until interrupted."""
    try:
        running = Emulator(int(sys.argv[1]) if len(sys.argv) > 1 else PORT)
    except ServiceError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"export PUBSUB_EMULATOR_HOST={running.host}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        running.wait()
    running.kill()


if __name__ == "__main__":
    main()
