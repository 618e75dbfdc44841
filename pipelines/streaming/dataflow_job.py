"""`truyvet stream`: the job of a stream, sent to Dataflow or written as a template."""

import time
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import ReadFromPubSub

from pipelines.drivers.run import settings_for
from pipelines.errors import UsageError
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.privacy.keys import load_keys
from pipelines.runtime.engines.config import RunnerConfig, load_runner
from pipelines.runtime.run_pipeline import beam_runner, pipeline_options
from pipelines.streaming.batches import Work
from pipelines.streaming.stream_to_lake import LATENESS_SECONDS, StreamToLake
from pipelines.terminal.options import keys_folder


def start_stream(
    lake: str, subscription: str, *, keys: str | None, runner: str, template: str | None = None
) -> str | None:
    """Send the job of a stream to Dataflow, or write it as a template.

    Args:
        lake: as the workers reach it.
        subscription: its full name.
        keys: the folder of the keys here; the workers have theirs.
        runner: a copy of `runner_config/dataflow.toml`.
        template: where the job is written instead of being started.

    Returns:
        The job's id; None of a template.

    Raises:
        UsageError: the runner is another engine, or its file is wrong.
        ServiceError: the library of Dataflow is missing.
    """
    config = load_runner(runner)
    if config.engine != "DataflowRunner":
        raise UsageError(
            f"--runner {runner} does not read Pub/Sub",
            "name a copy of runner_config/dataflow.toml, or use truyvet land",
        )
    return run_stream(config, _stream(lake, subscription, keys), template)


def run_stream(config: RunnerConfig, stream: Any, template: str | None) -> str | None:
    """Build the job of a stream on Dataflow; its id, or None of a template."""
    beam_options = {**config.beam, "streaming": True}
    if template:
        beam_options["template_location"] = template
    config = replace(config, beam=beam_options)
    pipeline = beam.Pipeline(runner=beam_runner(config), options=pipeline_options(config))
    _ = pipeline | "Stream" >> stream
    result: Any = pipeline.run()
    return None if template else str(result.job_id())


def _stream(lake: str, subscription: str, keys: str | None) -> Any:
    own = load_keys(keys_folder(keys, lake))
    settings = settings_for(own, time.time_ns() // 1000, MAX_AGE_DAYS, MAX_AHEAD_DAYS)
    work = Work(lake, own, None, None, 0.0, LATENESS_SECONDS / 86_400)
    return ReadAndLand(subscription, StreamToLake(work, settings))


@dataclass
class ReadAndLand(beam.PTransform[Any, Any]):
    """Begin -> what each commit brought."""

    subscription: str
    stream: StreamToLake

    def expand(self, begin: Any) -> Any:
        """Wire the steps."""
        return (
            begin
            | "Read messages" >> ReadFromPubSub(subscription=self.subscription)
            | "To the lake" >> self.stream
        )
