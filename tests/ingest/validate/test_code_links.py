"""The links that personal codes and cards show: which pairs, when, and whose."""

import pytest

from pipelines.ingest.validate.scans import ParseSettings
from pipelines.lake.forgotten import Forgotten
from pipelines.privacy.keys import erasure_hash, linked_hash, token
from tests.ingest.reference import SETTINGS, block, line, parse
from tests.ingest.validate.test_person_codes import CARD, PERSONAL, QID

CODE = {"cccd:001093029317", f"qid:{QID}", "bhyt:0123456789", "phone:+84905123456"}


def shown(*codes, settings=SETTINGS, **fields):
    """The links of scans by code: the identifiers, the source, and whether the holder showed both."""
    lines = [line(person=None, person_code=code, **fields) for code in codes]
    links = parse(block("\n".join(lines)), 0, settings).links
    name = {own: text.decode() for own, text in zip(links.tokens.tolist(), links.identifiers, strict=True)}
    assert sorted(name) == sorted(
        {row[column] for row in links.rows.to_pylist() for column in ("person_a", "person_b")}
    )
    found = []
    for row in links.rows.to_pylist():
        pair = [name[row["person_a"]], name[row["person_b"]]]
        assert row["person_a"] < row["person_b"]
        assert [one.partition(":")[0] for one in pair] == [row["kind_a"], row["kind_b"]]
        assert row["event_id"] is None
        found.append((*sorted(pair), row["source"], row["self"]))
    return found


def test_the_strongest_identifier_is_linked_with_the_others():
    links = shown(PERSONAL)
    assert {frozenset(link[:2]) for link in links} == {
        frozenset(("cccd:001093029317", other)) for other in CODE - {"cccd:001093029317"}
    }
    assert {link[2:] for link in links} == {("personal_qr", True)}


def test_a_card_links_the_old_number():
    assert shown(CARD) == [("cccd:051200000001", "cmnd:212345678", "card", True)]
    assert shown(CARD.replace("|212345678|", "||")) == []


def test_the_phone_in_a_code_filled_in_for_another_is_not_his_own():
    links = shown(PERSONAL.replace("|0|", "|1|"))
    assert [link[3] for link in links if "phone:+84905123456" in link] == [False]
    assert [link[3] for link in links if "phone:+84905123456" not in link] == [True, True]


def test_each_scan_of_a_code_makes_its_links_at_its_time():
    lines = [
        line(person=None, person_code=CARD),
        line(),
        line(person=None, person_code=CARD, occurred_at="2021-07-01T09:00:00+07:00"),
    ]
    rows = parse(block("\n".join(lines)), 0, SETTINGS)
    seen = rows.links.rows["seen_at"].cast("int64").to_pylist()
    assert seen == [rows.scans["occurred_us"][0].as_py(), rows.scans["occurred_us"][2].as_py()]


def test_scans_without_a_code_and_refused_ones_show_nothing():
    assert shown("QNG-0001") == []
    assert shown(CARD, occurred_at="1999-07-01T09:00:00+07:00") == []
    assert parse(block(line()), 0, SETTINGS).links.rows.num_rows == 0


@pytest.mark.parametrize("by_token", [False, True])
def test_no_link_brings_an_erased_identifier_back(by_token):
    keys, person = SETTINGS.keys, "phone:+84905123456"
    until_us = 1 << 61
    if by_token:
        forgotten = (
            Forgotten().erase("00" * 32, 0).erase_linked(linked_hash(keys, token(keys, person)), until_us)
        )
    else:
        forgotten = Forgotten().erase(erasure_hash(keys, person.encode()), until_us)
    settings = ParseSettings(keys, SETTINGS.oldest_us, SETTINGS.newest_us, forgotten)
    assert {one for link in shown(PERSONAL, settings=settings) for one in link[:2]} == CODE - {person}
