"""What `land` tells about itself: a line on the terminal, JSON lines, a Prometheus endpoint.

Names of `pipelines.metrics`; no label ever holds a value of a record.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from pipelines import metrics
from pipelines.errors import ServiceError
from pipelines.streaming.batches import Landed
from pipelines.streaming.landing_spool import Segment
from pipelines.streaming.receiver import Received

_PREFIX: Final = f"{metrics.NAMESPACE}_"
_LINE_SECONDS: Final = 1.0

Values = dict[str, Any]
"""Counters and gauges by name; a dict stands for one label's values."""

_HELP: Final = {
    "messages": ("counter", "messages made durable and acknowledged", ""),
    "landed": ("counter", "scans in durable segments", ""),
    metrics.RECEIVED: ("counter", "scans that batches have taken in, refused ones included", ""),
    metrics.ACCEPTED: ("counter", "scans new to the lake", ""),
    metrics.DUPLICATE: ("counter", "scans that the lake already had", ""),
    metrics.REJECTED: ("counter", "scans refused", "reason"),
    metrics.UNREGISTERED: ("counter", "accepted scans of venues that the registry does not know", ""),
    metrics.LATE: ("counter", "accepted scans beyond the allowed lateness", ""),
    "age": ("counter", "accepted scans by their age at receipt", "age"),
    "lag_seconds": ("gauge", "from the publishing of a message to its being durable", ""),
    "segments": ("gauge", "segments that wait for their commit", ""),
    "segment_bytes": ("gauge", "their size", ""),
    "segment_age_seconds": ("gauge", "the age of the oldest", ""),
    "batch_seconds": ("gauge", "how long the last batch took", ""),
    "pulls": ("gauge", "pulls that the broker has answered last time", ""),
    "scans_version": ("gauge", "the newest version of scans", ""),
    "stays_version": ("gauge", "the version of scans that stays reflect", ""),
}


class Gauges:
    """The sums of a process."""

    def __init__(self) -> None:
        self._sums: Values = {
            name: {} if label else 0 for name, (kind, _, label) in _HELP.items() if kind == "counter"
        }
        self._last = Landed()

    def add(self, landed: Landed) -> None:
        """Count a batch."""
        for name in (metrics.RECEIVED, metrics.ACCEPTED, metrics.DUPLICATE, metrics.UNREGISTERED):
            self._sums[name] += getattr(landed, name)
        self._sums[metrics.LATE] += landed.late
        for name, counts in ((metrics.REJECTED, landed.reasons), ("age", landed.ages)):
            for label, count in counts.items():
                self._sums[name][label] = self._sums[name].get(label, 0) + count
        self._last = landed

    def values(self, received: Received, waiting: list[Segment]) -> Values:
        """All there is to tell now."""
        return {
            **self._sums,
            "messages": received.messages,
            "landed": received.records,
            "lag_seconds": round(received.lag_seconds, 3),
            "segments": len(waiting),
            "segment_bytes": sum(segment.size for segment in waiting),
            "segment_age_seconds": round(max(0.0, time.time() - waiting[0].since), 3) if waiting else 0.0,
            "batch_seconds": round(self._last.seconds, 3),
            "pulls": received.answered,
            "scans_version": self._last.scans_version,
            "stays_version": self._last.stays_version,
        }


def prometheus_text(values: Values) -> str:
    """The values in the text format of Prometheus."""
    lines = []
    for name, (kind, text, label) in _HELP.items():
        full = f"{_PREFIX}{name}" + ("_total" if kind == "counter" else "")
        lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}"]
        given = values[name]
        if label:
            lines += [f'{full}{{{label}="{key}"}} {count}' for key, count in sorted(given.items())]
        else:
            lines.append(f"{full} {given}")
    return "\n".join(lines) + "\n"


def serve(port: int, values: Callable[[], Values]) -> ThreadingHTTPServer:
    """Answer `GET /metrics` on a port of this machine; 0 takes a free one.

    Raises:
        ServiceError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            text = prometheus_text(values()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_args: Any) -> None:
            return

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except (OSError, OverflowError) as error:
        raise ServiceError(f"--metrics-port {port} cannot be used", "name another port") from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class Teller:
    """Tells people on standard error, at most once a second."""

    def __init__(self, as_json: bool) -> None:
        """Choose the form.

        Args:
            as_json: one JSON object a line instead of a line that renews itself on a terminal.
        """
        self._as_json = as_json
        self._next = 0.0

    def say(self, line: str) -> None:
        """A line about trouble."""
        print(json.dumps({"warning": line}) if self._as_json else line, file=sys.stderr, flush=True)

    def tell(self, values: Values, *, last: bool = False) -> None:
        """The values, unless it is too soon; on no terminal only the last ones."""
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + _LINE_SECONDS
        if self._as_json:
            print(json.dumps({"unix_time": round(time.time(), 3), **values}), file=sys.stderr, flush=True)
        elif last or sys.stderr.isatty():
            begin = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{begin}{_words(values)}", end="\n" if last else "", file=sys.stderr, flush=True)


def _words(values: Values) -> str:
    refused = values[metrics.REJECTED]
    reasons = f" ({', '.join(f'{name} {count:,}' for name, count in sorted(refused.items()))})"
    return (
        f"{values['landed']:,} scans landed, {values[metrics.ACCEPTED]:,} accepted, "
        f"{values[metrics.DUPLICATE]:,} duplicate, {sum(refused.values()):,} rejected"
        f"{reasons if refused else ''}, {values[metrics.LATE]:,} late; "
        f"lag {values['lag_seconds']:.1f} s, {values['segments']} segments wait, "
        f"the oldest {values['segment_age_seconds']:.1f} s"
    )
