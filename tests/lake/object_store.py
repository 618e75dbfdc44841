"""An S3 server over real HTTP: moto's, in a process of its own, that notes every request."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ACCESS_KEY, SECRET_KEY = "AKIAMARKERACCESSKEY", "MARKERsecretMARKERsecret"
BUCKET = "lakes"
_SECONDS = 60
_ADDRESS = re.compile(r"Running on (http://[\d.:]+)")
_REQUEST = re.compile(r'"(?:\x1b\[\d+m)*([A-Z]+ /\S*) HTTP')


@dataclass(frozen=True)
class Server:
    """Where the server is, and where it writes what it was asked."""

    address: str
    log: Path

    def environment(self) -> dict[str, str]:
        """The variables that name the server and its credentials, as the provider has them."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def requests(self) -> list[str]:
        """What it was asked so far: method and path."""
        return _REQUEST.findall(self.log.read_text())

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """One request as it is, without signature."""
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.read()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server with one empty bucket, on a port that was free."""
    log = folder / "s3.log"
    with open(log, "wb") as file:
        words = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(words, stdout=file, stderr=file)
    try:
        found = Server(_address(process, log), log)
        found.call("PUT", f"/{BUCKET}")
        yield found
    finally:
        process.kill()
        process.wait()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and process.poll() is None:
        found = _ADDRESS.search(log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise TimeoutError(f"the server did not come up: {log.read_text()}")
