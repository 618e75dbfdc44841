"""Where missed contacts are lost: the parts add up, and each of them is found where it was planted."""

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.recall import look
from benchmarks.recall_parts import ALL, Meetings, common, meets, merged, parts
from benchmarks.true_contacts import PARTS, true_contacts
from pipelines.lake import open_lake
from pipelines.simulate.settings import Knobs
from pipelines.times import HOUR_US, MINUTE_US
from schemas.rules import load_rule


def met(kind="office", *spans):
    return Meetings({(kind, f"v{number}"): [span] for number, span in enumerate(spans)})


def test_intervals_are_merged_and_compared():
    assert merged([(5, 9), (0, 5), (7, 8), (20, 30)]) == [(0, 9), (20, 30)]
    assert common([(0, 10), (20, 30)], [(5, 25)]) == 10
    assert common([(0, 10)], [(10, 20)]) == 0


@pytest.mark.parametrize(
    ("rule", "kind", "spans", "is_contact"),
    [
        ("who-2020-12", "office", [(0, 15)], True),
        ("who-2020-12", "office", [(0, 10), (12, 20)], False),
        ("who-2020-12", "office", [(0, 10), (10, 15)], True),  # touching ones merge
        ("cdc-2020-10", "office", [(0, 10), (12, 20)], True),
        ("cdc-2020-10", "office", [(0, 10), (24 * 60, 24 * 60 + 10)], False),
        ("cdc-2020-10", "office", [(0, 10), (24 * 60 - 6, 24 * 60 + 10)], True),
        ("vn-2021-12", "office", [(0, 1)], True),
        ("vn-2021-12", "supermarket", [(0, 14)], False),
        ("vn-2021-12", "supermarket", [(0, 15)], True),
    ],
)
def test_a_contact_meets_a_rule_as_the_pack_says(rule, kind, spans, is_contact):
    contact = met(kind, *((start * MINUTE_US, end * MINUTE_US) for start, end in spans))
    assert meets(load_rule(rule), contact) is is_contact


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    """A world in which everything goes wrong often; its folder and what `look` finds in it."""
    knobs = replace(
        Knobs(cases=0.03), scanning=0.95, guarded=0.5, several_identifiers=0.5, unregistered=0.15,
        malformed=0.15, clocks_broken=0.05,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("parts")
    return folder, look(folder / "world", 500, 14, 4, knobs)


def test_every_part_is_there_and_all_of_them_add_up(province):
    folder, found = province
    lake = open_lake(str(folder / "world" / "lake"))
    truth = true_contacts(folder / "world" / "province", lake)
    planted = Counter(contact.lost_to for contact in truth)
    assert set(planted) == set(PARTS)
    made = list(parts(folder / "world" / "province", lake))
    for part in made:
        assert sum(part.missed.values()) == part.true - part.found
        assert sum(part.seconds_missed.values()) == part.seconds - part.seconds_found
        assert 0 <= part.listed_true <= part.listed
        assert 0 <= part.seconds_true <= part.seconds_listed
    whole = {part.rule: part for part in made if part.venue_type == ALL}
    assert "cwa-2021" not in whole  # the truth has no indirect contacts
    who = whole["who-2020-12"]
    assert (who.true, who.found) == (len(found.true), len(found.true & found.listed))
    assert (who.listed, who.listed_true) == (len(found.listed), len(found.true & found.listed))
    of_types = [part for part in made if part.rule == "who-2020-12" and part.venue_type != ALL]
    assert sum(part.seconds for part in of_types) == who.seconds
    assert sum((part.seconds_missed for part in of_types), Counter()) == +who.seconds_missed
    assert who.seconds > HOUR_US
