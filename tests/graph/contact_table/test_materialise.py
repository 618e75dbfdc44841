import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError, ServiceError
from pipelines.graph.contact_table import materialise as materialising
from pipelines.graph.contact_table import plan as contact_plan
from pipelines.graph.contact_table import transforms
from pipelines.graph.contact_table.materialise import Materialised, materialise, refresh
from pipelines.graph.contact_table.plan import USUAL, Limits, PartSizes, held_limits
from pipelines.lake import CommitConflict, read_table, snapshot
from pipelines.maintenance.compact import compact
from pipelines.times import DAY_US
from pipelines.windowing.recompute_stays import recompute
from tests.graph.contact_table.direct import without_runner
from tests.oracle.contacts import Contact, contacts_of, crowds_of
from tests.windowing import direct, lakes, worlds
from tests.windowing.reference import Scan
from tests.windowing.test_recompute import histories

TABLES = ("contacts", "crowds")
FIRST = worlds.BASE // DAY_US
DATES = range(FIRST - 1, FIRST + 6)
CLOSE = Limits(0, 2)
NAMES = ("person_a", "person_b", "venue", "start", "end")


def with_rules(lake, **_):
    return recompute(lake, rules=worlds.RULES)


@pytest.fixture(autouse=True)
def rules():
    with mock.patch.object(materialising, "recompute", with_rules):
        yield


@pytest.fixture
def lake(tmp_path):
    made = lakes.new_lake(tmp_path)
    lakes.set_venues(made, {0: "shop", 1: "office", 2: "home"})
    return made


def scan(number, hours, *, person=1, venue=0, direction="in"):
    at_us = worlds.BASE + int(hours * worlds.HOUR)
    return Scan(person, venue, at_us, direction, number.to_bytes(16, "big"), None, worlds.KINDS[venue])


def contacts_in(lake):
    rows = read_table(lake, "contacts").to_pylist()
    assert all(row["seconds"] == int((row["end"] - row["start"]).total_seconds()) for row in rows)
    return [
        Contact(row["person_a"], row["person_b"], row["venue"], *times(row, "start", "end")) for row in rows
    ]


def crowds_in(lake):
    rows = read_table(lake, "crowds").to_pylist()
    return [(row["venue"], *times(row, "window_start", "window_end"), row["people"]) for row in rows]


def times(row, *names):
    return [lakes._micros(row[name]) for name in names]


def assert_contacts_are_those_of_the_stays(lake, dates, limits):
    stays, windows = lakes.stays_in(lake), lakes.footfall_in(lake)
    contacts, crowds = contacts_in(lake), crowds_in(lake)
    assert len(contacts) == len(set(contacts))
    assert set(contacts) == {
        row for row in contacts_of(stays, windows, limits.min_us, limits.cap) if row.date in dates
    }
    expected = {row for row in crowds_of(windows, limits.cap) if row[1] // DAY_US in dates}
    assert len(crowds) == len(expected)
    assert set(crowds) == expected


def files(lake):
    return {name: lakes.files_of(lake, name) for name in TABLES}


@st.composite
def meetings(draw):
    """Scans of a few persons at two venues around midnights, in batches, with a registry among them."""
    instants = st.builds(
        lambda day, hour, nudge: worlds.BASE + day * worlds.DAY + hour * worlds.HOUR // 2 + nudge,
        st.integers(0, 3),
        st.sampled_from([-4, -1, 0, 1, 6, 14, 30]),
        st.sampled_from([0, 0, 1, -1, 10 * worlds.MINUTE]),
    )
    batches = [[] for _ in range(draw(st.integers(1, 3)))]
    for number in range(draw(st.integers(2, 18))):
        venue = draw(st.integers(1, 2))
        made = Scan(
            person=draw(st.integers(-1, 2)),
            venue=venue,
            at_us=draw(instants),
            direction=draw(st.sampled_from(["in", "in", "out", "unknown"])),
            event_key=bytes(15) + bytes([number]),
            zone=None,
            kind=worlds.KINDS[venue],
        )
        draw(st.sampled_from(batches)).append(made)
    steps = [batch for batch in batches if batch]
    steps.insert(draw(st.integers(0, len(steps))), ({1: "office", 2: "home"}, {}))
    return steps


limits = st.builds(
    Limits,
    st.sampled_from([0, 1, *[15 * worlds.MINUTE] * 3, worlds.HOUR, worlds.DAY]),
    st.sampled_from([1, 2, 2, 500]),
)


def live_through(steps, dates, limits, sizes=USUAL):
    """Write dates before there is anything in them, and see them kept up to date by every step."""
    with tempfile.TemporaryDirectory() as folder:
        lake = lakes.new_lake(Path(folder))
        for number, step in enumerate(steps):
            if isinstance(step, tuple):
                lakes.set_venues(lake, *step)
            else:
                lakes.add_scans(lake, step)
            recompute(lake, rules=worlds.RULES)
            if number == 0:
                materialise(lake, dates, limits, sizes=sizes)
            else:
                refresh(lake, sizes=sizes)
            assert_contacts_are_those_of_the_stays(lake, dates, limits)
        piecewise = files(lake)
        refresh(lake, everything=True, sizes=sizes)
        assert files(lake) == piecewise


@settings(max_examples=6, deadline=None)
@given(st.one_of(meetings(), meetings(), histories()), st.sets(st.sampled_from(DATES), min_size=1), limits)
def test_every_batch_leaves_the_contacts_that_the_oracle_finds(steps, dates, limits):
    with direct.without_runner(), without_runner():
        live_through(steps, dates, limits)


@settings(max_examples=5, deadline=None)
@given(st.one_of(meetings(), meetings(), histories()), limits)
def test_dates_of_several_parts_and_files_hold_the_same_contacts(steps, limits):
    with direct.without_runner(), without_runner():
        live_through(steps, set(DATES), limits, PartSizes(stays=1, rows=1))


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(st.one_of(meetings(), meetings(), histories()), st.sets(st.sampled_from(DATES), min_size=1), limits)
def test_many_more_histories_leave_the_contacts_that_the_oracle_finds(steps, dates, limits):
    with direct.without_runner(), without_runner():
        live_through(steps, dates, limits)


NIGHT = [
    scan(1, 23, venue=2),
    scan(2, 23.5, person=2, venue=2),
    scan(3, 26, venue=2, direction="out"),
    scan(4, 27, person=2, venue=2, direction="out"),
]
"""Two persons at one home over midnight, together for two hours and a half."""


def brought(lake, scans):
    lakes.add_scans(lake, scans)
    recompute(lake, rules=worlds.RULES)


def hours(*numbers):
    return [worlds.BASE + int(number * worlds.HOUR) for number in numbers]


def test_a_contact_over_midnight_is_one_row_of_the_date_on_which_it_begins(lake):
    brought(lake, NIGHT)
    assert materialise(lake, [FIRST, FIRST + 1]) == Materialised((FIRST, FIRST + 1), 1, 0)
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(23.5, 26))]


