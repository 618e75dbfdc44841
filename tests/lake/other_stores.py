"""Google's and Azure's stores over real HTTP: fake-gcs-server and Azurite, which `make stores` fetches."""

import base64
import hashlib
import hmac
import json
import os
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from pipelines.runtime.engines.java import free_port
from tests.end_to_end.commands import ROOT
from tests.lake.servers import serving
from tests.runtime.engines.engines import skip_loudly

BUCKET = "lakes"
GOOGLE, AZURE = ROOT / "build/bin/fake-gcs-server", ROOT / "build/azurite/node_modules/.bin/azurite-blob"
ACCOUNT, KEY = "province", base64.b64encode(b"MARKERsecretMARKERsecret").decode()

_VERSION = "2023-11-03"


@dataclass(frozen=True)
class Store:
    """Where a store is.

    Attributes:
        bucket: the URL of an empty bucket.
        address: of the server.
        at: the variables that name a server at an address and its credentials, as the provider has them.
    """

    bucket: str
    address: str
    at: Callable[[str], dict[str, str]]


@contextmanager
def google(folder: Path) -> Iterator[Store]:
    """Google Cloud Storage: fake-gcs-server, behind what it leaves out of the XML API."""
    _need("GOOGLE CLOUD STORAGE", GOOGLE)
    port = str(free_port())
    words = (
        f"{GOOGLE} -scheme http -host 127.0.0.1 -port {port} -public-host 127.0.0.1:{port} -backend memory"
    )
    front = [sys.executable, "-m", "tests.lake.google_front", port]
    with (
        serving(words.split(), folder / "google.log", r"server started at (http://[\d.:]+)") as server,
        serving(front, folder / "front.log", r"Running on (http://[\d.:]+)") as address,
    ):
        _ask("POST", f"{server}/storage/v1/b", {"Content-Type": "application/json"}, {"name": BUCKET})
        yield Store(f"gs://{BUCKET}", address, _by_google)


@contextmanager
def azure(folder: Path) -> Iterator[Store]:
    """Azure's store of blobs: Azurite, which checks signatures."""
    _need("AZURE STORAGE", AZURE)
    words = f"env AZURITE_ACCOUNTS={ACCOUNT}:{KEY} {AZURE}"
    words += " --blobHost 127.0.0.1 --blobPort 0 --inMemoryPersistence --disableTelemetry --silent"
    sign = r"successfully listens on (http://[\d.:]+)"
    with serving(words.split(), folder / "azure.log", sign) as server:
        path = f"/{ACCOUNT}/{BUCKET}"
        _ask("PUT", f"{server}{path}?restype=container", _signed(path))
        yield Store(f"abfss://{BUCKET}@{ACCOUNT}.dfs.core.windows.net", server, _by_azure)


def _by_google(address: str) -> dict[str, str]:
    nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
    account = {"gcs_base_url": address, "disable_oauth": True, **nobody}
    return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account), "GOOGLE_ALLOW_HTTP": "true"}


def _by_azure(address: str) -> dict[str, str]:
    return {
        "AZURE_STORAGE_ENDPOINT": f"{address}/{ACCOUNT}",
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_ALLOW_HTTP": "true",
    }


def _need(store: str, binary: Path) -> None:
    """Skip, and say so loudly, where a server is not here."""
    if not os.access(binary, os.X_OK):
        skip_loudly(store, f"there is no {binary}, run make stores")


def _signed(path: str) -> dict[str, str]:
    """Headers with which Azure makes a container."""
    said = f"x-ms-date:{formatdate(usegmt=True)}\nx-ms-version:{_VERSION}"
    text = "PUT" + "\n" * 12 + f"{said}\n/{ACCOUNT}{path}\nrestype:container"
    made = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers = dict(line.split(":", 1) for line in said.splitlines())
    return {**headers, "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(made).decode()}"}


def _ask(method: str, url: str, headers: dict[str, str], said: object = None) -> None:
    body = None if said is None else json.dumps(said).encode()
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status in (200, 201)
