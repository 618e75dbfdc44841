"""Running a pipeline to its end on the runner that is named, never on a guess.

`DirectRunner` is a switch that chooses by graph and network; here a name means
one runner. What each can and cannot do stands in `runner_config/`.
"""

from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipelines.errors import UsageError
from pipelines.memory import keep_freed_memory

RUNNERS = ("direct",)
"""The names that `--runner` takes."""


def run_to_end(build: Callable[[beam.Pipeline], Any], runner: str = "direct") -> None:
    """Build a pipeline and wait until it is done.

    Args:
        build: adds the steps to the pipeline it is given.
        runner: one of `RUNNERS`.

    Raises:
        UsageError: no such runner.
        RuntimeError: a step failed.
    """
    if runner not in RUNNERS:
        raise UsageError(f"--runner {runner} is unknown", f"choose one of {' '.join(RUNNERS)}")
    keep_freed_memory()
    options = PipelineOptions([], direct_num_workers=1, save_main_session=False)
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
    build(pipeline)
    pipeline.run().wait_until_finish()
