"""An erasure: the lake is as if it had never received a person's records, and no byte tells of them."""

import json
import shutil
from collections import Counter

import pytest
from cryptography.exceptions import InvalidSignature

from pipelines.errors import RefusedError
from pipelines.lake import open_lake, snapshot
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import load_keys, token
from pipelines.privacy.list_key import load_list_key
from pipelines.retention.erase import erase
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import truyvet
from tests.end_to_end.worlds import BEGIN_US, rfc3339
from tests.lakes import new_lake, person_token, put_cases, put_stays, put_venues
from tests.retention.eager_runner import eager_runs
from tests.retention.forgetting import Home, differences, places_of, tables_of
from tests.retention.killing import killed_at

WORLDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))]  # 300 in test_laws
FIELDS = ("person", "person_a", "person_b")


def named(one):
    return {canonical_person(one[name]) for name in FIELDS if name in one}


def busiest(home, count=1):
    """The persons with the most records, in several inputs."""
    records = Counter(person for rows in vars(home.inputs).values() for one in rows for person in named(one))
    return [person for person, _ in records.most_common(count)]


def without(home, persons):
    return home.inputs.only(lambda _name, one: not named(one) & set(persons))


@pytest.mark.parametrize("seed", WORLDS)
def test_after_an_erasure_the_lake_is_one_that_never_received_the_person(folder, seed):
    home = Home(folder, seed)
    persons = busiest(home, 1 + seed % 3)
    lake, other = folder / "lake", folder / "other"
    home.run(lake, home.inputs, batches=2)
    home.contacts(lake)
    assert "contacts" in tables_of(lake) or seed  # in some worlds nobody meets
    home.run(other, without(home, persons))
    home.contacts(other)
    tokens = [token(load_keys(home.keys), one) for one in persons]
    assert all(places_of(lake, one) for one in tokens)
    words = ("erase", "--keys", home.keys, "--lake", lake, "--person", *persons, "--format", "json")
    done = truyvet(*words)
    assert done.code == 0, done.err
    assert {row["table"]: row["rows_removed"] for row in json.loads(done.out)}["scans"] > 0
    expected = tables_of(other)
    assert {"scans", "stays", "footfall", "vault", "encounters"} <= expected.keys()
    assert differences(tables_of(lake), expected) == []
    assert truyvet("verify", "--lake", lake).code == 0
    for one, person in zip(tokens, persons, strict=True):
        for place in (lake, folder / "lake.ledger"):
            assert places_of(place, one, [person.encode(), person.partition(":")[2].encode()]) == []
    report = home.run(lake, home.inputs)[0]
    assert report["accepted"] == 0
    assert report["reasons"]["erased"] > 0
    assert differences(tables_of(lake), expected) == []
    assert [places_of(lake, one) for one in tokens] == [[] for _ in tokens]


def test_a_person_is_erased_with_linked_identifiers_and_not_with_a_shared_phone(folder):
    home, lake, other = Home(folder, 25, size=3), folder / "lake", folder / "other"
    phone, insurance, neighbour = "phone:+84905000001", "bhyt:0000000001", "phone:+84905000002"
    renamed = dict(zip(busiest(home, 3), (phone, insurance, neighbour), strict=True))
    for rows in vars(home.inputs).values():
        for row in rows:
            row.update({name: renamed.get(row[name], row[name]) for name in FIELDS if name in row})
    card, next_card, device = "cccd:051200000001", "cccd:051200000002", "device:of-both"
    pairs = [(card, phone), (card, insurance), (next_card, neighbour), (card, device), (next_card, device)]
    same = {"seen_at": rfc3339(BEGIN_US), "source": "personal_qr", "self": True}
    links = [{"person_a": one, "person_b": other, **same} for one, other in pairs]
    home.inputs.links[:] = links
    assert home.run(lake, home.inputs)[0]["others"]["links"]["shared"] == 2
    home.run(other, without(home, [card, phone, insurance]))
    words = ("--keys", home.keys, "--lake", lake, "--person", phone, "--linked", "--decision", "d")
    done = truyvet("erase", *words, "--format", "json")
    assert done.code == 0, done.err
    assert differences(tables_of(lake), tables_of(other)) == []
    for person in (card, phone, insurance):
        assert places_of(lake, token(load_keys(home.keys), person), [person.encode()]) == []
    report = home.run(lake, home.inputs)[0]
    assert report["accepted"] == 0
    assert report["others"]["links"]["reasons"] == {"erased": 3}
    assert differences(tables_of(lake), tables_of(other)) == []
    assert truyvet("erase", *words).code == 0
    assert differences(tables_of(lake), tables_of(other)) == []


@pytest.mark.slow
def test_a_later_visit_is_accepted(folder):
    home, lake = Home(folder, 21, size=3), folder / "lake"
    home.run(lake, home.inputs)
    (person,) = busiest(home)
    middle_us = 1_626_000_000_000_000  # a day after the last record
    erase(str(lake), person, keys=home.keys, now_us=middle_us, decision="d")
    scan = next(one for one in home.inputs.scans if canonical_person(one["person"]) == person)
    later = dict(scan, occurred_at="2021-07-20T08:00:00Z", event_id="later")
    nothing = home.inputs.only(lambda _name, _one: False)
    nothing.scans.extend([scan, later])
    report = home.run(lake, nothing)[0]
    assert (report["accepted"], report["reasons"]) == (1, {"erased": 1})


