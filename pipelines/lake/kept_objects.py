"""Does a bucket keep what is deleted? An erasure from one that does is not one.

S3 is asked by `GetBucketVersioning`, Google Cloud Storage by `buckets.get`, Azure by Get Blob Service
Properties. Azure tells whether versioning is on only to its management interface; but every blob that is
written while it is on has a version, so the newest object of the lake tells. The clients are optional
(`pip install truyvet[s3]`, `truyvet[azure]`); without them, or without the right to ask, the answer is that
it is not known. No answer repeats what a server said: its text may contain an access key.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipelines.lake.objects import asking, split
from pipelines.lake.storage import Status, files, is_url

_CONNECT_SECONDS, _READ_SECONDS = 5, 20
_GOOGLE: Final = "https://storage.googleapis.com"
_GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_only"


@dataclass(frozen=True)
class KeptObjects:
    """Whether a store keeps deleted or replaced objects.

    >>> KeptObjects(True, "versioning is on", "turn it off").keeps
    True

    Attributes:
        keeps: None where it is not known.
        detail: why.
        remedy: what to do; empty where it keeps nothing.
    """

    keeps: bool | None
    detail: str
    remedy: str = ""


_NOTHING = KeptObjects(False, "the bucket keeps neither versions nor deleted objects")
_LIFECYCLE = "turn it off, and delete what is kept already"


def kept_objects(url: str) -> KeptObjects:
    """Ask the store of a lake whether it keeps what is deleted; never fails.

    Args:
        url: of the lake; of a folder the answer is no, though its file system may have snapshots.
    """
    if not is_url(url):
        return KeptObjects(False, "a folder; snapshots of its file system cannot be seen from here")
    scheme = url.partition("://")[0]
    try:
        return _LOOKS[scheme](url)
    except ImportError:
        extra = {"s3": "s3", "abfss": "azure"}.get(scheme, "dataflow")
        return _unknown("its client is not installed", f"pip install 'truyvet[{extra}]', or ask the provider")
    except Exception:  # clients raise dozens of kinds, and a text of theirs may hold a credential
        return _unknown("the bucket did not say", "give this account the right to read the bucket's settings")


def _unknown(why: str, remedy: str) -> KeptObjects:
    return KeptObjects(None, f"unknown whether the bucket keeps deleted objects: {why}", remedy)


def _s3(url: str) -> KeptObjects:
    """Ask S3, or what speaks like it."""
    import botocore.session
    from botocore.config import Config

    # The same variables that delta-rs reads, so that the right endpoint is asked.
    said = os.environ
    style = "virtual" if said.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "").lower() == "true" else "path"
    client = botocore.session.get_session().create_client(
        "s3",
        region_name=said.get("AWS_REGION") or said.get("AWS_DEFAULT_REGION") or "us-east-1",
        endpoint_url=said.get("AWS_ENDPOINT_URL") or said.get("AWS_ENDPOINT"),
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": 2},
            s3={"addressing_style": style},
        ),
    )
    # Absent where versioning was never turned on.
    status = client.get_bucket_versioning(Bucket=split(url)[0].partition("://")[2]).get("Status")
    if status == "Enabled":
        return KeptObjects(True, "versioning of the bucket is on", _LIFECYCLE)
    if status is not None:  # suspended: what was versioned before is still there
        return KeptObjects(True, "versioning of the bucket was on, and old versions stay", _LIFECYCLE)
    return _NOTHING


def _google(url: str) -> KeptObjects:
    """Ask Google Cloud Storage, whose buckets keep deleted objects for 7 days unless told otherwise."""
    bucket = split(url)[0].partition("://")[2]
    session, base = _google_session()
    answer = session.get(
        f"{base}/storage/v1/b/{bucket}",
        params={"fields": "versioning,softDeletePolicy,retentionPolicy"},
        timeout=(_CONNECT_SECONDS, _READ_SECONDS),
    )
    answer.raise_for_status()
    return _of_google(answer.json())


def _of_google(said: Mapping[str, Any]) -> KeptObjects:
    """Read the settings of a bucket."""
    if said.get("versioning", {}).get("enabled"):
        return KeptObjects(True, "versioning of the bucket is on", _LIFECYCLE)
    if "softDeletePolicy" not in said:
        return _unknown("its answer names no soft delete policy", "see gcloud storage buckets describe")
    seconds = int(said["softDeletePolicy"].get("retentionDurationSeconds", 0))
    if seconds:
        detail = f"the bucket keeps deleted objects for {seconds / 86_400:g} days (soft delete)"
        return KeptObjects(True, detail, "gcloud storage buckets update gs://BUCKET --clear-soft-delete")
    if "retentionPolicy" in said:
        return KeptObjects(True, "a retention policy keeps objects from being deleted", _LIFECYCLE)
    return _NOTHING


def _google_session() -> tuple[Any, str]:
    """Return a session with the credentials that the lake is read with, and where to ask."""
    import google.auth
    import requests
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    # As delta-rs does: the service account is given as JSON or as a file.
    said = os.environ
    text = said.get("GOOGLE_SERVICE_ACCOUNT_KEY")
    file = said.get("GOOGLE_SERVICE_ACCOUNT") or said.get("GOOGLE_SERVICE_ACCOUNT_PATH")
    if not text and file:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
    account = json.loads(text) if text else {}
    # `gcs_base_url` and `disable_oauth` are object_store's extensions of that JSON, for emulators.
    base = account.get("gcs_base_url", _GOOGLE)
    if account.get("disable_oauth"):
        return requests.Session(), base
    if account:
        credentials = service_account.Credentials.from_service_account_info(account, scopes=[_GOOGLE_SCOPE])
    else:
        credentials, _ = google.auth.default(scopes=[_GOOGLE_SCOPE])
    return AuthorizedSession(credentials), base


def _azure(url: str) -> KeptObjects:
    """Ask Azure for soft delete, and the newest object of the lake for a version."""
    from azure.storage.blob import BlobServiceClient

    account = split(url)[0].partition("@")[2].partition(".")[0]
    address = os.environ.get("AZURE_STORAGE_ENDPOINT") or f"https://{account}.blob.core.windows.net"
    client = BlobServiceClient(
        address,
        credential=_azure_credential(account),
        connection_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retry_total=1,
    )
    policy = client.get_service_properties()["delete_retention_policy"]
    if policy.enabled:
        return KeptObjects(True, f"the account keeps deleted blobs for {policy.days} days", _LIFECYCLE)
    newest = _newest(url)
    if newest is not None and _has_version(newest.place):
        return KeptObjects(True, "versioning of the account is on", _LIFECYCLE)
    return _NOTHING


def _azure_credential(account: str) -> Any:
    """Return what the lake is read with: an account key, a shared access signature, or an identity."""
    said = os.environ
    key = said.get("AZURE_STORAGE_ACCOUNT_KEY") or said.get("AZURE_STORAGE_ACCESS_KEY")
    if key:
        return {"account_name": account, "account_key": key}
    signature = said.get("AZURE_STORAGE_SAS_TOKEN") or said.get("AZURE_STORAGE_SAS_KEY")
    if signature:
        return signature
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _newest(url: str) -> Status | None:
    return max(files(url), key=lambda found: found.modified_ns, default=None)


def _has_version(place: str) -> bool:
    """Return whether an object was written while versioning was on.

    Raises:
        ServiceError: the store cannot be reached.
    """
    with asking(place) as (store, key):
        return store.head(key)["version"] is not None


_LOOKS: Final[Mapping[str, Callable[[str], KeptObjects]]] = {"s3": _s3, "gs": _google, "abfss": _azure}
