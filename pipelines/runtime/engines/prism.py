"""Prism, from a local binary: Beam would download one."""

import logging
import os
from typing import Any

from pipelines.errors import ServiceError
from pipelines.runtime.engines.config import RunnerConfig


def prism_runner(config: RunnerConfig) -> Any:
    """Return Beam's runner for Prism.

    Raises:
        ServiceError: the binary is not at the configured path.
    """
    from apache_beam.runners.portability.prism_runner import PrismRunner

    binary = str(config.beam.get("prism_location", ""))
    if not os.access(binary, os.X_OK):
        raise ServiceError(f"no Prism at {binary}", "run make prism (it needs Go), or set prism_location")
    # Beam sets this logger's own level, so that the level of the root logger does not silence it.
    logger = logging.getLogger("PrismJobServer")
    logger.propagate = bool(os.environ.get("TRUYVET_DEBUG"))
    logger.addHandler(logging.NullHandler())
    return PrismRunner()
