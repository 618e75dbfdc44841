"""Prism makes the same lake over the portable protocol, and fires the panes of the stream tests."""

import inspect
import json

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import StandardOptions

from pipelines.metrics import LATE as LATE_COUNTER
from pipelines.runtime.engines.config import load_runner
from pipelines.runtime.job_metrics import collect_metrics
from pipelines.runtime.run_pipeline import beam_runner, pipeline_options
from pipelines.streaming.transforms import LATE, Pane
from tests.runtime.engines.engines import need_prism
from tests.runtime.engines.same import comparable, differences
from tests.streaming import test_transforms as streams

pytestmark = pytest.mark.slow

OF_STREAMS = [
    name
    for name, test in vars(streams).items()
    if name.startswith("test_") and "panes_of(" in inspect.getsource(test)
]


def test_prism_makes_the_lake_of_the_direct_runner_and_counts_the_same(
    province, by_direct, metrics_by_direct, tmp_path
):
    need_prism()
    lake = str(tmp_path / "lake")
    with collect_metrics() as found:
        assert province.land(lake, "prism") == by_direct
    assert differences(lake, province.lake) == []
    assert comparable(found) == comparable(metrics_by_direct)


@pytest.mark.parametrize("name", OF_STREAMS)
def test_a_stream_fires_the_same_panes_on_prism(name, monkeypatch, tmp_path):
    need_prism()
    fired = tmp_path / "fired"

    def panes_of(stream, transform, expected):
        config = load_runner("prism")
        options = pipeline_options(config)
        options.view_as(StandardOptions).streaming = True
        pipeline = beam.Pipeline(runner=beam_runner(config), options=options)
        panes = pipeline | "Stream" >> stream | "Stream scans" >> transform
        _ = panes | "Collect" >> beam.Map(streams.write_down, str(fired))
        result = pipeline.run()
        result.wait_until_finish()
        lines = fired.read_text(encoding="utf-8").splitlines()
        assert without_last_repeats([Pane(*json.loads(line)) for line in lines]) == sorted(expected)
        found = result.metrics().query(beam.metrics.MetricsFilter().with_name(LATE_COUNTER))["counters"]
        return sum(counter.committed for counter in found)

    monkeypatch.setattr(streams, "panes_of", panes_of)
    test = getattr(streams, name)
    test(*([tmp_path] if "tmp_path" in inspect.signature(test).parameters else []))


def without_last_repeats(panes):
    """Drop the panes that Prism fires again, with nothing new in them, when a window expires."""
    kept = list(panes)
    for pane in panes:
        same = [other for other in kept if (other.date, other.part) == (pane.date, pane.part)]
        if pane.timing == LATE and sum(other.scans == pane.scans for other in same) > 1:
            kept.remove(pane)
    return sorted(kept)
