"""Keep values of records out of an engine's log and off the terminal.

An engine logs whatever a step raises, and Beam's worker prints it as well. The
message of a library's exception may quote a record, so in a process that works
for an engine a step's error is reduced to its type and the line it came from.
"""

import functools
import os
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import TruyVetError

_redacting = threading.Event()


def enable_redaction() -> None:
    """Reduce errors in `redact_errors` blocks of this process from now on."""
    _redacting.set()


@contextmanager
def redact_errors() -> Iterator[None]:
    """Replace an exception by its type and place, once `enable_redaction` has been called.

    A user's own error passes unchanged: its text never holds a value.

    Raises:
        RuntimeError: in place of any other exception.
    """
    try:
        yield
    except TruyVetError:
        raise
    except Exception as error:
        if not _redacting.is_set():
            raise
        # The innermost frame: where the exception was raised.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        # `from None`: a chained exception would be logged with its message.
        raise RuntimeError(f"{type(error).__name__} at {place}") from None


@functools.cache
def silence_workers() -> None:
    """Stop Beam's workers in this process from printing tracebacks; `TRUYVET_DEBUG` keeps them.

    A worker prints the error of a step, which is raised and logged anyway, and
    its threads die with a gRPC error when the engine closes their streams.
    """
    import grpc
    from apache_beam.runners.worker import sdk_worker

    if os.environ.get("TRUYVET_DEBUG"):
        return
    enable_redaction()
    # sdk_worker calls print() directly, past any logging level; a module global shadows the builtin.
    vars(sdk_worker)["print"] = lambda *_words, **_options: None
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, grpc.RpcError):
            before(args)

    threading.excepthook = hook
