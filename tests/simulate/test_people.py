import re

import numpy as np

from pipelines.privacy.identifiers import canonical_person
from pipelines.simulate.people import (
    canonical_identifiers,
    make_households,
    make_people,
    spellings,
    write_person,
)
from pipelines.simulate.places import districts, make_places
from pipelines.simulate.settings import DEFAULT_START, Knobs, Settings


def people_of(count, **knobs):
    settings = Settings(count, max(1, count // 40), 4, 1, DEFAULT_START, Knobs(**knobs))
    household, households = make_households(settings)
    return make_people(settings, make_places(settings, households), household)


def texts_of(people, spelling):
    """Everybody's identifier as the given spelling has it."""
    out, table = np.zeros(64, np.uint8), spellings()
    for person in people:
        size = write_person(out, 0, person["kind"], person["number"], spelling, table)
        yield out[:size].tobytes().decode()


def test_nobody_shares_an_identifier():
    names = canonical_identifiers(people_of(50_000)).tolist()
    assert len(set(names)) == 50_000


def test_every_spelling_means_the_canonical_identifier():
    people = people_of(2_000)
    canonical = [name.decode() for name in canonical_identifiers(people).tolist()]
    for spelling in range(8):
        assert [canonical_person(text) for text in texts_of(people, spelling)] == canonical


def test_every_kind_of_identifier_occurs():
    kinds = {name.split(b":")[0] for name in canonical_identifiers(people_of(5_000)).tolist()}
    assert kinds == {b"phone", b"cccd", b"cmnd", b"qid", b"bhyt", b"passport", b"device"}


def test_no_phone_number_lies_in_a_block_that_a_network_had_in_2021():
    phones = [name for name in canonical_identifiers(people_of(2_000)).tolist() if name.startswith(b"phone")]
    assert all(re.fullmatch(rb"phone:\+84(3[01]|5[01347]|7[123])\d{7}", name) for name in phones)


def test_households_are_small_and_districts_sized_by_population():
    people = people_of(50_000)
    sizes = np.bincount(people["household"])
    assert sizes.min() >= 1
    assert sizes.max() <= 6
    share = np.bincount(people["district"], minlength=13) / people.size
    census = np.array([district.population for district in districts()])
    assert np.abs(share - census / census.sum()).max() < 0.01


def test_a_household_lives_in_one_district():
    people = people_of(3_000)
    pairs = {(int(person["household"]), int(person["district"])) for person in people}
    assert len(pairs) == np.unique(people["household"]).size


def test_shares_of_people_follow_their_knobs():
    people = people_of(20_000, scanning=0.4, app_users=0.7)
    assert abs(people["carries"].mean() - 0.4) < 0.02
    assert abs(people["app"].mean() - 0.7) < 0.02
    assert people_of(500, scanning=1.0)["carries"].all()
    assert not people_of(500, scanning=0.0)["carries"].any()


def test_clocks_are_right_but_for_the_shares_asked():
    clock = np.abs(people_of(40_000, clocks_off=0.1, clocks_broken=0.05)["clock"])
    assert abs(((clock > 0) & (clock < 3_600)).mean() - 0.1) < 0.01
    assert abs((clock >= 86_400).mean() - 0.05) < 0.01
    assert not people_of(500, clocks_off=0.0, clocks_broken=0.0)["clock"].any()


def test_one_person_alone_is_a_world():
    people = people_of(1)
    assert people["household"].tolist() == [0]