def test_a_scan_of_the_next_day_prolongs_the_contact_of_the_day_before(lake):
    brought(lake, NIGHT[:2] + NIGHT[3:])
    materialise(lake, [FIRST])
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(23.5, 27))]
    brought(lake, NIGHT[2:3])
    refresh(lake)
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(23.5, 26))]


def staying(person, number, last):
    """Return a scan every seven hours from the first on: one stay, for eight hours after the last."""
    return [scan(number + n, 7 * n, person=person, venue=2) for n in range(last + 1)]


def returning(number, *turns):
    """Person 2 goes out and comes in again at one instant, at each turn: stays that touch."""
    made = [scan(number, 1, person=2, venue=2)]
    for step, turn in enumerate(turns):
        made.append(scan(number + 2 * step + 1, turn, person=2, venue=2, direction="out"))
        made.append(scan(number + 2 * step + 2, turn, person=2, venue=2))
    return made


def test_a_chain_of_touching_stays_is_followed_beyond_the_longest_one(lake):
    brought(lake, staying(1, 10, last=8) + returning(100, 16, 31, 46))
    materialise(lake, [FIRST])
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(1, 54))]


def test_a_stay_that_touches_days_later_prolongs_the_contact(lake):
    chain = returning(100, 16, 31, 46, 61)
    brought(lake, staying(1, 10, last=9) + chain[:-1])
    materialise(lake, [FIRST])
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(1, 61))]
    brought(lake, chain[-1:])
    assert refresh(lake).dates == (FIRST,)
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(1, 69))]


def test_a_crowd_that_ends_at_midnight_begins_contacts_of_a_day_whose_stays_did_not_change(lake):
    brought(lake, staying(1, 10, last=6) + staying(2, 30, last=6))
    materialise(lake, [FIRST + 2], Limits(0, 2))
    assert contacts_in(lake) == []
    third = [scan(90, 47.8, person=3, venue=2), scan(91, 47.9, person=3, venue=2, direction="out")]
    brought(lake, third)
    assert refresh(lake).dates == (FIRST + 2,)
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(48, 50))]


def test_the_crowd_of_a_days_last_minutes_decides_where_contacts_of_the_next_begin(lake):
    brought(lake, NIGHT)
    materialise(lake, [FIRST, FIRST + 1], Limits(0, 2))
    third = [scan(9, 23.9, person=3, venue=2), scan(10, 23.95, person=3, venue=2, direction="out")]
    brought(lake, third)
    assert refresh(lake) == Materialised((FIRST, FIRST + 1), 2, 1)
    assert contacts_in(lake) == [Contact(1, 2, 2, *hours(23.5, 23.75)), Contact(1, 2, 2, *hours(24, 26))]
    assert crowds_in(lake) == [(2, *hours(23.75, 24), 3)]


