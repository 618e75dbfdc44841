"""Panes, lateness and accumulation, on the one local runner that supports TestStream."""

import datetime as dt
import json
import tempfile

import apache_beam as beam
import orjson
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue

from pipelines.ingest.batch import settings_for
from pipelines.lake import open_lake, read_table
from pipelines.metrics import LATE as LATE_COUNTER
from pipelines.streaming.batches import BatchOptions, CommitterConfig
from pipelines.streaming.committer import Committer
from pipelines.streaming.transforms import BEYOND, EARLY, LATE, ON_TIME, Pane, StreamScans, WindowScans
from pipelines.times import DAY_SECONDS
from tests.lakes import keys_of, new_lake

Stream = test_stream.TestStream  # under its own name pytest would take it for tests
LATENESS = 3 * DAY_SECONDS
DAY = 18_800


def hour(day, hours=0):
    return (DAY + day) * DAY_SECONDS + hours * 3600


def counted(part, scans, day, hours):
    return TimestampedValue((part, scans), hour(day, hours))


def write_down(pane, path):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(pane) + "\n")


def panes_of(stream, transform, expected):
    """Run a stream, compare its panes and return the counter of scans that came too late.

    Compared outside the pipeline: `assert_that` does not work for streams (beam#18709).
    """
    options = PipelineOptions([])
    options.view_as(StandardOptions).streaming = True
    pipeline = beam.Pipeline(runner=BundleBasedDirectRunner(), options=options)
    panes = pipeline | "Stream" >> stream | "Stream scans" >> transform
    with tempfile.NamedTemporaryFile("r") as fired:
        _ = panes | "Collect" >> beam.Map(write_down, fired.name)
        result = pipeline.run()
        result.wait_until_finish()
        assert sorted(Pane(*json.loads(line)) for line in fired) == sorted(expected)
    found = result.metrics().query(beam.metrics.MetricsFilter().with_name(LATE_COUNTER))["counters"]
    return sum(counter.committed for counter in found)


def test_a_day_fires_early_on_time_and_late_and_each_pane_includes_the_ones_before():
    stream = (
        Stream()
        .advance_watermark_to(hour(0))
        .add_elements([counted(0, 5, 0, 8), counted(1, 2, 0, 9)])
        .advance_processing_time(120)
        .add_elements([counted(0, 1, 0, 10)])
        .advance_watermark_to(hour(1, 1))
        .add_elements([counted(0, 4, 0, 11)])
        .advance_watermark_to_infinity()
    )
    expected = [
        Pane(DAY, 0, EARLY, 5),
        Pane(DAY, 1, EARLY, 2),
        Pane(DAY, 0, ON_TIME, 6),
        Pane(DAY, 1, ON_TIME, 2),
        Pane(DAY, 0, LATE, 10),
    ]
    assert panes_of(stream, WindowScans(LATENESS), expected) == 0


def test_a_scan_belongs_to_its_day_until_the_last_second_of_the_lateness_and_is_counted_after():
    stream = (
        Stream()
        .advance_watermark_to(hour(0))
        .add_elements([counted(0, 1, 0, 8)])
        .advance_watermark_to(hour(4) - 1)
        .add_elements([counted(0, 1, 0, 9)])
        .advance_watermark_to(hour(4, 1))
        .add_elements([counted(0, 7, 0, 9)])
        .add_elements([counted(0, 1, 4, 1)])
        .advance_watermark_to_infinity()
    )
    expected = [
        Pane(DAY, 0, ON_TIME, 1),
        Pane(DAY, 0, LATE, 2),
        Pane(DAY, 0, BEYOND, 7),
        Pane(DAY + 4, 0, ON_TIME, 1),
    ]
    panes_of(
        stream, WindowScans(LATENESS), expected
    )  # not the counter: this runner loses those of later bundles


def test_a_scan_of_an_unseen_day_is_counted_when_it_comes_too_late():
    stream = (
        Stream()
        .advance_watermark_to(hour(9))
        .add_elements([counted(0, 3, 0, 9)])
        .advance_watermark_to_infinity()
    )
    assert panes_of(stream, WindowScans(LATENESS), [Pane(DAY, 0, BEYOND, 3)]) == 3


def message(*days):
    scans = [
        {
            "person": "device:a",
            "venue": "V",
            "occurred_at": dt.datetime.fromtimestamp(hour(day, 8), dt.UTC).isoformat(),
        }
        for day in days
    ]
    return orjson.dumps(scans)


def test_messages_land_and_change_their_dates_however_late_they_are(tmp_path):
    lake = new_lake(tmp_path)
    keys = keys_of(lake)
    settings = settings_for(keys, hour(9) * 1_000_000, 60, 1)
    stream = (
        Stream()
        .advance_watermark_to(hour(0))
        .add_elements([TimestampedValue(message(0, 1), hour(0)), TimestampedValue(b"no JSON", hour(0))])
        .advance_watermark_to(hour(8))
        .add_elements([TimestampedValue(message(0), hour(8))])
        .advance_watermark_to_infinity()
    )
    streamed = StreamScans(lake.url, keys, settings, 1, LATENESS)
    expected = [Pane(DAY, 0, ON_TIME, 1), Pane(DAY + 1, 0, ON_TIME, 1), Pane(DAY, 0, BEYOND, 1)]
    panes_of(stream, streamed, expected)
    options = BatchOptions(max_age_days=36_000, max_ahead_days=36_000)
    committer = Committer(CommitterConfig(lake.url, keys_of(lake), options), print)
    landed = committer.land()
    assert (landed.received, landed.accepted, landed.duplicate, landed.rejected) == (4, 2, 1, 1)
    assert read_table(open_lake(lake.url), "scans", ["venue"]).num_rows == 2
