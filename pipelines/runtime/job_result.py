"""How a job tells its launcher what it did: a typed result in a file of the scratch folder.

The last step of a job may run on another machine, and no Beam runner hands a
value back to the process that launched it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from pipelines.lake import storage
from pipelines.runtime.job_errors import raise_reported

if TYPE_CHECKING:
    import apache_beam as beam

_FILE: Final = "result.json"

Result = TypeVar("Result", bound="JobResult")


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What the last step of a job did. Each kind of job adds its own counts.

    Fields are what JSON holds: numbers, texts, lists and dictionaries with text keys.

    Attributes:
        conflict: another commit came between, so this one was not made and the job must be planned again.

    >>> JobResult.from_json(JobResult(conflict=True).to_json())
    JobResult(conflict=True)
    """

    conflict: bool = False

    @property
    def is_final(self) -> bool:
        """Whether the work stands; otherwise the job is planned and run again."""
        return not self.conflict

    def to_json(self) -> bytes:
        """Encode the result."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Decode a result of this class."""
        return cls(**json.loads(text))


def write_result(scratch: str, result: JobResult) -> None:
    """Write down what a job did; a step that is run twice writes it twice.

    Raises:
        OSError: the disk does not take it.
        ServiceError: the store does not take it.
    """
    storage.put(f"{scratch}/{_FILE}", result.to_json())


def run_job(build: Callable[["beam.Pipeline"], Any], scratch: str, runner: str, kind: type[Result]) -> Result:
    """Run a pipeline to its end and return what its last step wrote.

    Args:
        build: adds the steps to the pipeline it is given.
        scratch: folder of the run.
        runner: as `run_to_end` takes it.
        kind: class of the result.

    Raises:
        TruyVetError: a step has reported it, or the engine is missing.
        RuntimeError: a step failed in another way.
    """
    # A process that only receives messages unpickles results without importing Beam.
    from pipelines.runtime.job_metrics import collect
    from pipelines.runtime.run_pipeline import run_to_end

    with raise_reported(scratch):
        done = run_to_end(build, runner)
    # The last step wrote it, on whatever machine it ran.
    result = kind.from_json(storage.read(f"{scratch}/{_FILE}"))
    collect(done, is_final=result.is_final)
    return result
