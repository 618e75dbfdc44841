"""F1 of simulated cases beside their true contacts: all where nothing is flawed, ever fewer as fewer scan."""

from dataclasses import replace

import pytest

from benchmarks.recall import SHARES, look
from pipelines.simulate.settings import Knobs

USUAL = Knobs(cases=0.05)
FLAWLESS = replace(
    Knobs(cases=0.05, scanning=1.0, visits_scanned=1.0),
    **dict.fromkeys(
        ("entries_forgotten", "exits_forgotten", "one_way", "guarded", "late", "duplicates", "malformed"), 0.0
    ),
    **dict.fromkeys(
        ("clocks_off", "clocks_broken", "photographed", "without_id", "unregistered", "closed", "home_codes"),
        0.0,
    ),
)


def seen(folder, knobs):
    return look(folder, 500, 14, 4, knobs)


@pytest.fixture(scope="module")
def by_share(tmp_path_factory):
    """What is found of one world, by the share of people who scan."""
    folder = tmp_path_factory.mktemp("recall")
    return {share: seen(folder / f"{share}", replace(USUAL, scanning=share)) for share in SHARES}


def test_where_everybody_scans_faultlessly_nobody_is_listed_wrongly_and_hardly_anybody_is_missed(tmp_path):
    found = seen(tmp_path, FLAWLESS)
    assert found.cases >= 10
    assert len(found.outside) > 500
    assert found.listed <= found.outside
    # People scan up to a minute after they came and before they leave: contacts of just 15 minutes get lost.
    assert found.recall_outside > 0.95


def test_the_truth_does_not_depend_on_who_scans(by_share):
    one, *others = by_share.values()
    assert one.cases >= 10
    for other in others:
        # Tokens are those of another key, so counts are compared.
        assert (other.cases, len(other.true), len(other.met)) == (one.cases, len(one.true), len(one.met))


def test_recall_falls_as_fewer_people_scan(by_share):
    everybody, half, tenth = (by_share[share].recall for share in SHARES)
    assert everybody > 0.7
    assert everybody / 2 > half > tenth
    assert tenth < 0.05  # both have to scan: a tenth of the people see a hundredth of the contacts


def test_where_everybody_scans_those_who_are_listed_were_there(by_share):
    found = by_share[1.0]
    assert found.precision > 0.85
    assert found.precision_of_meeting > 0.95
