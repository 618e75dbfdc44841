"""Run a pipeline to its end on the runner that is named.

Beam's `DirectRunner` is a switch: it tries Prism (a download), FnApiRunner and
BundleBasedDirectRunner, and the choice changes with the graph and the network.
Here a name means one runner; `runner_config/` says what each can and cannot do.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from pipelines.errors import ServiceError
from pipelines.runtime.engine_logs import silence_workers
from pipelines.runtime.engines.config import FOLDER, RUNNERS, Option, RunnerConfig, load_runner
from pipelines.runtime.engines.flink import job_endpoint, kept_log
from pipelines.runtime.engines.quick_graphs import quick_graphs
from pipelines.runtime.job_errors import is_interrupt

__all__ = ["RUNNERS", "beam_runner", "pipeline_options", "run_to_end"]


def run_to_end(build: Callable[[beam.Pipeline], Any], runner: str = "direct") -> PipelineResult:
    """Build a pipeline, run it and wait until it is done.

    Args:
        build: adds the steps to the pipeline it is given.
        runner: one of `RUNNERS`, or a file like those of `runner_config/`.

    Returns:
        Beam's result, for its metrics.

    Raises:
        UsageError: there is no such runner, or its file is wrong.
        ServiceError: a part of the engine is missing, or the job failed on it.
        RuntimeError: a step failed in this process.
    """
    config = load_runner(runner)
    # With LOOPBACK the engine's workers run in this very process.
    if config.engine != "FnApiRunner":
        silence_workers()
    # The patches are for graphs that run in this process.
    quick = quick_graphs() if config.engine == "FnApiRunner" else contextlib.nullcontext()
    with _explain_failure(config), quick:
        pipeline = beam.Pipeline(runner=beam_runner(config), options=pipeline_options(config))
        build(pipeline)
        done: PipelineResult = pipeline.run()
        done.wait_until_finish()
        return done


def beam_runner(config: RunnerConfig) -> Any:
    """Return the Beam runner of a configuration; the others are not imported.

    Raises:
        ServiceError: its library or its binary is missing.
    """
    if config.engine == "FnApiRunner":
        from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

        # One worker: two lost residuals of splittable DoFns. Threads inside the steps use the cores.
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
    """Return Beam's options of a configuration, with the address of a running job server.

    Raises:
        ServiceError: no job server is running and none can be started.
    """
    options: dict[str, Option] = {name: value for name, value in config.beam.items() if name != "runner"}
    if config.engine == "PortableRunner":
        options["job_endpoint"] = job_endpoint(config)
        if options.get("environment_type") == "PROCESS":
            options.setdefault("environment_config", _local_worker())  # a file may name another worker
    # An explicit empty list: None would make Beam parse the flags of our own command line.
    return PipelineOptions([], save_main_session=False, **options)


def _local_worker() -> str:
    """Return the `environment_config` of a worker on this machine that runs this very Python."""
    command = str(FOLDER / "flink" / "boot.sh")
    return json.dumps({"command": command, "env": {"TRUYVET_PYTHON": sys.executable}})


@contextlib.contextmanager
def _explain_failure(config: RunnerConfig) -> Iterator[None]:
    """Turn the failure of a job on an engine into one line; a reported error takes precedence.

    Raises:
        KeyboardInterrupt: it came while a step was waited for; Beam wraps it in a RuntimeError.
        ServiceError: the job failed, or the engine cannot be reached.
    """
    try:
        yield
    except (RuntimeError, grpc.RpcError, grpc.FutureTimeoutError) as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        # In this process the error is ours to show whole; an engine's text may quote a record.
        if config.engine == "FnApiRunner":
            raise
        log = kept_log(config) or "the engine's own log"
        raise ServiceError(f"the job failed on {config.name}", f"see {log}, then run it again") from error
