"""Running a pipeline to its end on the runner that is named, never on a guess.

`DirectRunner` is a switch that chooses by graph and network; here a name means
one runner. What each can and cannot do stands in `runner_config/`.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.errors import ServiceError
from pipelines.runtime.engine_logs import silence_workers
from pipelines.runtime.engines.config import FOLDER, RUNNERS, Option, RunnerConfig, load_runner
from pipelines.runtime.engines.flink import job_endpoint, kept_log
from pipelines.runtime.engines.quick_graphs import quick_graphs
from pipelines.runtime.job_errors import is_interrupt
from pipelines.runtime.malloc import keep_freed_memory

__all__ = ["RUNNERS", "beam_runner", "pipeline_options", "run_to_end"]


def run_to_end(build: Callable[[beam.Pipeline], Any], runner: str = "direct") -> None:
    """Build a pipeline and wait until it is done.

    Args:
        build: adds the steps to the pipeline it is given.
        runner: one of `RUNNERS`, or a file like those of `runner_config/`.

    Raises:
        UsageError: no such runner, or its file is wrong.
        ServiceError: a part of the engine is missing, or the job failed on it.
        RuntimeError: a step failed in this process.
    """
    config = load_runner(runner)
    keep_freed_memory()
    if config.engine != "FnApiRunner":
        silence_workers()
    alone = quick_graphs() if config.engine == "FnApiRunner" else contextlib.nullcontext()
    with _explained(config), alone:
        pipeline = beam.Pipeline(runner=beam_runner(config), options=pipeline_options(config))
        build(pipeline)
        pipeline.run().wait_until_finish()


def beam_runner(config: RunnerConfig) -> Any:
    """The Beam runner of a configuration; the others are not imported.

    Raises:
        ServiceError: its library or its binary is not here.
    """
    if config.engine == "FnApiRunner":
        from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

        return FnApiRunner()
    if config.engine == "PrismRunner":
        from pipelines.runtime.engines.prism import prism_runner

        return prism_runner(config)
    if config.engine == "PortableRunner":
        from apache_beam.runners.portability.portable_runner import PortableRunner

        return PortableRunner()
    from pipelines.runtime.engines.dataflow import dataflow_runner

    return dataflow_runner(config)


def pipeline_options(config: RunnerConfig) -> PipelineOptions:
    """Beam's options of a configuration, with the job server that listens.

    Raises:
        ServiceError: no job server listens, and none can be started.
    """
    given: dict[str, Option] = {name: value for name, value in config.beam.items() if name != "runner"}
    if config.engine == "PortableRunner":
        given["job_endpoint"] = job_endpoint(config)
        if given.get("environment_type") == "PROCESS":
            given.setdefault("environment_config", _own_worker())
    return PipelineOptions([], save_main_session=False, **given)


def _own_worker() -> str:
    """A worker on this machine, of this very Python."""
    command = str(FOLDER / "flink" / "boot.sh")
    return json.dumps({"command": command, "env": {"TRUYVET_PYTHON": sys.executable}})


@contextlib.contextmanager
def _explained(config: RunnerConfig) -> Iterator[None]:
    """Say in one line that a job failed elsewhere; what its steps have noted takes precedence.

    Raises:
        KeyboardInterrupt: it came while a step was waited for, of which Beam makes a RuntimeError.
        ServiceError: the job failed, or the engine cannot be reached.
    """
    try:
        yield
    except (RuntimeError, grpc.RpcError, grpc.FutureTimeoutError) as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        if config.engine == "FnApiRunner":
            raise
        log = kept_log(config) or "the engine's own log"
        raise ServiceError(f"the job failed on {config.name}", f"see {log}, and run it again") from error
