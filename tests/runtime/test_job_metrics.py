"""Beam counters and distributions, from the threads of a step to the launcher."""

from dataclasses import dataclass

import apache_beam as beam
import pytest
from apache_beam.metrics.execution import MetricKey, MetricResult
from apache_beam.metrics.metricbase import MetricName

from pipelines import metrics
from pipelines.runtime.job_metrics import Distribution, JobMetrics, collect, collect_metrics, report_counts
from pipelines.runtime.run_pipeline import run_to_end
from pipelines.runtime.threaded_dofn import ThreadedDoFn


@dataclass
class CountElements(ThreadedDoFn):
    """number -> number; counted on the threads of the step."""

    scratch: str

    def work(self, number, *_):
        self.count(metrics.ACCEPTED, number)
        self.observe(metrics.FILE_ROWS, number)
        yield number


def run_counting(folder, *numbers):
    return run_to_end(
        lambda begin: begin | beam.Create(numbers) | "Count" >> beam.ParDo(CountElements(str(folder)))
    )


def test_counts_from_threads_reach_the_launcher(tmp_path):
    found = JobMetrics()
    found.add(run_counting(tmp_path, 1, 2, 30))
    assert found.counters[metrics.ACCEPTED] == 33
    assert found.distributions[metrics.FILE_ROWS] == Distribution(count=3, sum=33, min=1, max=30)


def test_the_metrics_of_several_jobs_add_up(tmp_path):
    with collect_metrics() as found:
        for numbers in ((1, 2), (30,)):
            collect(run_counting(tmp_path, *numbers), is_final=True)
    assert found.counters[metrics.ACCEPTED] == 33
    assert found.distributions[metrics.FILE_ROWS] == Distribution(3, 33, 1, 30)


def test_of_a_job_that_is_run_again_only_the_conflict_counts(tmp_path):
    def count(_element):
        report_counts([(metrics.ACCEPTED, 5), (metrics.CONFLICTED_COMMITS, 1)])

    with collect_metrics() as found:
        done = run_to_end(lambda begin: begin | beam.Create([1]) | "Count" >> beam.Map(count))
        collect(done, is_final=False)
        collect(done, is_final=True)
    assert (found.counters[metrics.ACCEPTED], found.counters[metrics.CONFLICTED_COMMITS]) == (5, 2)


def test_outside_a_collecting_block_nothing_is_kept(tmp_path):
    done = run_counting(tmp_path, 1)
    with collect_metrics() as found:
        pass
    collect(done, is_final=True)
    assert found == JobMetrics()


def test_every_name_is_shown_in_the_order_of_its_table_even_at_zero():
    shown = JobMetrics().as_dict()
    assert list(shown) == ["counters", "distributions"]
    assert list(shown["counters"]) == list(metrics.COUNTERS)
    assert set(shown["counters"].values()) == {0}
    assert shown["distributions"] == {
        name: {"count": 0, "sum": 0, "min": None, "max": None} for name in metrics.DISTRIBUTIONS
    }


def test_a_name_that_is_in_no_table_is_not_counted():
    with pytest.raises(AssertionError, match="acepted"):
        report_counts([("acepted", 1)])


class CommittedZero:
    """A result as Prism gives it: a committed 0, nothing attempted."""

    def metrics(self):
        return self

    def query(self, _filter):
        key = MetricKey("step", MetricName(metrics.NAMESPACE, metrics.LATE))
        return {"counters": [MetricResult(key, 0, None)], "distributions": []}


def test_a_committed_zero_is_a_value():
    found = JobMetrics()
    found.add(CommittedZero())
    assert found == JobMetrics()
