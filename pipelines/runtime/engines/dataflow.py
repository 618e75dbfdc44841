"""Dataflow: its client library is asked for, and the values that nobody can know are not left blank."""

from typing import Any

from pipelines.errors import ServiceError, UsageError
from pipelines.runtime.engines.config import RunnerConfig


def dataflow_runner(config: RunnerConfig) -> Any:
    """Beam's runner of Dataflow.

    Raises:
        ServiceError: its client library is not installed.
        UsageError: a value of the configuration is still a placeholder.
    """
    for name, value in config.beam.items():
        if isinstance(value, str) and ("PROJECT" in value or "BUCKET" in value):
            raise UsageError(
                f"{config.name}: {name} is still a placeholder",
                "copy runner_config/dataflow.toml, fill it in and name the copy with --runner",
            )
    try:
        from apache_beam.runners.dataflow.internal import apiclient  # noqa: F401
    except ImportError as error:
        raise ServiceError("the library of Dataflow is missing", "pip install 'truyvet[dataflow]'") from error
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    return DataflowRunner()
