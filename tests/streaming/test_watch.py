"""`truyvet watch` against the real emulator: each case's list, and its changes by later commits."""

import base64

import orjson
import pytest

from pipelines.export.signing import fingerprint
from pipelines.graph import trace
from pipelines.lake import open_lake
from pipelines.privacy.list_key import load_list_key
from pipelines.streaming.broker import Topic
from pipelines.streaming.sent_lists import differences
from pipelines.streaming.watch import Watcher
from tests.lakes import keys_of, new_lake, put_stays, put_venues
from tests.streaming.emulators import new_channel, pulled

STAYS = """
person | venue | enter   | exit
An     | V     | 3 08:00 | 3 10:00
Bình   | V     | 3 09:00 | 3 11:00
Chi    | V     | 3 12:00 | 3 13:00
"""
MORE = """
person | venue | enter   | exit
Dũng   | V     | 3 08:30 | 3 09:30
"""


def case(**fields):
    known = {"case_id": "BN-1", "person": "device:An", "onset_at": "2021-07-03T00:00:00Z"}
    return orjson.dumps(known | fields)


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\nV | shop")
    put_stays(lake, STAYS)
    return lake


@pytest.fixture
def lists(emulator):
    return new_channel()


def watcher_of(lake, lists):
    return Watcher(open_lake(lake.url), keys_of(lake), Topic(lists.topic), "who-2020-12")


def messages(lists):
    return [(orjson.loads(message.data), dict(message.attributes)) for message in pulled(lists.subscription)]


def test_a_case_gets_its_list_and_later_commits_send_their_additions(lake, lists):
    watcher = watcher_of(lake, lists)
    watcher.take([case()])
    ((first, attributes),) = messages(lists)
    assert (first["case"], first["rule"], first["withdrawn"]) == ("BN-1", "who-2020-12", [])
    assert len(first["added"]) == trace(lake, "BN-1").num_rows == 1
    assert len(attributes["message_id"]) == 32
    assert first["rows"][0]["case_ids"] == "BN-1"
    assert first["rows"][0]["identifier"] is None
    watcher.refresh()
    assert messages(lists) == []
    put_stays(lake, MORE)
    watcher_of(lake, lists).refresh()  # another process continues where the first ended
    ((second, later),) = messages(lists)
    assert (len(second["added"]), second["withdrawn"]) == (1, [])
    assert later["message_id"] != attributes["message_id"]


def test_a_changed_or_withdrawn_case_withdraws_the_rows_that_were_sent(lake, lists):
    watcher = watcher_of(lake, lists)
    watcher.take([case()])
    watcher.take([case(person="device:Chi")])
    watcher.take([case(withdrawn_at="2021-07-05")])
    sent = [(len(message["added"]), len(message["withdrawn"])) for message, _ in messages(lists)]
    assert sent == [(1, 0), (0, 1)]


def test_a_repeated_case_sends_nothing_and_poison_is_refused(lake, lists):
    watcher = watcher_of(lake, lists)
    watcher.take([case(), b"no JSON", b"[]"])
    watcher.take([case()])
    assert len(messages(lists)) == 1


def test_a_changed_row_is_withdrawn_and_added_but_a_changed_score_alone_is_not_news():
    before = [{"person": "a", "tier": 1, "score": 1.0}, {"person": "b", "tier": 2, "score": 1.0}]
    after = [{"person": "a", "tier": 1, "score": 0.5}, {"person": "b", "tier": 1, "score": 1.0}]
    assert differences(before, after) == ([after[1]], [before[1]])


def test_a_list_is_signed_with_the_list_key_of_the_lake(lake, lists):
    watcher_of(lake, lists).take([case()])
    (message,) = pulled(lists.subscription)
    attributes = dict(message.attributes)
    public = load_list_key(keys_of(lake).folder).public_key()
    public.verify(base64.b64decode(attributes["signature"]), message.data)
    assert attributes["key"] == fingerprint(public)
    assert list(orjson.loads(message.data)) == [
        *("case", "rule", "until", "lake_version", "rows", "added", "withdrawn")
    ]
