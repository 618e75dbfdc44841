"""An S3 server over real HTTP: moto's, in a process of its own, that notes every request."""

import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lake.servers import serving

ACCESS_KEY, SECRET_KEY = "AKIAMARKERACCESSKEY", "MARKERsecretMARKERsecret"
BUCKET = "lakes"
_SECONDS = 60
_REQUEST = re.compile(r'"(?:\x1b\[\d+m)*([A-Z]+ /\S*) HTTP')


@dataclass(frozen=True)
class Server:
    """Where the server is, and where it writes what it was asked."""

    address: str
    log: Path

    def environment(self) -> dict[str, str]:
        """Return the variables that name the server and its credentials, as the provider has them."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def requests(self) -> list[str]:
        """Return what it was asked so far: method and path."""
        return _REQUEST.findall(self.log.read_text())

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return one request as it is, without signature."""
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.read()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Yield a server with one empty bucket, on a port that was free."""
    log = folder / "s3.log"
    words = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with serving(words, log, r"Running on (http://[\d.:]+)") as address:
        found = Server(address, log)
        found.call("PUT", f"/{BUCKET}")
        yield found
