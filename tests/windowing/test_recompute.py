import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError, RefusedError, ServiceError
from pipelines.lake import CommitConflict, commit, snapshot
from pipelines.windowing import commit as committing
from pipelines.windowing import plan
from pipelines.windowing.footfall import WINDOW_US
from pipelines.windowing.recompute_stays import Recomputed, recompute
from tests.windowing import lakes, worlds
from tests.windowing.direct import without_runner
from tests.windowing.reference import Scan, footfall_of, long_pairs_of, stays_of

TABLES = ("stays", "footfall")


@pytest.fixture
def lake(tmp_path):
    made = lakes.new_lake(tmp_path)
    lakes.set_venues(made, {0: "shop", 1: "office", 2: "home"})
    return made


def scan(number, hours, *, person=1, venue=0, direction="in"):
    at_us = worlds.BASE + int(hours * worlds.HOUR)
    return Scan(person, venue, at_us, direction, number.to_bytes(16, "big"), None, worlds.KINDS[venue])


def placed(scans, kinds, closed):
    """Scans as the registry has them."""
    return [
        replace(one, kind=kinds.get(one.venue) if one.at_us < closed.get(one.venue, 2**62) else None)
        for one in scans
    ]


def assert_lake_is(lake, stays):
    by_venue, by_person = lakes.stays_in(lake, "venue"), lakes.stays_in(lake, "person")
    assert len(by_venue) == len(by_person) == len(stays)
    assert set(by_venue) == set(by_person) == stays
    windows = lakes.footfall_in(lake)
    assert len(windows) == len(set(windows))
    assert set(windows) == footfall_of(stays, WINDOW_US)


def expected(scans):
    return stays_of(scans, worlds.DWELL, worlds.MAX_STAY)


def pairs_expected(scans):
    return sorted(long_pairs_of(scans, worlds.DWELL, worlds.MAX_STAY))


def files(lake):
    return {name: lakes.files_of(lake, name) for name in TABLES}


@st.composite
def histories(draw):
    """Batches of scans, and registries between them as (kinds, closings), in any order."""
    scans = draw(worlds.scans(most=16, unregistered=False))
    batches = [[] for _ in range(draw(st.integers(1, 4)))]
    for one in scans:
        draw(st.sampled_from(batches)).append(one)
    kinds = st.dictionaries(st.integers(0, 3), st.sampled_from(worlds.KINDS), min_size=1)
    instants = st.sampled_from([one.at_us + nudge for one in scans for nudge in (0, 1)])
    closings = st.dictionaries(st.integers(0, 3), instants, max_size=1)
    steps = [batch for batch in batches if batch]
    for _ in range(draw(st.integers(1, 3))):
        steps.insert(draw(st.integers(0, len(steps))), (draw(kinds), draw(closings)))
    return steps


@st.composite
def sparse(draw):
    """Scans days apart, so that most dates are not read and a pair reaches over them."""
    hours = [0, 0, 0.01, 1, 9, 17, 24, 30, 48, 72, 100, 200]
    at_hours, scans = 0.0, []
    for number in range(draw(st.integers(2, 14))):
        at_hours += draw(st.sampled_from(hours))
        scans.append(
            scan(
                number,
                at_hours,
                person=draw(st.integers(1, 2)),
                venue=draw(st.sampled_from([0, 0, 0, 1])),
                direction=draw(st.sampled_from(["in", "in", "out", "out", "unknown"])),
            )
        )
    batches = [[] for _ in range(draw(st.integers(2, 5)))]
    for one in scans:
        draw(st.sampled_from(batches)).append(one)
    kinds = {0: "shop", 1: "office"}
    steps = [batch for batch in batches if batch]
    closing = {draw(st.integers(0, 1)): draw(st.sampled_from(scans)).at_us}
    for registry in ((kinds, {}), (kinds, closing), (kinds, {})):
        steps.insert(draw(st.integers(0, len(steps))), registry)
    return [(kinds, {}), *steps]


@st.composite
def chains(draw):
    """Return a person at home for many days, with a scan now and then elsewhere; a few scans come late."""
    usual = [7 * worlds.HOUR, 8 * worlds.HOUR]
    gaps = st.sampled_from([*usual * 4, 8 * worlds.HOUR + 1, 16 * worlds.HOUR])
    directions = st.sampled_from([*("in", "unknown") * 5, "out"])
    scans, at_us = [], worlds.BASE
    for number in range(draw(st.integers(12, 30))):
        at_us += draw(gaps)
        venue = 1 if draw(st.integers(0, 11)) == 0 else 2
        key = number.to_bytes(16, "big")
        scans.append(Scan(1, venue, at_us, draw(directions), key, None, worlds.KINDS[venue]))
    late = draw(st.sets(st.integers(0, len(scans) - 1), min_size=1, max_size=2))
    registry = ({1: worlds.KINDS[1], 2: worlds.KINDS[2]}, {})
    return [
        registry,
        [one for number, one in enumerate(scans) if number not in late],
        *([scans[number]] for number in sorted(late)),
    ]