def test_once_more_changes_nothing_and_nobody_can_be_erased(folder):
    home, lake = Home(folder, 22, size=3), folder / "lake"
    home.run(lake, home.inputs)
    (person,) = busiest(home)
    before = tables_of(lake)
    assert set(erase(str(lake), "device:nobody", keys=home.keys).removed.values()) == {0}
    assert differences(tables_of(lake), before) == []
    erase(str(lake), person, keys=home.keys, decision="d")
    opened = open_lake(str(lake))
    said = (lake / "forgotten.json").read_bytes()
    versions = {name: snapshot(opened, name).version for name in ALL_TABLES}
    assert set(erase(str(lake), person, keys=home.keys, decision="d").removed.values()) == {0}
    assert {name: snapshot(opened, name).version for name in ALL_TABLES} == versions
    assert (lake / "forgotten.json").read_bytes() == said


def test_an_erasure_that_is_killed_is_finished_by_the_next(folder):
    kills_of_an_erasure(folder, every=80)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_an_erasure_that_is_killed_anywhere_is_finished_by_the_next(folder, capsys):
    with eager_runs():
        kills = kills_of_an_erasure(folder, every=1)
    with capsys.disabled():
        print(f"\n{kills} kills of an erasure, one at each step, all end right when run again", end=" ")


def kills_of_an_erasure(folder, every):
    """Kill an erasure at some of its steps, the last first, and run it again; how many kills."""
    home, whole = Home(folder, 23, size=3), folder / "whole"
    (person,), card = busiest(home), "cccd:051200000009"
    seen = {"seen_at": rfc3339(BEGIN_US), "source": "personal_qr", "self": True}
    home.inputs.links[:] = [{"person_a": card, "person_b": person, **seen}]
    home.run(whole, home.inputs)
    home.contacts(whole)
    tokens = [token(load_keys(home.keys), one) for one in (person, card)]
    lake = folder / "lake"

    def erased():
        erase(str(lake), person, linked=True, keys=home.keys, decision="d")

    expected, steps, number, kills = None, 0, 10_000, -1  # the first run comes to its end
    while number > 0:
        kills += 1
        shutil.copytree(whole, lake)
        steps = max(steps, killed_at(number, erased))
        erased()
        found = tables_of(lake)
        expected = expected or found
        assert differences(found, expected) == []
        assert [places_of(lake, one) for one in tokens] == [[], []]
        assert truyvet("verify", "--lake", lake).code == 0
        shutil.rmtree(lake)
        number = (steps if number == 10_000 else number) - every
    assert steps > 50
    return kills


def test_the_receipt_is_signed_and_names_nobody(folder):
    home, lake = Home(folder, 24, size=3), folder / "lake"
    home.run(lake, home.inputs)
    (person,) = busiest(home)
    path = folder / "receipt.json"
    removed = erase(
        str(lake), person, keys=home.keys, request="2021/117", decision="d", receipt_file=path
    ).removed
    content = path.read_bytes()
    public = load_list_key(home.keys).public_key()
    public.verify((folder / "receipt.json.sig").read_bytes(), content)
    with pytest.raises(InvalidSignature):
        public.verify((folder / "receipt.json.sig").read_bytes(), content + b" ")
    said = json.loads(content)
    assert said["rows_removed"] == removed
    assert said["request"] == "2021/117"
    line = json.loads((folder / "lake.ledger" / "ledger.jsonl").read_text().splitlines()[-1])
    assert said["ledger"] == {"seq": line["seq"], "mac": line["mac"]}
    opened = open_lake(str(lake))
    assert said["tables"]["scans"]["version"] == snapshot(opened, "scans").version
    assert person.encode() not in content
    assert places_of(folder / "lake.ledger", token(load_keys(home.keys), person)) == []


STAYS = """
    person | venue | enter    | exit
    an     | cafe  | 10 08:00 | 10 12:00
    binh   | cafe  | 10 08:00 | 10 12:00
    chi    | cafe  | 11 08:00 | 11 12:00
"""
CASE = "case_id|person|onset_at|isolated_at\nBN-1|an|11 00:00|11 00:00"


@pytest.mark.parametrize(
    ("person", "days_after", "said"),
    [
        ("an", 20.9, "has an active case"),
        ("an", 21.0, None),
        ("binh", 20.9, r"is a contact \(F1\)"),
        ("binh", 21.0, None),
        ("chi", 20.9, None),
    ],
)
def test_who_is_needed_for_an_active_case_is_refused(tmp_path, person, days_after, said):
    from pipelines.retention.active_case import check_active
    from tests.lakes import at

    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\ncafe | restaurant")
    put_stays(lake, STAYS)
    put_cases(lake, CASE)
    now_us = at("11 00:00") + round(days_after * 86_400_000_000)
    token_of = {person_token(lake, person)}
    if said is None:
        check_active(lake, token_of, now_us)
    else:
        with pytest.raises(RefusedError, match=said):
            check_active(lake, token_of, now_us)
