"""Beam counters and distributions: how steps report them and how a launcher collects them.

Every name is one of `pipelines.metrics`, so a runner's own pages (Flink's, Dataflow's) and `truyvet run
--metrics` show the same names.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Any

import grpc
from apache_beam.metrics.metric import Metrics, MetricsFilter

from pipelines import metrics
from pipelines.errors import ServiceError

# Per context, so that a block sees only the jobs of its own thread.
_collecting: ContextVar["list[tuple[Any, bool]] | None"] = ContextVar("collecting", default=None)


def report_counts(counts: Iterable[tuple[str, int]]) -> None:
    """Add to Beam counters, from the thread that runs the bundle.

    On any other thread Beam ignores the call without a word (beam#21217).

    Args:
        counts: (name of `metrics.COUNTERS`, number) pairs; names may repeat.
    """
    for name, number in _summed(counts).items():
        Metrics.counter(metrics.NAMESPACE, name).inc(number)


def report_values(values: Iterable[tuple[str, int]]) -> None:
    """Add to Beam distributions, under the same rule as `report_counts`.

    Args:
        values: (name of `metrics.DISTRIBUTIONS`, value) pairs.
    """
    for name, value in values:
        assert name in metrics.DISTRIBUTIONS, name
        Metrics.distribution(metrics.NAMESPACE, name).update(value)


def _summed(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, number in counts:
        assert name in metrics.COUNTERS, name
        sums[name] = sums.get(name, 0) + number
    return sums


@dataclass(frozen=True)
class Distribution:
    """What Beam keeps of the values of a distribution.

    >>> Distribution(2, 30, 10, 20) + Distribution(1, 5, 5, 5)
    Distribution(count=3, sum=35, min=5, max=20)
    >>> Distribution() + Distribution(1, 5, 5, 5)
    Distribution(count=1, sum=5, min=5, max=5)
    """

    count: int = 0
    sum: int = 0
    min: int | None = None
    max: int | None = None

    def __add__(self, other: "Distribution") -> "Distribution":
        least = [value for value in (self.min, other.min) if value is not None]
        most = [value for value in (self.max, other.max) if value is not None]
        return Distribution(
            self.count + other.count,
            self.sum + other.sum,
            min(least, default=None),
            max(most, default=None),
        )


@dataclass
class JobMetrics:
    """The metrics of some jobs, under every name of `pipelines.metrics` in its order.

    >>> JobMetrics().counters[metrics.ACCEPTED]
    0
    """

    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(metrics.COUNTERS, 0))
    distributions: dict[str, Distribution] = field(
        default_factory=lambda: dict.fromkeys(metrics.DISTRIBUTIONS, Distribution())
    )

    def add(self, done: Any, *, is_final: bool = True) -> None:
        """Add the metrics of a finished pipeline.

        Args:
            done: its `PipelineResult`.
            is_final: whether its work stands. Of a job that is run again only the conflict counts.

        Raises:
            ServiceError: the engine does not return them.
        """
        try:
            found = done.metrics().query(MetricsFilter().with_namespace(metrics.NAMESPACE))
        except grpc.RpcError as error:
            raise ServiceError("the engine returned no metrics", "leave --metrics out") from error
        # Beam keeps a counter per step, so names repeat.
        for counter in found["counters"]:
            name = counter.key.metric.name
            if is_final or name == metrics.CONFLICTED_COMMITS:
                self.counters[name] += _value(counter)
        for distribution in found["distributions"] if is_final else ():
            name, value = distribution.key.metric.name, _value(distribution)
            self.distributions[name] += Distribution(value.count, value.sum, value.min, value.max)

    def as_dict(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what `truyvet run --metrics` writes as JSON."""
        return asdict(self)


def _value(metric: Any) -> Any:
    """Return the committed value, or the attempted one where a runner has no other.

    Not Beam's `MetricResult.result`: it takes a committed 0 for none and returns None on Prism.
    """
    return metric.attempted if metric.committed is None else metric.committed


@contextmanager
def collect_metrics() -> Iterator[JobMetrics]:
    """Collect the metrics of all jobs that this thread runs in the block; filled when the block ends.

    Raises:
        ServiceError: the engine does not return them.
    """
    # Yielded empty and filled when the block ends.
    found, jobs = JobMetrics(), list[tuple[Any, bool]]()
    token = _collecting.set(jobs)
    try:
        yield found
    finally:
        _collecting.reset(token)
    # Asked for last: metrics that cannot be had must not stop a batch between its commits.
    for done, is_final in jobs:
        found.add(done, is_final=is_final)


def collect(done: Any, *, is_final: bool) -> None:
    """Remember a finished pipeline for the `collect_metrics` block it ran in, if any."""
    jobs = _collecting.get()
    if jobs is not None:
        jobs.append((done, is_final))
