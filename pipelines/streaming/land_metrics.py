"""What `truyvet land` tells about itself: a line on the terminal, JSON lines, a Prometheus endpoint.

Names are those of `pipelines.metrics`; no label ever holds a value of a record.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from pipelines import metrics
from pipelines.errors import ServiceError
from pipelines.streaming.batches import Landed
from pipelines.streaming.landing_spool import Segment
from pipelines.streaming.receiver import Received

_LINE_SECONDS: Final = 1.0

Values = dict[str, Any]
"""Counters and gauges by name; a counter with a label is a dictionary of its values."""


class LandTotals:
    """The sums of a process.

    >>> totals = LandTotals()
    >>> totals.add(Landed(received=2, accepted=1, rejected=1, reasons={"bad_time": 1}, seconds=0.1))
    >>> values = totals.values(Received(), [])
    >>> values["accepted"], values["rejected"], values["batch_seconds"]
    (1, {'bad_time': 1}, 0.1)
    """

    def __init__(self) -> None:
        # Counters with a label are dictionaries, the others numbers.
        self._sums: Values = {
            name: {} if name in metrics.LAND_LABELS else 0 for name in metrics.LAND_COUNTERS
        }
        self._last = Landed()

    def add(self, landed: Landed) -> None:
        """Count a batch."""
        for name in (
            metrics.RECEIVED,
            metrics.ACCEPTED,
            metrics.DUPLICATE,
            metrics.UNREGISTERED,
            metrics.LATE,
        ):
            self._sums[name] += getattr(landed, name)
        for name, counts in ((metrics.REJECTED, landed.reasons), ("age", landed.ages)):
            for label, count in counts.items():
                self._sums[name][label] = self._sums[name].get(label, 0) + count
        self._last = landed

    def values(self, received: Received, waiting: list[Segment]) -> Values:
        """Return every counter and gauge as it is now."""
        # Copies: the server reads them on a thread of its own.
        sums = {
            name: dict(sum_) if name in metrics.LAND_LABELS else sum_ for name, sum_ in self._sums.items()
        }
        return {
            **sums,
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


class LandCollector(Collector):
    """Hands the values of the moment to Prometheus, under names that begin with `truyvet_`."""

    def __init__(self, values: Callable[[], Values]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        """Yield every counter and gauge."""
        values = self._values()
        for name, text in metrics.LAND_COUNTERS.items():
            label = metrics.LAND_LABELS.get(name)
            counter = CounterMetricFamily(_full(name), text, labels=[label] if label else [])
            for key, number in values[name].items() if label else [("", values[name])]:
                counter.add_metric([key] if label else [], number)
            yield counter
        for name, text in metrics.LAND_GAUGES.items():
            yield GaugeMetricFamily(_full(name), text, value=values[name])


def _full(name: str) -> str:
    return f"{metrics.NAMESPACE}_{name}"


def serve(port: int, values: Callable[[], Values]) -> WSGIServer:
    """Serve the values to Prometheus at `/metrics` on a port of this machine; 0 takes a free one.

    Raises:
        ServiceError: the port is taken, or is not a port.
    """
    # A registry of its own: the default one would add figures of the Python process.
    # `auto_describe` would collect once at registration.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LandCollector(values))
    try:
        server, _ = start_http_server(port, "127.0.0.1", registry)
    except (OSError, OverflowError) as error:  # taken, or over 65535
        raise ServiceError(f"--metrics-port {port} cannot be used", "choose another port") from error
    return server


class Narrator:
    """Tells people what happens, on standard error, at most once a second."""

    def __init__(self, as_json: bool) -> None:
        """Choose the form.

        Args:
            as_json: one JSON object a line, instead of a line that is redrawn on a terminal.
        """
        self._as_json = as_json
        self._next = 0.0

    def warn(self, line: str) -> None:
        """Print a warning."""
        print(json.dumps({"warning": line}) if self._as_json else line, file=sys.stderr, flush=True)

    def tell(self, values: Values, *, last: bool = False) -> None:
        """Print the values unless it is too soon; without a terminal, only the last ones."""
        now = time.monotonic()
        if now < self._next and not last:
            return
        self._next = now + _LINE_SECONDS
        if self._as_json:
            print(json.dumps({"unix_time": round(time.time(), 3), **values}), file=sys.stderr, flush=True)
        elif last or sys.stderr.isatty():
            # Return to the start of the line and erase it.
            begin = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{begin}{_sentence(values)}", end="\n" if last else "", file=sys.stderr, flush=True)


def _sentence(values: Values) -> str:
    refused = values[metrics.REJECTED]
    reasons = f" ({', '.join(f'{name} {count:,}' for name, count in sorted(refused.items()))})"
    return (
        f"{values['landed']:,} scans landed, {values[metrics.ACCEPTED]:,} accepted, "
        f"{values[metrics.DUPLICATE]:,} duplicate, {sum(refused.values()):,} rejected"
        f"{reasons if refused else ''}, {values[metrics.LATE]:,} late; "
        f"lag {values['lag_seconds']:.1f} s, {values['segments']} segments waiting, "
        f"the oldest for {values['segment_age_seconds']:.1f} s"
    )
