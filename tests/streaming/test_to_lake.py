"""A stream that an engine reads itself: what its messages hold is in the lake when a pane has fired."""

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.transforms.window import TimestampedValue

from pipelines.errors import UsageError
from pipelines.lake import read_table, snapshot
from pipelines.run import settings_for
from pipelines.streaming.child import Work
from pipelines.streaming.on_dataflow import start_stream
from pipelines.streaming.to_lake import StreamToLake
from tests.lakes import keys_of, new_lake
from tests.streaming.test_transforms import LATENESS, Stream, hour, message


def test_messages_are_in_the_lake_when_the_stream_has_gathered_its_panes_however_late_they_came(tmp_path):
    lake = new_lake(tmp_path)
    settings = settings_for(keys_of(lake), hour(9) * 1_000_000, 60, 1)
    stream = (
        Stream()
        .advance_watermark_to(hour(0))
        .add_elements([TimestampedValue(message(0, 1), hour(0)), TimestampedValue(b"no JSON", hour(0))])
        .advance_processing_time(200)
        .advance_watermark_to(hour(8))
        .add_elements([TimestampedValue(message(0, 2), hour(8))])
        .advance_processing_time(200)
        .advance_watermark_to_infinity()
    )
    options = PipelineOptions([])
    options.view_as(StandardOptions).streaming = True
    pipeline = beam.Pipeline(runner=BundleBasedDirectRunner(), options=options)
    work = Work(lake.url, f"{lake.url}.keys", 36_000, 36_000, 0.0, 3.0)
    _ = pipeline | "Stream" >> stream | "To the lake" >> StreamToLake(work, settings, 1, LATENESS)
    pipeline.run().wait_until_finish()
    days = sorted(time.day for time in read_table(lake, "scans", ["occurred_at"])["occurred_at"].to_pylist())
    assert days == sorted(range(days[0], days[0] + 3))
    assert snapshot(lake, "rejects").files[0].rows == 1


def test_an_engine_that_does_not_read_pubsub_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--runner flink does not read Pub/Sub: name a copy of"):
        start_stream(str(tmp_path), "projects/p/subscriptions/s", keys=None, runner="flink")
