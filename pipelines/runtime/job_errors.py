"""Carry a user's error from the step where it arises to the launcher.

A Beam runner turns every exception of a step into a RuntimeError whose text is
a traceback. A step therefore reports the error before it fails: in a file of
the scratch folder, which the launcher reads even when the step ran on another
machine, and in this process as well, because the disk may be full.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

from pipelines import errors
from pipelines.errors import ServiceError, TruyVetError
from pipelines.lake import storage
from pipelines.lake.durable_files import writing

_FILE = "error.json"
# By scratch folder: with the direct runner steps run in the launcher's own process.
_of_this_process: dict[str, TruyVetError] = {}


@dataclass(frozen=True)
class ReportedError:
    """A user's error as a step writes it down.

    Attributes:
        kind: name of its class in `pipelines.errors`.
        what: what is wrong.
        remedy: what to try next.

    >>> ReportedError("DataError", "a file is damaged", "restore it").error()
    DataError('a file is damaged', 'restore it')
    """

    kind: str
    what: str
    remedy: str

    def error(self) -> TruyVetError:
        """Return the error itself."""
        error: TruyVetError = getattr(errors, self.kind)(self.what, self.remedy)
        return error


@contextmanager
def report_errors(scratch: str) -> Iterator[None]:
    """Report an error of the user, or of the disk, that the block raises.

    Args:
        scratch: folder of the run.

    Raises:
        TruyVetError: that error.
    """
    try:
        with writing(scratch):  # turns disk errors into user errors
            yield
    except TruyVetError as error:
        _of_this_process[scratch] = error
        reported = ReportedError(type(error).__name__, error.what, error.remedy)
        with suppress(OSError, ServiceError):  # a full disk must not hide the error
            storage.put(f"{scratch}/{_FILE}", json.dumps(asdict(reported)).encode())
        raise


@contextmanager
def raise_reported(scratch: str) -> Iterator[None]:
    """Raise the error that a step has reported in place of the runner's.

    Args:
        scratch: folder of the run.

    Raises:
        KeyboardInterrupt: an interrupt made the step fail.
        TruyVetError: a step has reported it.
    """
    try:
        yield
    except Exception as error:
        # Beam raises over an interrupt; a step that was cut off may have reported a broken file meanwhile.
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        # This process first: with a full disk there may be no file.
        reported = _of_this_process.pop(scratch, None) or _read(scratch)
        if reported is None:
            raise
        raise reported from error


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether an error, or any error in its chain, is the user's interrupt.

    >>> is_interrupt(RuntimeError())
    False
    """
    seen: list[BaseException] = []  # chains may be circular
    left = [error]
    while left:
        one = left.pop()
        if isinstance(one, KeyboardInterrupt):
            return True
        if one is not None and one not in seen:
            seen.append(one)
            left += [one.__cause__, one.__context__]
    return False


def _read(scratch: str) -> TruyVetError | None:
    """Return the error that another process has reported, if any."""
    try:
        return ReportedError(**json.loads(storage.read(f"{scratch}/{_FILE}"))).error()
    except FileNotFoundError:
        return None
