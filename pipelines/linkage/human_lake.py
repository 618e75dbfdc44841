"""A lake in which the identifiers of one human are one: what `--humans` asks.

Readers that get a `HumanLake` see every token of a human as the smallest of them. A plain lake passes
through all functions here unchanged, so that a question without `--humans` costs and reads nothing more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import NO_TABLE, Lake, OfNewest, Snapshot, read_table
from pipelines.terminal.output import counted
from schemas.codes import LINK_SOURCES
from schemas.tables import INSTANT

_JOINS = pa.schema(
    [
        *((name, pa.int64()) for name in ("human", "person_a", "person_b")),
        ("source", pa.string()),
        *((name, INSTANT) for name in ("first", "last")),
    ]
)
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class HumanLake(Lake):
    """A lake whose persons are humans.

    Example:
        >>> lake = HumanLake("/data/lake", person=np.array([3, 8]), human=np.array([3, 3]))
        >>> human_of(lake, np.array([8, 9])).tolist(), tokens_of(lake, np.array([3])).tolist()
        ([3, 9], [3, 8])

    Attributes:
        person: int64[k], the tokens of those who have several, ascending.
        human: int64[k], the smallest token of each one's.
        source: int64[k], the sources of the links of each one's human: a bit for each of `LINK_SOURCES`.
        version: of `links`.
        links: how many links the lake holds.
        shared: how many of them are refused, because they would merge two people.
        kept: what readers have computed for this lake, by name.
    """

    person: Int64 = field(default_factory=_NONE.copy, compare=False, repr=False)
    human: Int64 = field(default_factory=_NONE.copy, compare=False, repr=False)
    source: Int64 = field(default_factory=_NONE.copy, compare=False, repr=False)
    version: int = field(default=NO_TABLE, compare=False, repr=False)
    links: int = field(default=0, compare=False, repr=False)
    shared: int = field(default=0, compare=False, repr=False)
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


def of_humans(lake: Lake, humans: bool) -> Lake:
    """Return the lake as a question sees it.

    Args:
        lake: an open lake.
        humans: whether identifiers that links show to be of one person are one.

    Raises:
        DataError: a file of `links` is missing or damaged.
    """
    if not humans or isinstance(lake, HumanLake):
        return lake
    return _newest(lake)


def human_of(lake: Lake, person: Int64) -> Int64:
    """Return the token that stands for each of some tokens; its own in a plain lake."""
    if not isinstance(lake, HumanLake) or not lake.person.size or not person.size:
        return person
    # The place where a token would be; only an equal one is it.
    at = np.minimum(np.searchsorted(lake.person, person), lake.person.size - 1)
    return np.where(lake.person[at] == person, lake.human[at], person)


def human_of_one(lake: Lake, person: int) -> int:
    """Return the token that stands for one."""
    return int(human_of(lake, np.array([person], np.int64))[0])


def tokens_of(lake: Lake, person: Int64) -> Int64:
    """Return all tokens of some people, ascending, each once; in a plain lake the same tokens."""
    if not isinstance(lake, HumanLake):
        return person
    # `lake.person` has only the tokens of people with several, hence the union.
    own = np.isin(lake.human, human_of(lake, person))
    return np.union1d(lake.person[own], person)


def human_notes(lake: Lake, *persons: Int64) -> Iterator[str]:
    """Say who of the people of an answer has several identifiers, and which links say so.

    Args:
        lake: where the answer comes from; of a plain one there is nothing to say.
        persons: int64[n], tokens of the people in the answer.
    """
    if not isinstance(lake, HumanLake):
        return
    if not lake.links:
        yield "the lake holds no links: each identifier counts as a person of its own"
        return
    here = people_of_several(lake, *persons)
    if here.size:
        have = "has" if here.size == 1 else "have"
        bits = int(np.bitwise_or.reduce(lake.source[np.isin(lake.human, here)]))
        yield (
            f"{counted(here.size, 'person', 'people')} here {have} several identifiers, "
            f"joined by links of {', '.join(_names(bits))}"
        )
    else:
        yield "nobody here has several identifiers"
    if lake.shared:
        are, why = "is" if lake.shared == 1 else "are", "identifiers that several people share join nobody"
        yield f"{counted(lake.shared, 'link')} {are} refused: {why}"


def people_of_several(lake: HumanLake, *persons: Int64) -> Int64:
    """Return those of some people who have several identifiers, by the token that stands for them."""
    return np.intersect1d(human_of(lake, np.concatenate(persons)), lake.human)


def link_sources(lake: Lake, *persons: Int64) -> pa.Array:
    """Return the sources of the links behind each row, sorted, joined by `;`; null where nobody is joined.

    Args:
        lake: where the answer comes from.
        persons: int64[n] each, the tokens of the people of a row.
    """
    bits = np.zeros(persons[0].size, np.int64)
    if isinstance(lake, HumanLake) and lake.person.size:
        for person in persons:
            at = np.minimum(np.searchsorted(lake.person, person), lake.person.size - 1)
            bits |= np.where(lake.person[at] == person, lake.source[at], 0)
    # One text for each combination of sources, taken by the bits of a row.
    texts = [";".join(_names(number)) or None for number in range(1 << len(LINK_SOURCES))]
    return pa.array(texts, pa.string()).take(column(bits))


def joins_of(lake: HumanLake, humans: Int64) -> pa.Table:
    """Return which identifiers of some humans links join.

    Args:
        lake: a lake of humans.
        humans: int64[h], tokens that stand for people.

    Returns:
        A row for each two tokens and source: `human person_a person_b source`, and `first` and `last`, when
        the first and the last of the links were seen that are taken.

    Raises:
        DataError: a file of `links` is missing or damaged.
    """
    from pipelines.linkage.humans import humans_of  # it loads Numba
    from pipelines.linkage.read_links import links_in

    rows = read_table(lake, "links", ["person_a", "person_b", "source", "seen_at"], version=lake.version)
    # Either end names the human of a link that is taken.
    human = human_of(lake, rows["person_a"].to_numpy())
    taken = humans_of(links_in(lake, lake.version)).taken
    joined = np.flatnonzero(np.isin(human, humans) & taken)
    if not joined.size:
        return _JOINS.empty_table()
    rows = rows.take(column(joined)).append_column("human", column(human[joined]))
    ends = _JOINS.names[:4]
    found = rows.group_by(ends).aggregate([("seen_at", "min"), ("seen_at", "max")])
    columns = [found[name] for name in (*ends, "seen_at_min", "seen_at_max")]
    return pa.table(columns, schema=_JOINS).sort_by([(name, "ascending") for name in ends])


def _names(bits: int) -> list[str]:
    return sorted(name for bit, name in enumerate(LINK_SOURCES) if bits >> bit & 1)


def _made(lake: Lake, links: Snapshot) -> HumanLake:
    if links.version == NO_TABLE:
        return HumanLake(lake.url, lake.fingerprint)
    from pipelines.linkage.humans import humans_of  # it loads Numba
    from pipelines.linkage.read_links import links_in

    rows = links_in(lake, links.version)
    found = humans_of(rows)
    humans, number = np.unique(found.human, return_counts=True)
    # The others stand for themselves, so readers need not know them.
    several = np.isin(found.human, humans[number > 1])
    person, human = found.person[several], found.human[several]
    source = read_table(lake, "links", ["source"], version=links.version)["source"]
    code = pc.index_in(source, pa.array(LINK_SOURCES)).cast(pa.int64()).to_numpy()[found.taken]
    # `humans` and `bits` are parallel: a row a human, ascending.
    owner = found.human[np.searchsorted(found.person, rows.one[found.taken])]
    bits = np.zeros(humans.size, np.int64)
    # `at`, because one human occurs many times, and plain indexing would keep one of them.
    np.bitwise_or.at(bits, np.searchsorted(humans, owner), 1 << code)
    of_token = bits[np.searchsorted(humans, human)]
    return HumanLake(
        lake.url,
        lake.fingerprint,
        person=person,
        human=human,
        source=of_token,
        version=links.version,
        links=int(rows.one.size),
        shared=found.shared,
    )


_newest = OfNewest("links", _made)
