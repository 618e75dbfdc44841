"""An error of the user that arises in a step of the pipeline, carried to the launcher as it is.

A runner turns every exception into a RuntimeError whose text is a traceback.
So the step leaves the error in the scratch folder before it fails.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import errors
from pipelines.errors import TruyVetError

_FAILURE = "failure.json"


@contextmanager
def noted(scratch: str) -> Iterator[None]:
    """Leave the error of the block in the scratch folder, if it is one of the user's."""
    try:
        yield
    except TruyVetError as error:
        unfinished = Path(scratch, f"_tmp-{os.getpid()}-{os.urandom(4).hex()}")
        unfinished.write_text(json.dumps([type(error).__name__, error.what, error.remedy]), encoding="utf-8")
        unfinished.replace(Path(scratch, _FAILURE))
        raise


@contextmanager
def raised_again(scratch: str) -> Iterator[None]:
    """Raise what a step has noted in place of the runner's error.

    Raises:
        TruyVetError: the one that a step has noted.
    """
    try:
        yield
    except Exception as error:
        try:
            name, what, remedy = json.loads(Path(scratch, _FAILURE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise error from None
        kind = getattr(errors, name)
        raise kind(what, remedy) from error
