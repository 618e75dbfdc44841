"""Pipelines whose steps are carried out at once, in this thread, for tests that make hundreds of small lakes.

Most of what a tiny lake costs is the engine: graphs, stages, bundles, pickles. The steps are the same here;
a test compares the lakes with those of `direct`.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.common import DoFnRunner, Receiver
from apache_beam.transforms.core import Windowing
from apache_beam.transforms.sideinputs import SideInputMap
from apache_beam.transforms.window import GlobalWindow, GlobalWindows, TimestampCombiner
from apache_beam.utils.timestamp import MIN_TIMESTAMP
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.runtime import run_pipeline, threaded_dofn
from pipelines.runtime.engines.quick_graphs import quick_graphs

_GLOBAL = Windowing(GlobalWindows())


class Elements:
    """A collection whose elements are there already; the start of a pipeline has none."""

    element_type = Any

    def __init__(self, values: Sequence[Any] = (), windowing: Windowing = _GLOBAL) -> None:
        self.values, self.windowing = values, windowing

    def __or__(self, step: Any) -> Any:
        return _carried_out(self, step)


class _Outputs(dict[Any, Elements]):
    """The outputs of a step, by tag; that of the main one too."""

    __getattr__ = dict.__getitem__


class _Collected(Receiver):  # type: ignore[misc]
    """What a step has put out under one tag."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def receive(self, windowed_value: Any) -> None:
        self.values.append(windowed_value)


class _Done:
    """The result of a job that is over; it has no metrics."""


def _carried_out(source: Any, step: Any) -> Any:
    """Return the output of a step, or of the steps that it consists of."""
    while hasattr(step, "transform"):  # a label
        step = step.transform
    if isinstance(step, beam.Create):
        return Elements([WindowedValue(one, MIN_TIMESTAMP, (GlobalWindow(),)) for one in step.values])
    if isinstance(step, beam.Flatten):
        return Elements([one for part in source for one in part.values], source[0].windowing)
    if isinstance(step, beam.GroupByKey):
        return Elements(_grouped(source.windowing, source.values), source.windowing)
    if isinstance(step, beam.Reshuffle):
        return source
    if isinstance(step, beam.core._MultiParDo):
        made = _run(source, step._do_transform, step._tags)
        return _Outputs({step._main_tag: made[None], **made})
    if isinstance(step, beam.ParDo):
        (made,) = _run(source, step).values()
        return Elements(made.values, getattr(step, "windowing", source.windowing))
    return step.expand(source)


def _run(source: Elements, step: Any, tags: Sequence[str] = ()) -> dict[Any, Elements]:
    made = {tag: _Collected() for tag in (None, *tags)}
    sides = [SideInputMap(type(one), one._view_options(), one.pvalue.values) for one in step.side_inputs]
    runner = DoFnRunner(step.fn, step.args, step.kwargs, sides, source.windowing, made)
    runner.setup()
    try:
        runner.start()
        for value in source.values:
            runner.process(value)
        runner.finish()
    finally:
        runner.teardown()
    return {tag: Elements(found.values, source.windowing) for tag, found in made.items()}


def _grouped(windowing: Windowing, values: Sequence[Any]) -> list[Any]:
    """Group by key and window, in the order in which they come."""
    groups: dict[Any, list[Any]] = {}
    for value in values:
        for window in value.windows:
            groups.setdefault((window, value.value[0]), []).append(value)
    early = windowing.timestamp_combiner == TimestampCombiner.OUTPUT_AT_EARLIEST
    return [
        WindowedValue(
            (key, [one.value[1] for one in group]),
            min(one.timestamp for one in group) if early else window.max_timestamp(),
            (window,),
        )
        for (window, key), group in groups.items()
    ]


def _run_now(build: Callable[[Any], Any], _runner: str = "direct") -> Any:
    with quick_graphs():
        build(Elements())
    return _Done()


class _NoThreads:
    """A pool that works at once."""

    def __init__(self, _threads: int) -> None:
        pass

    def submit(self, work: Callable[..., Any], *words: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(work(*words))
        return done

    def shutdown(self) -> None:
        """Have nothing to end."""


def _applied(step: Any, source: Any, _label: str | None = None) -> Any:
    return _carried_out(source, step)


@contextmanager
def eager_runs() -> Iterator[None]:
    """Let every pipeline of this process run so within the block."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run_pipeline, "run_to_end", _run_now)
        patched.setattr(threaded_dofn, "ThreadPoolExecutor", _NoThreads)
        patched.setattr(
            beam.PTransform, "__ror__", lambda step, source, _label=None: _carried_out(source, step)
        )
        patched.setattr(beam.transforms.ptransform._NamedPTransform, "__ror__", _applied)
        patched.setattr("apache_beam.transforms.ptransform.pickler.roundtrip", lambda value: value)
        yield
