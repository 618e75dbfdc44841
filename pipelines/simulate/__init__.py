"""A synthetic province with known truth: what happened there, and what scans show of it.

In: parameters and a seed. Out: files in the wire contract (scans, registry, cases, encounters, links,
declarations) and, apart from them, the true stays, contacts and infections. Refused: values out of
range and a folder that is not empty. It must not use the pairing rule or its durations: a test
against it would then only compare the rule with itself.
"""

from typing import TYPE_CHECKING, Any

from pipelines.simulate.settings import Knobs

if TYPE_CHECKING:
    from pipelines.simulate.world import simulate

__all__ = ["Knobs", "simulate"]


def __getattr__(name: str) -> Any:
    """Import the simulator when it is used: its flags are read without compiled kernels."""
    if name == "simulate":
        from pipelines.simulate.world import simulate

        return simulate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
