"""Small adversarial worlds to trace in: few people, venues and instants, so that everything meets."""

import datetime as dt
from itertools import count

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from pipelines.graph.cases import Case
from pipelines.graph.encounters import proximity
from pipelines.graph.infectious_window import CaseTimes
from pipelines.graph.tracing.contact_criteria import criteria, venue_classes
from pipelines.graph.tracing.infectious_intervals import infectious_intervals, isolation
from pipelines.graph.tracing.provenance import provenance
from pipelines.graph.tracing.search import hops
from pipelines.graph.tracing.temporal_graph import TemporalGraph, Tuning
from pipelines.graph.tracing.trace import Traced
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.privacy.keys import venue_id
from pipelines.times import DAY_US
from schemas.rules import Chain, Contact, Infectious, Override, Rule
from schemas.tables import STAY_ORDERS
from tests.oracle import tiers

MINUTE = 60_000_000
BASE = 18_809 * DAY_US
"""2021-07-01 00:00 UTC, minute 0 of a world."""

USUAL = Tuning()
PERSONS = (-9, -3, 1, 4, 8, 12, 20)
VENUES = {"bar": "entertainment", "cafe": "restaurant", "mall": "supermarket"}
INSTANTS = (*range(0, 60, 5), 61, 90, 1435, 1440, 1445, 1450, 1500, 2880, 2890, 2895, 4320)


def us(minute):
    return BASE + minute * MINUTE


def us_or_none(minute):
    return None if minute is None else us(minute)


@st.composite
def stays(draw):
    enter, leave = sorted(draw(st.lists(st.sampled_from(INSTANTS), min_size=2, max_size=2, unique=True)))
    ends = draw(st.sampled_from(["both", "both", "default", "seen to the end", "imputed"]))
    middle = (enter + leave) // 2
    seen = {"both": leave, "default": middle, "seen to the end": leave, "imputed": enter}[ends]
    return tiers.Stay(
        draw(st.sampled_from(PERSONS)),
        draw(st.sampled_from(sorted(VENUES))),
        draw(st.sampled_from([None, "a", "b"])),
        *(enter, leave, seen, ends == "both"),
    )


@st.composite
def encounters(draw):
    one, other = draw(st.lists(st.sampled_from(PERSONS), min_size=2, max_size=2, unique=True))
    start, end = sorted(draw(st.lists(st.sampled_from(INSTANTS[:16]), min_size=2, max_size=2, unique=True)))
    measures = [draw(st.sampled_from([None, 1.0, 2.0])) for _ in range(2)]
    return tiers.Encounter(one, other, start, end, *measures)


def minutes(*, none=True):
    instants = st.sampled_from((0, 5, 20, 30, 60, 1440, 1460))
    return st.one_of(st.none(), instants) if none else instants


@st.composite
def cases(draw):
    onset, sampled, isolated = (draw(minutes()) for _ in range(3))
    if onset is None and sampled is None:
        onset = draw(minutes(none=False))
    return tiers.Case(draw(st.sampled_from(PERSONS)), onset, sampled, isolated)


@st.composite
def contacts(draw):
    return Contact(
        min_minutes=draw(st.sampled_from([0.0, 0.0, 5.0, 10.0, 30.0])),
        accumulate=draw(st.sampled_from(["each", "24h", "window"])),
        indirect_minutes=draw(st.sampled_from([0.0, 0.0, 5.0, 30.0])),
        same_zone=draw(st.booleans()),
        max_distance_m=draw(st.sampled_from([None, None, 1.0])),
        max_attenuation_db=draw(st.sampled_from([None, None, 1.0])),
    )


@st.composite
def rules(draw):
    days = st.sampled_from([20 / 1440, 1.0, 2.0])
    types = draw(st.lists(st.sampled_from(sorted(VENUES.values())), max_size=2, unique=True))
    return Rule(
        *("test", "a test", "nobody", dt.date(2021, 1, 1), None, ()),
        Infectious(draw(days), draw(days), draw(st.one_of(st.none(), days))),
        draw(contacts()),
        Chain(draw(st.sampled_from([0.0, 0.0, 0.25, 24.0]))),
        tuple(Override(kind, draw(contacts())) for kind in types),
    )


worlds = st.builds(
    tiers.World,
    stays=st.lists(
        stays(), min_size=12, max_size=30, unique_by=lambda stay: (stay.person, stay.venue, stay.enter)
    ).map(tuple),
    encounters=st.lists(encounters(), max_size=6).map(tuple),
    cases=st.lists(cases(), min_size=1, max_size=4).map(tuple),
    types=st.just(VENUES),
    until=st.sampled_from([40, 1445, 2900, 4320, 4320]),
)


