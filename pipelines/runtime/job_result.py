"""What became of a pipeline: its last step leaves it in the scratch folder, the launcher reads it there.

A step may run on another machine, and no runner hands a result back to whoever
launched the job.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import apache_beam as beam

from pipelines.lake import storage
from pipelines.runtime.job_errors import raise_reported
from pipelines.runtime.run_pipeline import run_to_end

_OUTCOME: Final = "outcome.json"


def write_result(scratch: str, outcome: Mapping[str, Any]) -> None:
    """Leave what became of the pipeline of a scratch folder; a step that is done twice leaves it twice.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not.
    """
    storage.put(f"{scratch}/{_OUTCOME}", json.dumps(outcome).encode())


def run_job(build: Callable[[beam.Pipeline], Any], scratch: str, runner: str) -> dict[str, Any]:
    """Run a pipeline to its end and read what its last step has left.

    Args:
        build: adds the steps to the pipeline it is given.
        scratch: the folder of the run.
        runner: as `run_to_end` takes it.

    Raises:
        TruyVetError: a step has noted it, or the engine is not there.
        RuntimeError: a step failed in another way.
    """
    with raise_reported(scratch):
        run_to_end(build, runner)
    outcome: dict[str, Any] = json.loads(storage.read(f"{scratch}/{_OUTCOME}"))
    return outcome
