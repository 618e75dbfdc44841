import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.graph.encounters import proximity
from schemas.tables import ENCOUNTERS

NAMES = ("person_a", "person_b", "started_at", "ended_at", "distance_m", "attenuation_db")
SCHEMA = pa.schema([ENCOUNTERS.schema.field(name) for name in NAMES])
PLAIN = [pa.int64()] * 4 + [pa.float64()] * 2
EVERY_US = range(40)


def table(rows):
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * len(NAMES)
    plain = pa.table([pa.array(column, kind) for column, kind in zip(columns, PLAIN, strict=True)], NAMES)
    return plain.cast(SCHEMA)


def near(rows, **limits):
    columns = (column.tolist() for column in proximity(table(rows), **limits))
    return list(zip(*columns, strict=True))


measures = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 1.5, 2.0]))
encounters = st.tuples(
    st.sampled_from([(-2, 1), (-2, 3), (1, 3)]),
    st.integers(0, 30),
    st.integers(1, 9),
    measures,
    measures,
).map(lambda drawn: (*drawn[0], drawn[1], drawn[1] + drawn[2], drawn[3], drawn[4]))


def reference(rows, max_distance_m, max_attenuation_db):
    """Return every microsecond of every pair on its own."""
    together = set()
    for a, b, start, end, distance, attenuation in rows:
        if max_distance_m is not None and (distance is None or distance > max_distance_m):
            continue
        if max_attenuation_db is not None and (attenuation is None or attenuation > max_attenuation_db):
            continue
        together |= {(one, other, us) for one, other in ((a, b), (b, a)) for us in range(start, end)}
    found = []
    for person, other in sorted({pair[:2] for pair in together}):
        inside = [us for us in EVERY_US if (person, other, us) in together]
        starts = [us for us in inside if us - 1 not in inside]
        ends = [us + 1 for us in inside if us + 1 not in inside]
        found += [(person, other, start, end) for start, end in zip(starts, ends, strict=True)]
    return found


@settings(max_examples=200, deadline=None)
@given(st.lists(encounters, max_size=12), measures, measures)
def test_merged_encounters_agree_with_a_list_of_every_instant(rows, distance, attenuation):
    found = near(rows, max_distance_m=distance, max_attenuation_db=attenuation)
    assert found == reference(rows, distance, attenuation)


def test_limits_are_inclusive_and_ask_for_their_measure():
    rows = [(1, 2, 0, 10, 2.0, None), (1, 3, 0, 10, 2.1, None), (1, 4, 0, 10, None, 55.0)]
    assert near(rows, max_distance_m=2.0) == [(1, 2, 0, 10), (2, 1, 0, 10)]
    assert near(rows, max_attenuation_db=55.0) == [(1, 4, 0, 10), (4, 1, 0, 10)]
    assert near(rows, max_distance_m=2.0, max_attenuation_db=55.0) == []


def test_without_encounters_nobody_is_near_anybody():
    assert near([]) == []


def test_a_million_encounters_are_merged():
    random = np.random.default_rng(1)
    people = random.integers(-(2**63), 2**63, 20_000)
    pairs = np.sort(people[random.integers(0, people.size, (1_000_000, 2))], axis=1)
    start = random.integers(0, 86_400_000_000, pairs.shape[0])
    columns = (pairs[:, 0], pairs[:, 1], start, start + 600_000_000)
    blank = pa.nulls(pairs.shape[0], pa.float64())
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, SCHEMA, strict=False)]
    rows = pa.table([*arrays, blank, blank], schema=SCHEMA)
    found = proximity(rows)
    assert found.person.size > 1_990_000  # a few meet twice within the ten minutes