def sidecar(by, stays, number_of):
    """Stays in their order as the columns of a file."""
    names = sorted({stay.zone for stay in stays}, key=str)
    columns = {
        "person": [stay.person for stay in stays],
        "venue": [venue_id(stay.venue) for stay in stays],
        "enter_us": [us(stay.enter) for stay in stays],
        "exit_us": [us(stay.exit) for stay in stays],
        "imputed_from_us": [us(stay.seen) for stay in stays],
        "stay_id": [number_of[stay] for stay in stays],
    }
    return Sidecar(
        by,
        **{name: np.array(values, np.int64) for name, values in columns.items()},
        scanned_both=np.array([stay.scanned_both for stay in stays], np.uint8),
        kinds=np.zeros(len(stays), np.uint8),
        zone_code=np.array([names.index(stay.zone) for stay in stays], np.int32),
        zone_names=pa.array(names, pa.string()),
        longest_us=max((stay.exit - stay.enter for stay in stays), default=0) * MINUTE,
    )


def network(world, rule, tuning):
    """Return a world as files of a day, in both orders: one a day, or two if the number of stays is odd."""
    files_a_day = 1 + len(world.stays) % 2
    number_of = dict(zip(world.stays, count(100), strict=False))
    files = {}
    for by in STAY_ORDERS:
        key = {"venue": lambda stay: venue_id(stay.venue), "person": lambda stay: stay.person}[by]
        days = sorted({stay.enter // 1440 for stay in world.stays})
        of_day = ([stay for stay in world.stays if stay.enter // 1440 == day] for day in days)
        parts = [some[file::files_a_day] for some in of_day for file in range(files_a_day)]
        files[by] = [
            sidecar(by, sorted(some, key=lambda stay: (key(stay), stay.enter)), number_of)
            for some in parts
            if some
        ]
    codes = sorted(world.types, key=venue_id)
    classes = venue_classes(
        rule,
        np.array([venue_id(code) for code in codes]),
        pa.array([world.types[code] for code in codes], pa.string()).dictionary_encode(),
    )
    near = proximity(
        pa.table(
            {
                "person_a": pa.array([one.one for one in world.encounters], pa.int64()),
                "person_b": pa.array([one.other for one in world.encounters], pa.int64()),
                "started_at": pa.array([us(one.start) for one in world.encounters], pa.int64()),
                "ended_at": pa.array([us(one.end) for one in world.encounters], pa.int64()),
                "distance_m": pa.array([one.distance_m for one in world.encounters], pa.float64()),
                "attenuation_db": pa.array([one.attenuation_db for one in world.encounters], pa.float64()),
            }
        ),
        rule.contact.max_distance_m,
        rule.contact.max_attenuation_db,
    )
    numbers = (criteria(rule), classes, near, us(world.until))
    return TemporalGraph(lambda by, _span: files[by], *numbers, tuning=tuning)


def case_of(case):
    return Case(case.person, CaseTimes(*map(us_or_none, (case.onset, case.sampled, case.isolated))))


def trace_of(world, rule, index, depth, tuning=USUAL):
    """Return the compiled trace."""
    where = network(world, rule, tuning)
    cases = [case_of(case) for case in index]
    persons = np.array([case.person for case in index], np.int64)
    infectious = infectious_intervals(cases, rule, where.until_us)
    isolated = isolation([case_of(case) for case in world.cases])
    found = hops(where, rule, infectious, persons, isolated, depth)
    return Traced(rule, where, persons, infectious, found)


def traced(world, rule, index, depth, tuning=USUAL):
    """Return the rows of the compiled trace, as the oracle has them."""
    made = trace_of(world, rule, index, depth, tuning)
    return [row for tier, hop in enumerate(made.hops, 1) for row in _rows(world, made.where, tier, hop)]


def _rows(world, where, tier, hop):
    stay_of = dict(zip(count(100), world.stays, strict=False))
    code_of = {venue_id(code): code for code in world.types}
    person, via, exposed = hop.person[hop.new], hop.via[hop.new], hop.exposed_us[hop.new]
    last = hop.last_us[hop.new]
    came = provenance(where, hop.sources, person, via)
    for pair in range(person.size):
        venues = sorted(code_of[venue] for venue in _of_pair(came.at_venue, came.at_end, pair))
        lengths = (came.direct_us[pair], came.indirect_us[pair], came.imputed_us[pair])
        yield tiers.Row(
            tier,
            int(person[pair]),
            int(exposed[pair] - BASE) // MINUTE,
            int(via[pair]),
            *(int(length) // 1_000_000 for length in lengths),
            ";".join(venues),
            frozenset(stay_of[stay] for stay in _of_pair(came.of_stay, came.of_end, pair)),
            int(last[pair] - BASE) // MINUTE,
        )


def _of_pair(values, end, pair):
    return values[end[pair - 1] if pair else 0 : end[pair]].tolist()
