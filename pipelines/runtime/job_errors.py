"""An error of the user that arises in a step of the pipeline, carried to the launcher as it is.

A runner turns every exception into a RuntimeError whose text is a traceback.
So the step leaves the error in the scratch folder before it fails, and in
this process as well: the disk may be full.
"""

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines import errors
from pipelines.errors import ServiceError, TruyVetError
from pipelines.lake import storage
from pipelines.lake.durable_files import writing

_FAILURE = "failure.json"
_of_this_process: dict[str, TruyVetError] = {}
_engine_logs: list[bool] = []


@contextmanager
def report_errors(scratch: str) -> Iterator[None]:
    """Leave the error of the block for the launcher, if it is one of the user's or of the disk.

    Raises:
        TruyVetError: that error.
    """
    try:
        with writing(scratch):
            yield
    except TruyVetError as error:
        _of_this_process[scratch] = error
        said = json.dumps([type(error).__name__, error.what, error.remedy])
        with suppress(OSError, ServiceError):
            storage.put(f"{scratch}/{_FAILURE}", said.encode())
        raise


@contextmanager
def raise_reported(scratch: str) -> Iterator[None]:
    """Raise what a step has noted in place of the runner's error.

    Raises:
        KeyboardInterrupt: it was what made the step fail.
        TruyVetError: the one that a step has noted.
    """
    try:
        yield
    except Exception as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        noted = _of_this_process.pop(scratch, None) or _read(scratch)
        if noted is None:
            raise
        raise noted from error


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from or over, is the user's interrupt."""
    seen: list[BaseException] = []
    left = [error]
    while left:
        found = left.pop()
        if isinstance(found, KeyboardInterrupt):
            return True
        if found is not None and found not in seen:
            seen.append(found)
            left += [found.__cause__, found.__context__]
    return False


def _read(scratch: str) -> TruyVetError | None:
    """The error that another process has noted."""
    try:
        name, what, remedy = json.loads(storage.read(f"{scratch}/{_FAILURE}"))
    except FileNotFoundError:
        return None
    noted: TruyVetError = getattr(errors, name)(what, remedy)
    return noted


def enable_redaction() -> None:
    """From now on, in this process, a step tells of an error that is not the user's only where it arose.

    An engine logs what a step raises, and a library's message may hold a value of a record.
    """
    _engine_logs.append(True)


@contextmanager
def redact_errors() -> Iterator[None]:
    """Keep the messages of libraries from an engine's log, where `enable_redaction` was called.

    Raises:
        RuntimeError: the type of the error and where it arose.
    """
    try:
        yield
    except TruyVetError:
        raise
    except Exception as error:
        if not _engine_logs:
            raise
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        raise RuntimeError(f"{type(error).__name__} at {place}") from None
