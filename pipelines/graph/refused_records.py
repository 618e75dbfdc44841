"""How many records a lake has refused and not accepted since, each counted once."""

import numpy as np

from pipelines.ingest.retries import accepted_since, refused_heads
from pipelines.lake import Lake


def count_refused(lake: Lake) -> dict[str, int]:
    """The refused records by input (`scans`, `cases`, `encounters` …).

    A record is its bytes: delivered five times it is one. One that was refused for its time and accepted
    later does not count, unless it has been refused again after that.
    """
    counts = {}
    for source, refused in refused_heads(lake).items():
        accepted = accepted_since(lake, source)
        counts[source] = refused.head.size - int(np.count_nonzero(accepted.after(refused)))
    return counts
