import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.windowing.footfall import WINDOW_US
from pipelines.windowing.recomputing import recompute
from tests.windowing import lakes, worlds
from tests.windowing.reference import footfall_of, stays_of


def expected(scans, kinds, closed):
    """The stays of accepted scans under a registry."""
    placed = [
        replace(scan, kind=kinds.get(scan.venue) if scan.at_us < closed.get(scan.venue, 2**62) else None)
        for scan in scans
    ]
    return stays_of(placed, worlds.DWELL, worlds.MAX_STAY)


def assert_lake_is(lake, stays):
    by_venue, by_person = lakes.stays_in(lake, "venue"), lakes.stays_in(lake, "person")
    assert len(by_venue) == len(by_person) == len(stays)
    assert set(by_venue) == set(by_person) == stays
    windows = lakes.footfall_in(lake)
    assert len(windows) == len(set(windows))
    assert set(windows) == footfall_of(stays, WINDOW_US)


@st.composite
def histories(draw):
    """Scans in batches, and registries between them: lists of scans and dicts of kinds, then closings."""
    scans = draw(worlds.scans(most=16, unregistered=False))
    batches = draw(st.integers(1, 3))
    number = [draw(st.integers(0, batches - 1)) for _ in scans]
    steps = [
        [scan for scan, own in zip(scans, number, strict=True) if own == batch] for batch in range(batches)
    ]
    changes = draw(st.integers(1, 2))
    kinds = st.dictionaries(st.integers(0, 3), st.sampled_from(worlds.KINDS), min_size=1)
    instants = st.sampled_from([scan.at_us for scan in scans]).flatmap(
        lambda at: st.sampled_from([at, at + 1])
    )
    for _ in range(changes):
        registry = (draw(kinds), draw(st.dictionaries(st.integers(0, 3), instants, max_size=1)))
        steps.insert(draw(st.integers(0, len(steps))), registry)
    return scans, [step for step in steps if step]


@settings(max_examples=6, deadline=None)
@given(histories())
def test_batches_and_registries_in_any_order_leave_what_a_rebuild_from_zero_makes(history):
    _, steps = history
    with tempfile.TemporaryDirectory() as folder:
        lake = lakes.new_lake(Path(folder))
        kinds, closed = {}, {}
        seen = []
        for step in steps:
            if isinstance(step, tuple):
                kinds, closed = {**kinds, **step[0]}, step[1]
                lakes.set_venues(lake, kinds, closed)
            else:
                seen += step
                lakes.add_scans(lake, step)
            recompute(lake, rules=worlds.RULES)
            assert_lake_is(lake, expected(seen, kinds, closed))
        piecewise = {name: lakes.files_of(lake, name) for name in ("stays", "footfall")}
        recompute(lake, rules=worlds.RULES, everything=True)
        assert {name: lakes.files_of(lake, name) for name in piecewise} == piecewise