def live_through(steps, *, files_alike=True):
    """Recompute after every step, compare with the reference, and at last with a rebuild from zero.

    A date is cut into other parts only when its stays change: a scan that is no
    stay may raise the number of parts that a rebuild would make.
    """
    with tempfile.TemporaryDirectory() as folder:
        lake = lakes.new_lake(Path(folder))
        kinds, closed, seen = {}, {}, []
        for step in steps:
            if isinstance(step, tuple):
                kinds, closed = {**kinds, **step[0]}, step[1]
                lakes.set_venues(lake, kinds, closed)
            else:
                seen += step
                lakes.add_scans(lake, step)
            recompute(lake, rules=worlds.RULES)
            assert_lake_is(lake, expected(placed(seen, kinds, closed)))
            assert sorted(lakes.long_pairs_in(lake)) == pairs_expected(placed(seen, kinds, closed))
        piecewise = files(lake)
        recompute(lake, rules=worlds.RULES, everything=True)
        assert_lake_is(lake, expected(placed(seen, kinds, closed)))
        assert sorted(lakes.long_pairs_in(lake)) == pairs_expected(placed(seen, kinds, closed))
        assert files(lake) == piecewise or not files_alike


@settings(max_examples=15, deadline=None)
@given(histories())
def test_batches_and_registries_in_any_order_leave_what_a_rebuild_from_zero_makes(steps):
    with without_runner():
        live_through(steps)


@settings(max_examples=4, deadline=None)
@given(chains())
def test_chains_over_many_midnights_are_followed_as_far_as_they_go(steps):
    with without_runner():
        live_through(steps)


@settings(max_examples=4, deadline=None)
@given(sparse())
def test_long_pairs_over_dates_that_are_not_read_are_what_a_rebuild_makes(steps):
    with without_runner():
        live_through(steps)


@settings(max_examples=4, deadline=None)
@given(histories())
def test_dates_of_several_parts_are_rewritten_alike(steps):
    tiny = mock.patch.object(plan, "ROWS_A_FILE", 2), mock.patch.object(plan, "ROWS_A_BUCKET", 3)
    with without_runner(), tiny[0], tiny[1]:
        live_through(steps, files_alike=False)


@settings(max_examples=3, deadline=None)
@given(histories())
def test_the_pipeline_itself_leaves_what_a_rebuild_from_zero_makes(steps):
    live_through(steps)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.one_of(histories(), chains(), sparse()))
def test_many_more_histories_leave_what_a_rebuild_from_zero_makes(steps):
    with without_runner():
        live_through(steps)


