"""On notice: three internals of Beam, patched while a graph runs in this process.

Half of the time of a micro-batch of 1,000 scans went into them:

* `PipelineOptions.view_as` parses the flags again for each of about 480 views (beam#26034 asks for once);
* `get_dofn_specs` inspects every method of a step's class about 380 times for state and timers;
* `Reshuffle`, nine steps and a stage of its own, spreads elements over workers where there is one
  (and holds them all until the stage is done, beam#21591).

The patches were read against the sources of one version of Beam, `CHECKED_VERSION`. On any other they
refuse to work: compare the three functions with those of the new version, run `python -m benchmarks
streaming` with and without `quick_graphs`, then raise the version here or drop what Beam has mended.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate

from pipelines.errors import ServiceError

CHECKED_VERSION: Final = "2.77.0"

Specs = tuple[set[Any], set[Any]]
"""State and timers of a step."""

# The patches are global, so graphs of several threads must take turns.
_one_at_a_time = threading.RLock()


@contextmanager
def quick_graphs() -> Iterator[None]:
    """Let Beam parse and inspect once within the block, and let a Reshuffle do nothing.

    Raises:
        ServiceError: the installed Beam is not the version that the patches were checked against.
    """
    if beam.__version__ != CHECKED_VERSION:
        raise ServiceError(
            f"the direct runner needs apache-beam {CHECKED_VERSION}, and {beam.__version__} is installed",
            f"pip install apache-beam=={CHECKED_VERSION}, or check pipelines/runtime/engines/quick_graphs.py",
        )
    with _one_at_a_time:
        before = userstate.get_dofn_specs, PipelineOptions.view_as, beam.Reshuffle.expand
        try:
            _patch(*_QUICK)
            yield
        finally:
            _patch(*before)


def _patch(get_dofn_specs: Any, view_as: Any, expand: Any) -> None:
    userstate.get_dofn_specs = get_dofn_specs
    setattr(PipelineOptions, "view_as", view_as)  # noqa: B010 - mypy refuses the assignment
    setattr(beam.Reshuffle, "expand", expand)  # noqa: B010


class _SpecsByClass:
    """`get_dofn_specs`, once per class.

    Functions given to `Map` share one wrapper class; none of this project's uses state or timers.
    """

    def __init__(self, inspect: Callable[[Any], Specs]) -> None:
        self._inspect = inspect
        self._known: dict[type, Specs] = {}

    def __call__(self, dofn: Any) -> Specs:
        if type(dofn) not in self._known:
            self._known[type(dofn)] = self._inspect(dofn)
        return self._known[type(dofn)]


def _unchanged(_reshuffle: Any, elements: Any) -> Any:
    """Replace `Reshuffle.expand` for one worker."""
    return elements


def _caching(make: Callable[[PipelineOptions, type], Any]) -> Callable[[PipelineOptions, type], Any]:
    """Cache `view_as` per class of view: all views of the same options share their values anyway."""

    def view_as(options: PipelineOptions, cls: type) -> Any:
        # Cached in the options themselves, so that it goes when they go.
        views = options.__dict__.setdefault("_views_by_class", {})
        if cls not in views:
            views[cls] = view = make(options, cls)
            view.__dict__["_views_by_class"] = views  # views of a view are those of the options
        return views[cls]

    return view_as


_QUICK = _SpecsByClass(userstate.get_dofn_specs), _caching(PipelineOptions.view_as), _unchanged
"""The replacements; kept from graph to graph, as the classes of the steps are."""
