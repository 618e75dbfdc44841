"""Prism, from a binary that is here: Beam would download one."""

import logging
import os
from typing import Any

from pipelines.errors import ServiceError
from pipelines.runtime.engines.config import RunnerConfig


def prism_runner(config: RunnerConfig) -> Any:
    """Beam's runner of Prism.

    Raises:
        ServiceError: the binary is not where the configuration says.
    """
    from apache_beam.runners.portability.prism_runner import PrismRunner

    binary = str(config.beam.get("prism_location", ""))
    if not os.access(binary, os.X_OK):
        raise ServiceError(
            f"there is no Prism at {binary}", "run make prism (it needs Go), or name the binary"
        )
    # Beam has this logger speak up whatever level the others have.
    told = logging.getLogger("PrismJobServer")
    told.propagate = bool(os.environ.get("TRUYVET_DEBUG"))
    told.addHandler(logging.NullHandler())
    return PrismRunner()
