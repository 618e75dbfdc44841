"""Links: who is one human, and which links are refused; against a plain recount."""

import random

import numpy as np

from pipelines.linkage.humans import STRONG, Links, humans_of
from pipelines.privacy.identifiers import KINDS

TOKENS = {
    "card": 10,
    "card2": 11,
    "qid": 20,
    "bhyt": 30,
    "bhyt2": 31,
    "phone": -5,
    "phone2": -6,
    "device": 40,
    "card4": 60,
}
KIND = {"card": "cccd", "card2": "cccd", "card4": "cccd", "bhyt2": "bhyt", "phone2": "phone"}


def links(rows):
    """Links of rows (one, other, day, self), names as in `TOKENS`."""
    kind = [[KINDS.index(KIND.get(name, name)) for name in row[:2]] for row in rows]
    ends = np.array([[TOKENS[name] for name in row[:2]] for row in rows], np.int64).reshape(-1, 2)
    kinds = np.array(kind, np.int64).reshape(-1, 2)
    day, is_self = (np.array([row[at] for row in rows], kind) for at, kind in ((2, np.int64), (3, np.bool_)))
    return Links(ends[:, 0], ends[:, 1], kinds[:, 0], kinds[:, 1], day, is_self)


def humans(*rows):
    """The sets of names that are one human, and the number of refused links."""
    found = humans_of(links(rows))
    name = {token: name for name, token in TOKENS.items()}
    sets = {}
    for person, human in zip(found.person.tolist(), found.human.tolist(), strict=True):
        sets.setdefault(human, set()).add(name[person])
        assert human == min(token for token in found.person.tolist() if human_of(found, token) == human)
    return sorted(map(sorted, sets.values())), found.shared


def human_of(found, token):
    return int(found.human[found.person.tolist().index(token)])


def test_no_links_are_no_humans():
    assert humans() == ([], 0)


def test_identifiers_of_one_code_are_one_human():
    rows = [("card", "qid", 1, True), ("card", "bhyt", 1, True), ("card", "phone", 1, True)]
    assert humans(*rows) == ([["bhyt", "card", "phone", "qid"]], 0)


def test_a_phone_is_linked_by_its_holder_alone():
    assert humans(("card", "phone", 1, False)) == ([["card"], ["phone"]], 0)
    assert humans(("card", "bhyt", 1, False)) == ([["bhyt", "card"]], 0)


def test_a_phone_that_meets_two_cards_is_shared():
    rows = [("card", "phone", 1, True), ("card2", "phone", 1, True), ("phone", "device", 1, True)]
    assert humans(*rows) == ([["card"], ["card2"], ["device"], ["phone"]], 3)


def test_a_phone_whose_token_lies_between_those_of_two_cards_is_shared():
    rows = [("card", "device", 1, True), ("card4", "device", 1, True)]
    assert humans(*rows) == ([["card"], ["card4"], ["device"]], 2)


def test_a_phone_in_a_code_for_another_is_not_shared_by_it():
    rows = [("card", "phone", 1, True), ("card2", "phone", 1, False)]
    assert humans(*rows) == ([["card", "phone"], ["card2"]], 0)


def test_of_two_links_that_cannot_both_hold_the_one_seen_on_more_days_is_taken():
    rows = [("card", "bhyt", 1, False), ("card2", "bhyt", 1, False), ("card2", "bhyt", 2, False)]
    assert humans(*rows) == ([["bhyt", "card2"], ["card"]], 1)
    # Twice on one day is no more evidence; then the smaller pair of tokens is first.
    rows = [("card", "bhyt", 1, False), ("card2", "bhyt", 2, False), ("card2", "bhyt", 2, True)]
    assert humans(*rows) == ([["bhyt", "card"], ["card2"]], 2)


def test_of_equal_evidence_the_smaller_pair_of_tokens_is_first():
    rows = [("card", "bhyt", 1, True), ("card", "phone", 1, True), ("bhyt2", "phone", 1, True)]
    assert humans(*rows) == ([["bhyt"], ["bhyt2", "card", "phone"]], 1)