def test_a_late_scan_elsewhere_shortens_the_stay_of_the_day_before(lake):
    early = [scan(1, 23.9, venue=2)]
    lakes.add_scans(lake, early)
    recompute(lake, rules=worlds.RULES)
    late = [scan(2, 24.5, venue=1)]
    lakes.add_scans(lake, late)
    done = recompute(lake, rules=worlds.RULES)
    assert_lake_is(lake, expected(early + late))
    assert (done.stays_added, done.stays_removed, done.stays_cut_short) == (2, 1, 1)
    assert done.dates == (worlds.BASE // worlds.DAY, worlds.BASE // worlds.DAY + 1)


def test_a_chain_over_many_midnights_is_followed_to_its_begin(lake):
    chain = [scan(number, 7 * number, venue=2) for number in range(40)]
    lakes.add_scans(lake, [one for one in chain if one != chain[20]])
    recompute(lake, rules=worlds.RULES)
    lakes.add_scans(lake, [chain[20]])
    done = recompute(lake, rules=worlds.RULES)
    assert_lake_is(lake, expected(chain))
    assert len(expected(chain)) == 1
    assert done.widened > 0


def test_dates_that_a_batch_does_not_touch_keep_their_files(lake):
    lakes.add_scans(lake, [scan(number, 24 * number + 9) for number in range(10)])
    recompute(lake, rules=worlds.RULES)
    before = files(lake)
    lakes.add_scans(lake, [scan(99, 24 * 5 + 9.2)])
    done = recompute(lake, rules=worlds.RULES)
    assert done.dates == (worlds.BASE // worlds.DAY + 5,)
    assert {name: len(before[name] - kept) for name, kept in files(lake).items()} == {
        "stays": 2,
        "footfall": 1,
    }


def test_a_stay_that_only_reaches_a_date_changes_its_footfall_alone(lake):
    lakes.add_scans(lake, [scan(1, 23, venue=2), scan(2, 30, person=2)])
    recompute(lake, rules=worlds.RULES)
    before = files(lake)
    lakes.add_scans(lake, [scan(3, 23.1, person=3, venue=2)])
    recompute(lake, rules=worlds.RULES)
    changed = {name: sorted(kept - before[name]) for name, kept in files(lake).items()}
    assert [path.split("/")[0] for path in changed["footfall"]] == ["date=2021-07-01", "date=2021-07-02"]
    assert {path.split("/")[1] for path in changed["stays"]} == {"date=2021-07-01"}


def test_nothing_new_commits_nothing(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    recompute(lake, rules=worlds.RULES)
    versions = [snapshot(lake, name).version for name in TABLES]
    assert recompute(lake, rules=worlds.RULES) == Recomputed(stays_version=0)
    assert [snapshot(lake, name).version for name in TABLES] == versions


def test_a_lake_without_scans_has_no_stays(lake):
    assert recompute(lake, rules=worlds.RULES) == Recomputed(stays_version=0)
    assert snapshot(lake, "stays").version == -1


def test_a_new_version_of_scans_that_holds_nothing_new_only_moves_the_marks(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    recompute(lake, rules=worlds.RULES)
    before = files(lake)
    commit(lake, "scans", [], after=0)
    assert recompute(lake, rules=worlds.RULES).stays_version == 1
    assert files(lake) == before
    assert all(snapshot(lake, name).marks["scans_version"] == 1 for name in TABLES)


def test_a_venue_registered_later_brings_the_stays_of_its_scans(lake):
    scans = [scan(1, 9), scan(2, 9.1, venue=3), scan(3, 9.2, person=2)]
    lakes.add_scans(lake, scans)
    recompute(lake, rules=worlds.RULES)
    kinds = {0: "shop", 1: "office", 2: "home", 3: "worship"}
    lakes.set_venues(lake, kinds)
    done = recompute(lake, rules=worlds.RULES)
    assert_lake_is(lake, expected(scans))
    assert (done.changed_persons, done.stays_added, done.stays_removed) == (1, 2, 1)


def test_scans_that_have_gone_take_their_stays_along(lake):
    lakes.add_scans(lake, [scan(1, 9), scan(2, 9.1, venue=1)])
    lakes.add_scans(lake, [scan(3, 9.2, venue=2)])
    recompute(lake, rules=worlds.RULES)
    gone = [file for file in snapshot(lake, "scans").files if file.rows == 1]
    commit(lake, "scans", [], remove=gone, after=1)
    recompute(lake, rules=worlds.RULES)
    assert_lake_is(lake, expected([scan(1, 9), scan(2, 9.1, venue=1)]))


@st.composite
def replacements(draw):
    """Scans, the scans in their place, some gone and some with other content, and a registry with each."""
    before = draw(worlds.scans(most=12, unregistered=False))
    after = []
    for one in before:
        changed = {
            "same": {},
            "venue": {"venue": draw(st.integers(0, 3))},
            "time": {"at_us": one.at_us + draw(st.sampled_from([1, worlds.MINUTE, worlds.DAY]))},
            "person": {"person": -1 - one.person},
            "direction": {"direction": draw(st.sampled_from(["in", "out", "unknown"]))},
            "zone": {"zone": draw(st.sampled_from(["1", "2"]))},
        }
        fate = draw(st.sampled_from([*["same"] * 8, "gone", *changed]))
        if fate != "gone":
            after.append(replace(one, **changed[fate]))
    kinds = [{0: "shop", 1: "office", 2: "home"}, draw(st.sampled_from([{3: "worship"}, {0: "office"}]))]
    return before, after, kinds


@settings(max_examples=4, deadline=None)
@given(replacements())
def test_scans_whose_files_are_replaced_leave_what_a_rebuild_makes(replaced):
    assert_replaced(*replaced)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(replacements())
def test_many_more_replaced_files_leave_what_a_rebuild_makes(replaced):
    assert_replaced(*replaced)


def assert_replaced(before, after, registries):
    kinds, later = registries
    with tempfile.TemporaryDirectory() as folder, without_runner():
        lake = lakes.new_lake(Path(folder))
        lakes.set_venues(lake, kinds)
        for part in (before[::2], before[1::2]):
            lakes.add_scans(lake, part)
        recompute(lake, rules=worlds.RULES)
        lakes.set_venues(lake, kinds | later)
        lakes.replace_scans(lake, after)
        recompute(lake, rules=worlds.RULES)
        assert_lake_is(lake, expected(placed(after, kinds | later, {})))
        piecewise = files(lake)
        recompute(lake, rules=worlds.RULES, everything=True)
        assert files(lake) == piecewise


def test_only_persons_of_whom_a_scan_went_are_paired_again_where_a_file_is_replaced(lake):
    scans = [scan(number, 9 + number / 10, person=number % 5) for number in range(40)]
    lakes.add_scans(lake, scans)
    recompute(lake, rules=worlds.RULES)
    lakes.replace_scans(lake, scans[1:])
    assert recompute(lake, rules=worlds.RULES).changed_persons == 1
    assert_lake_is(lake, expected(scans[1:]))


def test_files_that_were_swept_away_since_cost_a_rebuild_and_nothing_else(lake):
    scans = [scan(1, 9), scan(2, 9.1, venue=1)]
    lakes.add_scans(lake, scans)
    recompute(lake, rules=worlds.RULES)
    joined = snapshot(lake, "scans").files
    lakes.add_scans(lake, [scan(3, 40)])
    commit(lake, "scans", [], remove=joined, after=1)
    for file in joined:
        Path(file.path).unlink()
    recompute(lake, rules=worlds.RULES)
    assert_lake_is(lake, expected([scan(3, 40)]))


def test_another_version_of_the_rules_is_refused_until_everything_is_written_again(lake):
    scans = [scan(1, 9), scan(2, 9.8)]
    lakes.add_scans(lake, scans)
    recompute(lake, rules=worlds.RULES)
    longer = replace(worlds.RULES, version="longer", dwell_us=worlds.RULES.dwell_us * 2)
    with pytest.raises(RefusedError, match="recompute") as refused:
        recompute(lake, rules=longer)
    assert refused.value.exit_code == 5
    done = recompute(lake, rules=longer, everything=True)
    assert (done.stays_removed, done.stays_added) == (2, 1)
    with pytest.raises(RefusedError):
        recompute(lake, rules=worlds.RULES)


def test_a_plan_overtaken_by_another_commit_is_computed_again(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    plans = []

    def interrupted(made, *found):
        plans.append(made)
        if len(plans) == 1:
            lakes.add_scans(lake, [scan(2, 9.1, venue=1)])
            raise CommitConflict("stays")
        return committing.commit_days(made, *found)

    with mock.patch("pipelines.windowing.transforms.commit_days", interrupted):
        done = recompute(lake, rules=worlds.RULES)
    assert (done.conflicted_commits, done.stays_version) == (1, 1)
    assert_lake_is(lake, expected([scan(1, 9), scan(2, 9.1, venue=1)]))


def test_a_writer_that_never_gets_its_turn_gives_up_with_one_line(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    with (
        without_runner(),
        mock.patch("pipelines.windowing.transforms.commit_days", side_effect=CommitConflict("stays")),
        pytest.raises(ServiceError, match="other writers"),
    ):
        recompute(lake, rules=worlds.RULES)


def test_footfall_of_a_run_that_died_before_its_stays_is_counted_again(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    recompute(lake, rules=worlds.RULES)
    counted = {file.path for file in snapshot(lake, "scans").files}
    version = lakes.add_scans(lake, [scan(2, 9.1, person=2)])
    make = committing._commit

    def dying(plan, table, *rest):
        if table == "stays":
            raise KeyboardInterrupt
        return make(plan, table, *rest)

    with mock.patch.object(committing, "_commit", dying), without_runner(), pytest.raises(KeyboardInterrupt):
        recompute(lake, rules=worlds.RULES)
    assert snapshot(lake, "footfall").marks != snapshot(lake, "stays").marks
    # The scan that the dead run counted goes before anybody else computes.
    gone = [file for file in snapshot(lake, "scans").files if file.path not in counted]
    commit(lake, "scans", [], remove=gone, after=version)
    recompute(lake, rules=worlds.RULES)
    assert_lake_is(lake, expected([scan(1, 9)]))


def test_a_damaged_file_of_scans_is_named_in_one_line(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    path = snapshot(lake, "scans").files[0].path
    Path(path).write_bytes(b"PAR1 is not enough")
    with pytest.raises(DataError, match="cannot be read: run truyvet verify"):
        recompute(lake, rules=worlds.RULES)
    assert snapshot(lake, "stays").version == -1


def test_nothing_is_left_in_the_scratch_folder(lake):
    lakes.add_scans(lake, [scan(1, 9)])
    recompute(lake, rules=worlds.RULES)
    assert list(Path(lake.url, "_scratch").iterdir()) == []
