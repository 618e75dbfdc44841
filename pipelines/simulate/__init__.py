"""A synthetic province whose truth is known: what happened, and what the scans show of it.

In: parameters and a seed. Out: files in the wire contract (scans, registry, cases, encounters,
declarations) and, apart from them, the true stays, contacts and infections. Refused: wrong flags and
a folder that is not empty. It knows nothing of the pairing rule or its durations, or it would only
prove itself.
"""

from pipelines.simulate.settings import Knobs
from pipelines.simulate.world import simulate

__all__ = ["Knobs", "simulate"]
