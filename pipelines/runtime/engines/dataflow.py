"""Dataflow: check that its client library is installed and that no placeholder is left."""

from typing import Any

from pipelines.errors import ServiceError, UsageError
from pipelines.runtime.engines.config import RunnerConfig


def dataflow_runner(config: RunnerConfig) -> Any:
    """Return Beam's runner for Dataflow.

    Raises:
        ServiceError: its client library is not installed.
        UsageError: a value of the configuration is still a placeholder.
    """
    for name, value in config.beam.items():
        if isinstance(value, str) and ("PROJECT" in value or "BUCKET" in value):
            raise UsageError(
                f"{config.name}: {name} is still a placeholder",
                "copy runner_config/dataflow.toml, fill in the copy and pass it as --runner",
            )
    # Without the extra, Beam fails later and with a traceback.
    try:
        from apache_beam.runners.dataflow.internal import apiclient  # noqa: F401
    except ImportError as error:
        raise ServiceError(
            "Dataflow's client library is not installed", "pip install 'truyvet[dataflow]'"
        ) from error
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    return DataflowRunner()
