"""What Beam's workers would print beside the one line that ends a command."""

import functools
import os
import threading

import grpc
from apache_beam.runners.worker import sdk_worker

from pipelines.runtime.job_errors import enable_redaction


@functools.cache
def silence_workers() -> None:
    """Let workers of this process print no traceback, for it may show data; `TRUYVET_DEBUG` lets them.

    Beam prints the error of a step, which is raised as well and logged by the
    engine, and its threads end with an error when the engine closes their streams.
    """
    if os.environ.get("TRUYVET_DEBUG"):
        return
    enable_redaction()
    vars(sdk_worker)["print"] = lambda *_words, **_how: None
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, grpc.RpcError):
            before(args)

    threading.excepthook = hook
