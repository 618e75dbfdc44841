"""Tokens of one human: the rule by which links are taken or refused.

Of `qid cccd cmnd bhyt passport` a human has at most one each. Phones and devices are lent, so they are
linked only by who shows them himself, and one that meets two identifiers of a strong kind is shared: all
its links are refused. The others are taken in the order of evidence, as in Kruskal's algorithm; one that
would put two of a strong kind together is refused. A link too few loses a contact, a link too many sends
a stranger to quarantine.

Pure functions; the result depends on the set of links alone, not on their order.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from pipelines.kernels.group_by import changes
from pipelines.kernels.sort import dense_rank, order_of
from pipelines.kernels.types import Bool, Int64
from pipelines.privacy.identifiers import KINDS

STRONG: Final = ("qid", "cccd", "cmnd", "bhyt", "passport")
"""Kinds of identifier that a person has one of."""

_STRONG_CODES = np.array([KINDS.index(kind) for kind in STRONG])


@dataclass(frozen=True)
class Links:
    """Rows of `links`, n of them.

    Attributes:
        one: int64[n], a token.
        other: int64[n], another one.
        kind_one: int64[n], its kind as a position in `KINDS`.
        kind_other: int64[n].
        day: int64[n], the UTC day on which they were seen together.
        is_self: bool[n], whether the holder showed both himself.
    """

    one: Int64
    other: Int64
    kind_one: Int64
    kind_other: Int64
    day: Int64
    is_self: Bool


@dataclass(frozen=True)
class Humans:
    """What links show.

    Attributes:
        person: int64[d], every token of any link, ascending.
        human: int64[d], the smallest token of those that are one person; its own where no link is taken.
        links: int64[d], how many links that were taken a token has.
        taken: bool[n], the links that join two tokens of one human.
        refused: bool[n], the links that would merge two people; the others are no evidence.
    """

    person: Int64
    human: Int64
    links: Int64
    taken: Bool
    refused: Bool

    @property
    def shared(self) -> int:
        """The number of links that are refused."""
        return int(self.refused.sum())

    def together_with(self, persons: Int64) -> Int64:
        """Return the tokens of the humans that some tokens belong to, those included; ascending.

        Args:
            persons: int64[k], also such as no link names.
        """
        own = self.human[np.isin(self.person, persons)]
        return np.union1d(persons, self.person[np.isin(self.human, own)])


def humans_of(links: Links) -> Humans:
    """Decide which links are taken and which tokens are one human.

    >>> two = np.array([1, 2]), np.array([5, 5])  # two citizen cards and one phone
    >>> kinds = np.array([2, 2]), np.array([0, 0])
    >>> found = humans_of(Links(*two, *kinds, np.array([9, 9]), np.array([True, True])))
    >>> found.human.tolist(), found.shared
    ([1, 2, 5], 2)
    """
    # Tokens become their ranks, which ascend as the tokens do: a smaller number is a smaller token.
    number, person = dense_rank(np.concatenate((links.one, links.other)))
    first, second = number.reshape(2, -1)
    one, other = np.minimum(first, second), np.maximum(first, second)
    # A token is a keyed hash of kind and value, so all its links agree in its kind.
    kind = np.zeros(person.size, np.int64)
    kind[number] = np.concatenate((links.kind_one, links.kind_other))
    is_weak = ~np.isin(kind, _STRONG_CODES)
    # Two strong identifiers may be linked by another's hand, a phone or device by its holder alone.
    counts = links.is_self | ~(is_weak[one] | is_weak[other])
    shared = _shared(one, other, kind, is_weak, counts, len(KINDS))
    refused = counts & (shared[one] | shared[other])
    rows = np.flatnonzero(counts & ~refused)
    # Several links of one pair stand or fall together, and their days are their evidence.
    pair_of, pair = dense_rank(one[rows] * person.size + other[rows])
    # Most days first; of equal evidence the smaller pair of tokens, for the order is stable.
    order = order_of(-_days_of(pair_of, links.day[rows], pair.size))
    # A bit for each strong kind that a component holds; weak ones never clash.
    mask = np.where(is_weak, 0, 1 << kind)
    root, is_taken = _joined(order, *np.divmod(pair, max(person.size, 1)), mask)
    taken = np.zeros(one.size, np.bool_)
    # From pairs back to the links that name them.
    taken[rows] = is_taken[pair_of]
    # Links that do not count are neither taken nor refused.
    refused[rows] = ~taken[rows]
    number = np.bincount(np.concatenate((one[taken], other[taken])), minlength=person.size)
    return Humans(person, person[root], number.astype(np.int64), taken, refused)


@njit(cache=True, nogil=True)
def _shared(one: Int64, other: Int64, kind: Int64, is_weak: Bool, counts: Bool, kinds: int) -> Bool:
    """Find the weak tokens that meet two strong ones of a kind; bool[d]."""
    met = np.full(kind.size * kinds, -1, np.int32)  # by weak token and kind, the strong one met first
    shared = np.zeros(kind.size, np.bool_)
    for link in range(one.size):
        # The token of a phone may be smaller than that of a card, or larger.
        for weak, strong in ((one[link], other[link]), (other[link], one[link])):
            if counts[link] and is_weak[weak] and not is_weak[strong]:
                place = weak * kinds + kind[strong]
                if met[place] < 0:
                    met[place] = strong
                elif met[place] != strong:
                    shared[weak] = True
    return shared


def _days_of(pair: Int64, day: Int64, pairs: int) -> Int64:
    """Count the distinct days of each pair, int64[pairs]."""
    if not pairs:
        return np.empty(0, np.int64)
    # (pair, day) as one int64; each distinct key is a day of evidence.
    days = int(day.max() - day.min()) + 1
    key = pair * days + (day - day.min())
    key = key[order_of(key)]
    return np.bincount(key[changes(key)] // days, minlength=pairs).astype(np.int64)


@njit(cache=True, nogil=True)
def _joined(order: Int64, one: Int64, other: Int64, mask: Int64) -> tuple[Int64, Bool]:
    """Join pairs in an order, unless that puts two tokens of a strong kind together.

    Returns:
        For each token the smallest of its component, and for each pair whether it is in one.
    """
    # Union-find. A root holds the kinds of its component, and is its smallest token.
    root = np.arange(mask.size)
    kinds = mask.copy()
    taken = np.zeros(order.size, np.bool_)
    for pair in order:
        first, second = _root(root, one[pair]), _root(root, other[pair])
        if first != second and kinds[first] & kinds[second]:
            continue
        # Also a pair that is in one component already: it joins two tokens of one human.
        taken[pair] = True
        # The smaller token becomes the root, whatever the sizes: it is the name of the human.
        low, high = min(first, second), max(first, second)
        root[high] = low
        kinds[low] |= kinds[high]
    # All tokens name their root directly.
    for token in range(root.size):
        root[token] = _root(root, token)
    return root, taken


@njit(cache=True, nogil=True)
def _root(root: Int64, token: int) -> int:
    while root[token] != token:
        root[token] = root[root[token]]  # halve the path for the next search
        token = root[token]
    return token
