"""A stream that an engine reads itself: its scans are in the lake once a pane has fired."""

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.transforms.window import TimestampedValue

from pipelines.errors import UsageError
from pipelines.ingest.batch import settings_for
from pipelines.lake import open_lake, read_table, snapshot, storage
from pipelines.privacy.keys import load_keys
from pipelines.streaming.batches import BatchOptions, CommitterConfig
from pipelines.streaming.dataflow_job import start_stream
from pipelines.streaming.stream_to_lake import StreamToLake
from tests.lake.object_store import BUCKET
from tests.streaming.test_transforms import LATENESS, Stream, hour, message


@pytest.fixture(params=["disk", "store"])
def place(request, tmp_path):
    """Where to make a lake, and its keys."""
    if request.param == "store":
        request.getfixturevalue("s3")
        return f"s3://{BUCKET}/streamed/lake", tmp_path / "keys"
    return str(tmp_path / "lake"), tmp_path / "keys"


def test_messages_are_in_the_lake_once_the_panes_are_gathered_however_late_they_came(place):
    lake, keys = open_lake(*place, create=True), load_keys(place[1])
    settings = settings_for(keys, hour(9) * 1_000_000, 60, 1)
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
    config = CommitterConfig(lake.url, keys, BatchOptions(max_age_days=36_000, max_ahead_days=36_000))
    _ = pipeline | "Stream" >> stream | "To the lake" >> StreamToLake(config, settings, 1, LATENESS)
    pipeline.run().wait_until_finish()
    days = sorted(time.day for time in read_table(lake, "scans", ["occurred_at"])["occurred_at"].to_pylist())
    assert days == sorted(range(days[0], days[0] + 3))
    assert snapshot(lake, "rejects").files[0].rows == 1
    assert not [name for name in storage.names(f"{lake.url}.landing") if name.endswith(".segment")]


def test_an_engine_that_cannot_read_pubsub_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--runner flink does not read Pub/Sub: name a copy of"):
        start_stream(str(tmp_path), "projects/p/subscriptions/s", keys=None, runner="flink")