def test_a_date_that_was_written_without_a_contact_is_kept_up_to_date(lake):
    brought(lake, NIGHT[:1])
    materialise(lake, [FIRST, FIRST + 5])
    brought(lake, NIGHT[1:])
    assert refresh(lake) == Materialised((FIRST,), 1, 0)


def test_dates_that_were_not_requested_are_not_written(lake):
    brought(lake, NIGHT)
    assert refresh(lake) == Materialised()
    materialise(lake, [FIRST + 1])
    brought(lake, [scan(9, 23.2, person=3, venue=2)])
    refresh(lake)
    assert contacts_in(lake) == []


def test_other_limits_rewrite_all_dates(lake):
    brought(lake, [*NIGHT, scan(9, 48, venue=1), scan(10, 48.5, person=2, venue=1)])
    materialise(lake, [FIRST])
    assert materialise(lake, [FIRST + 2], Limits(3 * worlds.HOUR, 500)).dates == (FIRST, FIRST + 2)
    assert contacts_in(lake) == [Contact(1, 2, 1, *hours(48.5, 52))]
    assert held_limits(lake) == Limits(3 * worlds.HOUR, 500)


def test_nothing_new_commits_nothing_and_other_dates_keep_their_files(lake):
    brought(lake, NIGHT)
    materialise(lake, [FIRST])
    before = [snapshot(lake, name).version for name in TABLES], files(lake)
    assert refresh(lake) == Materialised()
    assert ([snapshot(lake, name).version for name in TABLES], files(lake)) == before
    brought(lake, [scan(9, 24 * 7, venue=1)])
    assert refresh(lake) == Materialised()
    assert files(lake) == before[1]


def test_the_tables_say_what_they_reflect(lake):
    brought(lake, NIGHT)
    materialise(lake, [FIRST])
    brought(lake, [scan(9, 24 * 7, venue=1)])
    refresh(lake)
    for name in TABLES:
        marks = dict(snapshot(lake, name).marks)
        assert marks.pop("stays_version") == snapshot(lake, "stays").version
        assert marks == snapshot(lake, "stays").marks


def test_a_run_killed_between_the_two_commits_is_repaired_by_the_next(lake):
    brought(lake, NIGHT)
    materialise(lake, [FIRST], CLOSE)
    brought(lake, [scan(9, 23.6, person=3, venue=2)])
    commit = contact_plan._commit

    def dies(plan, table, *rest):
        if table == "contacts":
            raise KeyboardInterrupt
        commit(plan, table, *rest)

    with without_runner(), mock.patch.object(contact_plan, "_commit", dies), pytest.raises(KeyboardInterrupt):
        refresh(lake)
    assert snapshot(lake, "crowds").marks != snapshot(lake, "contacts").marks
    refresh(lake)
    assert_contacts_are_those_of_the_stays(lake, [FIRST], CLOSE)


def test_a_plan_overtaken_by_another_commit_is_computed_again(lake):
    brought(lake, NIGHT)
    commits = []

    def interrupted(plan, written):
        commits.append(plan)
        if len(commits) == 1:
            raise CommitConflict("contacts")
        contact_plan.commit_dates(plan, written)

    with mock.patch.object(transforms, "commit_dates", interrupted):
        assert materialise(lake, [FIRST]).contacts == 1
    assert len(commits) == 2


def test_a_writer_that_never_gets_its_turn_gives_up_with_one_line(lake):
    brought(lake, NIGHT)
    conflict = mock.patch.object(transforms, "commit_dates", side_effect=CommitConflict("contacts"))
    with without_runner(), conflict, pytest.raises(ServiceError, match="other writers"):
        materialise(lake, [FIRST])


def test_a_compaction_of_stays_rewrites_nothing(lake):
    brought(lake, NIGHT)
    brought(lake, [scan(9, 24 * 7, venue=1)])
    materialise(lake, [FIRST])
    compact(lake)
    assert refresh(lake) == Materialised()


def test_a_lake_without_stays_has_no_contacts(lake):
    assert materialise(lake, [FIRST]) == Materialised((FIRST,), 0, 0)
    brought(lake, NIGHT)
    assert refresh(lake) == Materialised((FIRST,), 1, 0)


def test_a_damaged_file_of_footfall_is_named_in_one_line(lake):
    brought(lake, NIGHT)
    for file in snapshot(lake, "footfall").files:
        Path(file.path).write_bytes(b"PAR1 is not enough")
    with pytest.raises(DataError, match="cannot be read: run truyvet verify"):
        materialise(lake, [FIRST], Limits(0, 1))
    assert snapshot(lake, "contacts").version == -1
    assert [path.name for path in Path(lake.url, "_scratch").iterdir()] == ["writers.lock"]