def plain(rows):
    """The rule once more, row by row."""
    strong = {name for name in TOKENS if KIND.get(name, name) in STRONG}
    kind = {name: KIND.get(name, name) for name in TOKENS}
    counting = [row for row in rows if row[3] or {row[0], row[1]} <= strong]
    met = {}
    for one, other, _, _ in counting:
        for weak, its in ((one, other), (other, one)):
            if weak not in strong and its in strong:
                met.setdefault((weak, kind[its]), set()).add(its)
    shared = {weak for (weak, _), its in met.items() if len(its) > 1}
    days = {}
    for one, other, day, _ in counting:
        if not {one, other} & shared:
            days.setdefault(tuple(sorted((one, other), key=TOKENS.get)), set()).add(day)
    group = {name: {name} for row in rows for name in row[:2]}
    dropped = set()
    for pair in sorted(days, key=lambda pair: (-len(days[pair]), TOKENS[pair[0]], TOKENS[pair[1]])):
        one, other = (group[name] for name in pair)
        if one is not other:
            kinds = [kind[name] for name in one | other if name in strong]
            if len(set(kinds)) < len(kinds):
                dropped.add(pair)
                continue
            whole = one | other
            group |= dict.fromkeys(whole, whole)
    refused = sum(
        bool({one, other} & shared) or tuple(sorted((one, other), key=TOKENS.get)) in dropped
        for one, other, _, _ in counting
    )
    return sorted({tuple(sorted(names)) for names in group.values()}), refused


def test_300_random_worlds_in_any_order_are_the_humans_of_a_plain_recount():
    names = list(TOKENS)
    for seed in range(300):
        dice = random.Random(seed)
        rows = [
            (*dice.sample(names, 2), dice.randrange(3), dice.random() < 0.7)
            for _ in range(dice.randrange(1, 14))
        ]
        sets, refused = plain(rows)
        assert humans(*rows) == ([list(names) for names in sets], refused), seed
        dice.shuffle(rows)
        turned = [(other, one, day, own) for one, other, day, own in rows]
        assert humans(*turned) == ([list(names) for names in sets], refused), seed


def test_all_tokens_of_a_human_are_found_from_any_of_them():
    found = humans_of(
        links([("card", "bhyt", 1, True), ("card", "phone", 1, True), ("card2", "qid", 1, True)])
    )
    assert found.together_with(np.array([-5])).tolist() == [-5, 10, 30]
    assert found.together_with(np.array([99, 20])).tolist() == [11, 20, 99]
    assert found.links.tolist() == [1, 2, 1, 1, 1]


def town(dice, people, sharing):
    """Links of people with a card and a phone; some have somebody else's phone in their code, who has too.

    Token of the card of person p is 2 p, of the phone 2 p + 1.
    """
    rows = []
    borrows = dice.random(people) < sharing
    whose = np.where(borrows, dice.integers(0, people, people), np.arange(people))
    whose = np.where(borrows[whose], np.arange(people), whose)
    for _ in range(4):
        person = dice.permutation(people)
        rows.append((2 * person, 2 * whose[person] + 1, dice.integers(0, 21, people)))
    card, phone, day = (np.concatenate(column) for column in zip(*rows, strict=True))
    kinds = (np.full(card.size, KINDS.index(kind)) for kind in ("cccd", "phone"))
    return Links(card, phone, *kinds, day, np.ones(card.size, np.bool_)), whose


def test_with_a_fifth_of_the_phones_shared_no_two_people_are_one_and_the_same_are():
    links, whose = town(np.random.default_rng(17), 5_000, 0.2)
    found = humans_of(links)
    human = dict(zip(found.person.tolist(), found.human.tolist(), strict=True))
    for token, of in human.items():
        assert token // 2 == of // 2  # a human holds the card and the phone of one person at most
    lent = set(whose[whose != np.arange(whose.size)].tolist())
    own = [person for person in range(5_000) if whose[person] == person and person not in lent]
    same = sum(human[2 * person] == human[2 * person + 1] for person in own)
    assert len(lent) > 700
    assert same == len(own) > 3_000
    assert found.shared == sum(int(whose[card // 2] in lent) for card in links.one.tolist())


def test_a_phone_of_forty_people_joins_nobody():
    card, day, own = np.arange(40) * 3, np.zeros(40, np.int64), np.ones(40, np.bool_)
    kinds = (np.full(40, KINDS.index(kind)) for kind in ("cccd", "phone"))
    found = humans_of(Links(card, np.full(40, 7), *kinds, day, own))
    assert (found.shared, found.human.tolist()) == (40, found.person.tolist())
