"""What the registry says of venues, and what stands for those that it does not know."""

import numpy as np

from pipelines.privacy.keys import venue_id
from pipelines.registry.venue_names import described, names_of_codes, places
from pipelines.terminal.output import token_text
from tests.lakes import new_lake, put_venues


def test_venues_are_described_in_the_order_asked_and_unknown_ones_by_their_hash(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\ncafe|restaurant|Cà phê\nhouse|home|")
    asked = np.array([venue_id(code) for code in ("stall", "house", "cafe", "house")])
    assert described(lake, asked).to_pydict() == {
        "venue": [token_text(venue_id("stall")), "house", "cafe", "house"],
        "name": [None, None, "Cà phê", None],
        "type": [None, "home", "restaurant", "home"],
    }


def test_names_are_found_for_the_codes_that_have_one(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\ncafe|restaurant|Cà phê\nhouse|home|\nstall|market|Chợ")
    assert names_of_codes(lake)({"cafe", "house", "unknown"}) == {"cafe": "Cà phê"}
    assert names_of_codes(lake)(set()) == {}


def test_a_lake_without_a_registry_knows_hashes_only(tmp_path):
    lake = new_lake(tmp_path)
    asked = np.array([venue_id("stall")])
    assert described(lake, asked).to_pylist() == [
        {"venue": token_text(venue_id("stall")), "name": None, "type": None}
    ]
    assert places(lake).codes(np.empty(0, np.int64)).to_pylist() == []
