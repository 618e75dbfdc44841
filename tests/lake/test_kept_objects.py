"""Whether a bucket keeps deleted objects, asked of servers that answer as Google's and Azure's do."""

import builtins
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from pipelines.lake.kept_objects import kept_objects
from tests.lake.servers import variables_set

GOOGLE_LAKE, AZURE_LAKE = "gs://lakes/lake", "abfss://lakes@province.dfs.core.windows.net/lake"
LISTED = (
    "<EnumerationResults><Blobs><Blob><Name>lake/{name}</Name><Properties>"
    "<Last-Modified>Sun, 0{day} Aug 2021 00:00:00 GMT</Last-Modified><Etag>0x1</Etag>"
    "<Content-Length>1</Content-Length><Content-Type>application/json</Content-Type></Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
)


@contextmanager
def answering(answer):
    """Yield the address of a server; `answer(method, path, query)` is status, headers and body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            status, headers, body = answer(self.command, url.path, parse_qs(url.query))
            self.send_response(status)
            for name, value in {"Content-Length": len(body), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body.encode())

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *words):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_google(tmp_path, status, said):
    asked = []

    def answer(method, path, query):
        asked.append((method, path, query["fields"][0]))
        body = said if isinstance(said, str) else json.dumps(said)
        return status, {"Content-Type": "application/json"}, body

    with answering(answer) as address:
        nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        account = json.dumps({"gcs_base_url": address, "disable_oauth": True, **nobody})
        with variables_set({"GOOGLE_SERVICE_ACCOUNT_KEY": account}, tmp_path):
            kept = kept_objects(GOOGLE_LAKE)
    assert asked == [("GET", "/storage/v1/b/lakes", "versioning,softDeletePolicy,retentionPolicy")]
    return kept


OFF = {"softDeletePolicy": {"retentionDurationSeconds": "0"}}


@pytest.mark.parametrize(
    ("status", "said", "keeps", "words"),
    [
        (200, OFF, False, "keeps neither"),
        (200, OFF | {"versioning": {"enabled": False}}, False, "keeps neither"),
        (200, OFF | {"versioning": {"enabled": True}}, True, "versioning"),
        (200, {"softDeletePolicy": {"retentionDurationSeconds": "604800"}}, True, "7 days"),
        (200, OFF | {"retentionPolicy": {"retentionPeriod": "60"}}, True, "retention policy"),
        (200, {}, None, "unknown"),
        (403, {"error": {"message": "MARKER"}}, None, "unknown"),
        (200, "MARKER", None, "unknown"),
    ],
)
def test_google_is_asked_for_versions_and_soft_delete(tmp_path, status, said, keeps, words):
    kept = by_google(tmp_path, status, said)
    assert kept.keeps is keeps
    assert words in kept.detail
    assert "MARKER" not in kept.detail + kept.remedy
    assert bool(kept.remedy) is (keeps is not False)


def by_azure(tmp_path, policy, version=None, status=200):
    def answer(method, path, query):
        if query.get("comp") == ["properties"]:
            body = f"<StorageServiceProperties>{policy}</StorageServiceProperties>"
            return status, {"Content-Type": "application/xml"}, body
        if query.get("comp") == ["list"]:
            return 200, {"Content-Type": "application/xml"}, LISTED.format(name="lake.json", day=1)
        found = {"Last-Modified": "Sun, 01 Aug 2021 00:00:00 GMT", "ETag": '"0x1"', "Content-Length": 1}
        return 200, found | ({"x-ms-version-id": version} if version else {}), ""

    with answering(answer) as address:
        said = {
            "AZURE_STORAGE_ENDPOINT": f"{address}",
            "AZURE_STORAGE_ACCOUNT_KEY": "TUFSS0VSc2VjcmV0",
            "AZURE_ALLOW_HTTP": "true",
        }
        with variables_set(said, tmp_path):
            return kept_objects(AZURE_LAKE)


POLICY = "<DeleteRetentionPolicy><Enabled>{}</Enabled>{}</DeleteRetentionPolicy>"
NO_POLICY, WEEK = POLICY.format("false", ""), POLICY.format("true", "<Days>7</Days>")


@pytest.mark.parametrize(
    ("policy", "version", "status", "keeps", "words"),
    [
        (NO_POLICY, None, 200, False, "keeps neither"),
        (WEEK, None, 200, True, "7 days"),
        (NO_POLICY, "2021-08-01T00:00:00.0000000Z", 200, True, "versioning"),
        (NO_POLICY, None, 403, None, "unknown"),
    ],
)
def test_azure_is_asked_for_soft_delete_and_the_newest_object_for_its_version(
    tmp_path, policy, version, status, keeps, words
):
    kept = by_azure(tmp_path, policy, version, status)
    assert kept.keeps is keeps
    assert words in kept.detail


@pytest.mark.parametrize(
    ("url", "extra"), [("s3://lakes/lake", "truyvet[s3]"), (AZURE_LAKE, "truyvet[azure]")]
)
def test_without_its_client_it_is_unknown_and_the_remedy_names_what_to_install(monkeypatch, url, extra):
    real = builtins.__import__

    def without(name, *words, **how):
        if name.partition(".")[0] in ("botocore", "azure"):
            raise ImportError(name)
        return real(name, *words, **how)

    monkeypatch.setattr(builtins, "__import__", without)
    kept = kept_objects(url)
    assert kept.keeps is None
    assert extra in kept.remedy


def test_a_store_that_cannot_be_reached_or_refuses_is_unknown(tmp_path):
    said = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "MARKER",
        "AWS_SECRET_ACCESS_KEY": "MARKER",
    }
    with variables_set(said, tmp_path):
        kept = kept_objects("s3://lakes/lake")
    assert kept.keeps is None
    assert "MARKER" not in kept.detail + kept.remedy


def test_a_folder_keeps_nothing():
    assert kept_objects("/data/lake").keeps is False
