"""`truyvet stream`: a streaming job, sent to Dataflow or written as a template."""

import time
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import ReadFromPubSub

from pipelines.errors import UsageError
from pipelines.ingest.batch import settings_for
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.privacy.keys import load_keys
from pipelines.runtime.engines.config import RunnerConfig, load_runner
from pipelines.runtime.run_pipeline import beam_runner, pipeline_options
from pipelines.streaming.batches import CommitterConfig
from pipelines.streaming.stream_to_lake import StreamToLake
from pipelines.terminal.options import keys_folder


def start_stream(
    lake: str, subscription: str, *, keys: str | None, runner: str, template: str | None = None
) -> str | None:
    """Send a streaming job to Dataflow, or write it as a template.

    Args:
        lake: URL by which the workers reach it.
        subscription: its full name.
        keys: folder of the keys on this machine; the workers have a copy of their own.
        runner: a copy of `runner_config/dataflow.toml`.
        template: path to write the job to, instead of starting it.

    Returns:
        The job's id; None for a template.

    Raises:
        UsageError: the runner is another engine, or its file is wrong.
        ServiceError: Dataflow's client library is missing.
    """
    config = load_runner(runner)
    if config.engine != "DataflowRunner":
        raise UsageError(
            f"--runner {runner} does not read Pub/Sub",
            "name a copy of runner_config/dataflow.toml, or use truyvet land",
        )
    return run_stream(config, _stream(lake, subscription, keys), template)


def run_stream(config: RunnerConfig, stream: Any, template: str | None) -> str | None:
    """Build a streaming job on Dataflow and return its id; None for a template."""
    beam_options = {**config.beam, "streaming": True}
    if template:
        beam_options["template_location"] = template  # Beam then writes the job instead of starting it
    config = replace(config, beam=beam_options)
    pipeline = beam.Pipeline(runner=beam_runner(config), options=pipeline_options(config))
    _ = pipeline | "Stream" >> stream
    result: Any = pipeline.run()  # returns once the job is accepted; a stream has no end to wait for
    return None if template else str(result.job_id())


def _stream(lake: str, subscription: str, keys: str | None) -> Any:
    loaded = load_keys(keys_folder(keys, lake))
    # Limits for counting days only; every commit checks ages again.
    settings = settings_for(loaded, time.time_ns() // 1000, MAX_AGE_DAYS, MAX_AHEAD_DAYS)
    return ReadAndLand(subscription, StreamToLake(CommitterConfig(lake, loaded), settings))


@dataclass
class ReadAndLand(beam.PTransform[Any, Any]):
    """Begin -> what each commit brought, as the fields of `Landed`."""

    subscription: str
    stream: StreamToLake

    def expand(self, begin: Any) -> Any:
        """Wire the steps."""
        return (
            begin
            # FnApiRunner would silently read nothing (beam#27443), so `start_stream` refuses it.
            | "Read messages" >> ReadFromPubSub(subscription=self.subscription)
            | "To the lake" >> self.stream
        )
