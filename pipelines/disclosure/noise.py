"""Counts with noise, by OpenDP: what is published is nearly the same with and without any one person."""

from typing import Any

import numpy as np

from pipelines.disclosure.linked_cells import Counts
from pipelines.errors import ServiceError

MOST_CELLS = 5
"""In how many cells a person counts at most, in a week; the noise grows with it."""


def noisy(counts: Counts, epsilon: float) -> Counts:
    """Add discrete Laplace noise of scale `MOST_CELLS / epsilon` to each count.

    Args:
        counts: in which one person adds at most 1 to at most `MOST_CELLS` cells.
        epsilon: the privacy loss, above 0.

    Raises:
        ServiceError: OpenDP is not installed.
    """
    opendp = _opendp()
    space = (
        opendp.vector_domain(opendp.atom_domain(T="i64")),
        opendp.l1_distance(T="i64"),
    )
    # One person moves the counts by MOST_CELLS in the L1 norm, which is what the scale hangs on.
    measurement = space >> opendp.m.then_laplace(MOST_CELLS / epsilon)
    drawn = measurement([int(count) for count in counts.ravel()]) if counts.size else []
    return np.array(drawn, np.int64).reshape(counts.shape)


def _opendp() -> Any:
    try:
        import opendp.prelude as opendp
    except ImportError as error:
        raise ServiceError("--epsilon needs OpenDP", "pip install 'truyvet[dp]'") from error
    opendp.enable_features("contrib")  # its measurements are marked so until their proofs are reviewed
    return opendp
