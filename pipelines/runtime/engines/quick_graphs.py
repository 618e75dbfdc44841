"""What Beam can leave out where a process runs its own graphs, alone and by threads.

Of a micro-batch of 1,000 scans half was spent on these: the flags are parsed
again for each of the 480 views of the options; every method of a step's class
is inspected 380 times for state and timers, which a class either has or has
not; and a Reshuffle, nine steps and a stage of its own, spreads elements over
workers where there is one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate

Specs = tuple[set[Any], set[Any]]
"""State and timers of a step."""

_one_at_a_time = threading.RLock()


@contextmanager
def quick_graphs() -> Iterator[None]:
    """Let Beam parse and inspect once, and spread nothing, for the graphs that are built and run within."""
    with _one_at_a_time:
        before = userstate.get_dofn_specs, PipelineOptions.view_as, beam.Reshuffle.expand
        try:
            _set(*_QUICK)
            yield
        finally:
            _set(*before)


def _set(get_dofn_specs: Any, view_as: Any, expand: Any) -> None:
    userstate.get_dofn_specs = get_dofn_specs
    setattr(PipelineOptions, "view_as", view_as)  # noqa: B010 - no assignment to mypy
    setattr(beam.Reshuffle, "expand", expand)  # noqa: B010


class _SpecsByClass:
    """Asks once for each class; a function in the wrapper of `Map` takes neither state nor timers here."""

    def __init__(self, ask: Callable[[Any], Specs]) -> None:
        self._ask = ask
        self._known: dict[type, Specs] = {}

    def __call__(self, dofn: Any) -> Specs:
        if type(dofn) not in self._known:
            self._known[type(dofn)] = self._ask(dofn)
        return self._known[type(dofn)]


def _unchanged(_reshuffle: Any, elements: Any) -> Any:
    """Elements as they are."""
    return elements


def _views(make: Callable[[PipelineOptions, type], Any]) -> Callable[[PipelineOptions, type], Any]:
    """A `view_as` that gives the view it gave before: all views of some options share their values."""

    def view_as(options: PipelineOptions, cls: type) -> Any:
        views = options.__dict__.setdefault("_views_by_class", {})
        if cls not in views:
            views[cls] = view = make(options, cls)
            view.__dict__["_views_by_class"] = views
        return views[cls]

    return view_as


_QUICK = _SpecsByClass(userstate.get_dofn_specs), _views(PipelineOptions.view_as), _unchanged
"""In the place of Beam's own; kept from graph to graph, as the classes of the steps are."""
