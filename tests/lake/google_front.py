"""What fake-gcs-server leaves out of Google's XML API: putting, copying, uploading in parts, listing a rest.

The clients put objects by the XML API (`PUT /bucket/key`, with `x-goog-if-generation-match: 0` where
there must be none yet), which fake-gcs-server answers with 400. Here such a request becomes the one of
the JSON API that says the same, and the server itself decides about the precondition. From a list goes
what `start-after` excludes. All other requests and answers pass unchanged.

    python -m tests.lake.google_front PORT_OF_THE_SERVER
"""

import json
import secrets
import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.etree import ElementTree

HOST = "127.0.0.1"
_OWN = ("transfer-encoding", "connection", "date", "content-length")
_upload_parts: dict[str, dict[int, bytes]] = {}


class Front(BaseHTTPRequestHandler):
    """One connection of a client, and one of its own to the server."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of an answer at once
    port = 0

    def setup(self):
        super().setup()
        self._server = HTTPConnection(HOST, self.port)

    def finish(self):
        self._server.close()
        super().finish()

    def _pass_on(self):
        status, headers, body = self._ask(self.command, self.path, self._body(), self.headers)
        after = self._said()[2].get("start-after")
        self._answer(status, _rest(body, after[0]) if after and status == 200 else body, headers)

    do_GET = do_HEAD = _pass_on  # noqa: N815

    def do_PUT(self):
        _, _, query = self._said()
        if "uploadId" in query:
            number, body = int(query["partNumber"][0]), self._body()
            _upload_parts[query["uploadId"][0]][number] = body
            self._answer(200, headers={"ETag": f'"{number}-{len(body)}"'})
        elif "x-goog-copy-source" in self.headers:
            self._copy()
        else:
            self._put(self._body())

    def do_POST(self):
        bucket, key, query = self._said()
        body = self._body()
        if "uploads" in query:
            name = secrets.token_hex(8)
            _upload_parts[name] = {}
            self._answer(200, _xml("InitiateMultipartUploadResult", UploadId=name))
        elif "uploadId" in query:
            assert body.startswith(b"<CompleteMultipartUpload")
            parts = _upload_parts.pop(query["uploadId"][0])
            self._put(b"".join(parts[number] for number in sorted(parts)), in_parts=True)
        else:
            raise NotImplementedError(f"POST {bucket}/{key}")

    def do_DELETE(self):
        query = self._said()[2]
        if "uploadId" in query:
            _upload_parts.pop(query["uploadId"][0])
            self._answer(204)
        else:
            self._pass_on()

    def _put(self, body, in_parts=False):
        bucket, key, _ = self._said()
        words = {"uploadType": "media", "name": key, **self._precondition()}
        path = f"/upload/storage/v1/b/{bucket}/o?{urlencode(words)}"
        kind = {"Content-Type": self.headers.get("Content-Type") or "application/octet-stream"}
        status, _, answer = self._ask("POST", path, body, kind)
        if status != 200:
            self._answer(status, answer)
            return
        made = json.loads(answer)
        tag = f'"{made["etag"]}"'
        said = _xml("CompleteMultipartUploadResult", ETag=tag) if in_parts else b""
        self._answer(200, said, {"ETag": tag, "x-goog-generation": made["generation"]})

    def _copy(self):
        bucket, key, _ = self._said()
        from_bucket, _, from_key = self.headers["x-goog-copy-source"].partition("/")
        path = f"/storage/v1/b/{from_bucket}/o/{from_key}/copyTo/b/{bucket}/o/{quote(key, safe='')}"
        self._body()
        status, _, answer = self._ask("POST", f"{path}?{urlencode(self._precondition())}", b"", {})
        self._answer(status, _xml("CopyObjectResult") if status == 200 else answer)

    def _precondition(self):
        generation = self.headers.get("x-goog-if-generation-match")
        return {} if generation is None else {"ifGenerationMatch": generation}

    def _said(self):
        """Bucket, key and query."""
        url = urlsplit(self.path)
        bucket, _, key = url.path.removeprefix("/").partition("/")
        query = parse_qs(url.query, keep_blank_values=True)
        return bucket, unquote(key), query

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _ask(self, method, path, body, headers):
        kept = {name: value for name, value in headers.items() if name.lower() not in (*_OWN, "host")}
        self._server.request(method, path, body, kept)
        answer = self._server.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def _answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() not in _OWN or (self.command == "HEAD" and name.lower() == "content-length"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _rest(listed, after):
    """Return a list without the objects up to a name."""
    root = ElementTree.fromstring(listed)
    for found in [found for found in root if found.tag.endswith("Contents")]:
        if next(part.text for part in found if part.tag.endswith("Key")) <= after:
            root.remove(found)
    return ElementTree.tostring(root)


def _xml(name, **parts):
    return f"<{name}>{''.join(f'<{tag}>{text}</{tag}>' for tag, text in parts.items())}</{name}>".encode()


def main():
    Front.port = int(sys.argv[1])
    server = ThreadingHTTPServer((HOST, 0), Front)
    print(f"Running on http://{HOST}:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
