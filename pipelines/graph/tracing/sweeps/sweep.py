"""One hop where many are infectious: a pass over all venues, date by date.

One overlap of the minimum exposes from its start on, so no pair is looked at;
what happens at a venue is in `sweep_kernel`. Exposures found on a date are
earlier than those of later dates, so the pass ends when nobody is susceptible
any more. Under a minimum, overlaps that are too short alone may add up to an
earlier exposure: the pairs with an overlap before the exposure found are
handed back, for `sweep_cumulative`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing.contact_criteria import swept_classes
from pipelines.graph.tracing.exposure_table import NEVER_US, THREADS, AllPersons, ExposureTable, numbers_of
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.sweeps.sweep_cumulative import short_pairs
from pipelines.graph.tracing.sweeps.sweep_dates import Date, Dates
from pipelines.graph.tracing.sweeps.sweep_kernel import (
    EXPOSED,
    FROM,
    NOT_FRESH,
    TO,
    VIA,
    SweepRules,
    merge_states,
    sweep_venues,
)
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Int64, UInt8
from pipelines.terminal.progress import counting
from pipelines.times import DAY_US


class Sweep(NamedTuple):
    """What the passes of one hop go over.

    Attributes:
        dates: the stays that may lie beside an infectious one.
        rules: what each class of venues asks for.
        sources: who is infectious, and when.
        number: int64[k], the number of the person of each interval.
    """

    dates: Dates
    rules: SweepRules
    sources: Intervals
    number: Int64

    def layers(self, infectious: Int64) -> Iterator[None]:
        """Write the intervals into `infectious`, int64[m, 2], which has room for one a person at a time.

        A person with two intervals is infectious in the first one before the
        first yield, and in the second before the next.
        """
        person = self.sources.person
        # int64[k], which interval of its person each one is, from 0: `person` ascends.
        layer = np.arange(person.size) - np.searchsorted(person, person)
        for wanted in range(int(layer.max(initial=-1)) + 1):
            chosen = np.flatnonzero(layer == wanted)
            # Nobody is infectious but those who have an interval in this layer.
            infectious[:, 0], infectious[:, 1] = NEVER_US, 0
            infectious[self.number[chosen], 0] = self.sources.start_us[chosen]
            infectious[self.number[chosen], 1] = self.sources.end_us[chosen]
            yield


def prepare_sweep(
    graph: TemporalGraph, persons: AllPersons, people: ExposureTable, sources: Intervals
) -> Sweep:
    """Gather what the passes of one hop go over.

    Args:
        graph: the lake under the rule.
        persons: everybody who has a stay.
        people: the same numbers and perhaps more; all sources are among them.
        sources: who is infectious, and when.
    """
    criteria, classes = graph.criteria, graph.classes
    swept = swept_classes(criteria)
    # A minimum of 0 still asks for a contact, of a microsecond at least: nothing is shortened.
    shorten_us = np.maximum(criteria.min_us, 1) - 1
    rules = SweepRules(classes.venue, classes.kind, swept, criteria.indirect_us, shorten_us, graph.until_us)
    indirect_us = int(criteria.indirect_us[swept == 1].max())
    # All sources are in the table already: it does not grow, and the caller's remains the one in use.
    _, number = numbers_of(people, sources.person)
    return Sweep(Dates(graph.all_beside(sources), persons, indirect_us), rules, sources, number)


def sweep_exposures(sweep: Sweep, people: ExposureTable) -> Int64:
    """Record whom the sources expose by one overlap at venues of the classes that are swept.

    Args:
        sweep: what is passed over.
        people: their earliest exposures are kept here.

    Returns:
        int64[n, 4], as `short_pairs` has them.
    """
    short = [np.empty((0, 4), np.int64)]
    states = [np.empty((people.persons, 4), np.int64) for _ in range(THREADS)]  # 32 bytes a person and thread
    state = states[0]
    state[:, EXPOSED], state[:, VIA] = people.exposed_us[: people.persons], NOT_FRESH
    # A view: what `layers` writes goes into the state.
    infectious = state[:, FROM : TO + 1]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in sweep.layers(infectious):
            _pass_over(sweep, states, pool)
        # Only now are the exposures of all layers known, against which short overlaps are measured.
        for _ in sweep.layers(infectious) if sweep.rules.shorten_us[sweep.rules.swept == 1].any() else ():
            short += _short_pairs(sweep, state, pool)
    # The others were exposed by an earlier hop, or not at all.
    found = np.flatnonzero(state[:, VIA] != NOT_FRESH)
    people.exposed_us[found] = state[found, EXPOSED]
    people.via[found] = people.token[state[found, VIA]]
    people.fresh[found] = 1
    return np.concatenate(short)


def _pass_over(sweep: Sweep, states: Sequence[Int64], pool: ThreadPoolExecutor) -> None:
    """Sweep date after date, each thread some of the venues with a state of its own."""
    state, *others = states
    # The intervals change with each layer, and `layers` writes them into the first state alone.
    for other in others:
        other[:] = state
    susceptible = np.arange(state.shape[0])
    for date in counting(sweep.dates.forward(pool), "sweep dates", len(sweep.dates), "date"):
        # What is found on a date lies in it or later; at its first instant the smaller token may still win.
        susceptible = susceptible[state[susceptible, EXPOSED] >= date.begin_us]
        if susceptible.size == 0:
            return
        chosen = np.zeros(state.shape[0], np.uint8)
        chosen[susceptible] = 1
        # Venues belong to one thread, but a person may be at venues of both: hence a state each.
        list(pool.map(partial(_sweep_part, date, sweep.rules, chosen), range(THREADS), states))
        for other in others:
            merge_states(state, other, susceptible)


def _sweep_part(date: Date, rules: SweepRules, susceptible: UInt8, thread: int, state: Int64) -> None:
    before, rows, buffers = date.part(thread)
    sweep_venues(state, susceptible, before, rows, rules, buffers)


def _short_pairs(sweep: Sweep, state: Int64, pool: ThreadPoolExecutor) -> Iterator[Int64]:
    """Yield the pairs, int64[n, 4], with an overlap before or as early as the person's exposure."""
    susceptible = np.arange(state.shape[0])
    for date in sweep.dates.forward(pool):
        # Overlaps that begin after the exposure found begin no earlier one.
        susceptible = susceptible[state[susceptible, EXPOSED] >= date.begin_us]
        if susceptible.size == 0:
            return
        yield from pool.map(partial(_short_pairs_of_part, date, sweep.rules, state), range(THREADS))


def _short_pairs_of_part(date: Date, rules: SweepRules, state: Int64, thread: int) -> Int64:
    before, rows, buffers = date.part(thread)
    return short_pairs(state, before, rows, rules, buffers, date.begin_us // DAY_US)
