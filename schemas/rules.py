"""Rule packs: who counts as a contact, when, and how far the chain goes.

A pack is versioned data in TOML. What a key leaves unsaid has the default
written at its field here.
"""

import datetime as dt
import difflib
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pipelines.errors import UsageError
from schemas.stay_rules import VENUE_TYPES
from schemas.toml_file import read_toml, refuse_unknown, table_of, text_of

RULES_FOLDER = Path(__file__).with_name("rules")
DEFAULT_RULE = "who-2020-12"

Accumulate = Literal["each", "24h", "window"]


class RuleError(UsageError):
    """A rule pack cannot be used; names the file and the key."""


@dataclass(frozen=True)
class Infectious:
    """The infectious window of a case, in days of 86,400 s.

    Attributes:
        days_before_onset: how long before the onset it begins.
        days_before_sample: the same before the sample, for cases without onset.
        days_after: how long after that same onset or sample it ends; None means no limit.
    """

    days_before_onset: float = 0.0
    days_before_sample: float = 0.0
    days_after: float | None = None


@dataclass(frozen=True)
class Contact:
    """What makes two people contacts.

    Attributes:
        min_minutes: how long the contact must last; it is above zero in any case.
        accumulate: in one interval, within 24 hours, or over the whole time.
        indirect_minutes: how long after the infectious one has left a stay still counts.
        same_zone: whether both must have been in one zone; an unknown zone matches any.
        max_distance_m: encounters beyond it do not count; inclusive; None means no limit.
        max_attenuation_db: the same by signal attenuation.
    """

    min_minutes: float = 0.0
    accumulate: Accumulate = "each"
    indirect_minutes: float = 0.0
    same_zone: bool = False
    max_distance_m: float | None = None
    max_attenuation_db: float | None = None


@dataclass(frozen=True)
class Chain:
    """How contacts of contacts follow.

    Attributes:
        latency_hours: how long after the exposure a contact can pass infection on.
        max_tier: the last tier listed; 1 is F1.
    """

    latency_hours: float = 0.0
    max_tier: int = 1


@dataclass(frozen=True)
class Override:
    """What makes two people contacts at venues of one type, summed apart from the rest."""

    venue_type: str
    contact: Contact


@dataclass(frozen=True)
class Rule:
    """A rule pack.

    Attributes:
        id: what `--rule` and the rows of a trace call it.
        title: its name for people.
        source: who said so, and where.
        valid_from: the first day it held.
        valid_to: the last day it held; None means that no end is known.
        omits: what the real rule says that this pack leaves out, a sentence each.
        overrides: at most one per venue type.
    """

    id: str
    title: str
    source: str
    valid_from: dt.date
    valid_to: dt.date | None
    omits: tuple[str, ...]
    infectious: Infectious
    contact: Contact
    chain: Chain
    overrides: tuple[Override, ...]

    def contact_at(self, venue_type: str) -> Contact:
        """Return what makes two people contacts at a venue of this type."""
        for override in self.overrides:
            if override.venue_type == venue_type:
                return override.contact
        return self.contact


def shipped_rules() -> list[str]:
    """List the ids of the packs that come with the package, sorted."""
    return sorted(path.stem for path in RULES_FOLDER.glob("*.toml"))


def rule_file(id_or_path: str) -> Path:
    """The file of a pack that `load_rule` reads."""
    return RULES_FOLDER / f"{id_or_path}.toml" if id_or_path in shipped_rules() else Path(id_or_path)


def load_rule(id_or_path: str) -> Rule:
    """Load a pack by the id of a shipped one, else by the path of a file.

    Raises:
        RuleError: neither, or the pack is wrong; names the key.
    """
    if id_or_path in shipped_rules():
        # Only shipped packs are cached: a file of the user's may be edited while a process runs.
        return _load_shipped(RULES_FOLDER / f"{id_or_path}.toml")
    path = Path(id_or_path)
    if path.suffix != ".toml" and not path.is_file():
        close = difflib.get_close_matches(id_or_path, shipped_rules(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise RuleError(
            f"--rule {id_or_path} is unknown",
            f"{hint}name one of {' '.join(shipped_rules())}, or a .toml file",
        )
    return _load(path, shipped=False)


@functools.cache
def _load_shipped(path: Path) -> Rule:
    """Read a file of the package, which does not change while a process runs."""
    return _load(path, shipped=True)


def _load(path: Path, *, shipped: bool) -> Rule:
    """Read and check one file.

    Raises:
        RuleError: naming the file and the key.
    """
    try:
        return _rule_of(path, read_toml(path), shipped=shipped)
    except RuleError:
        raise
    except UsageError as error:
        raise RuleError(error.what, error.remedy) from error


def _rule_of(path: Path, tables: Mapping[str, Any], *, shipped: bool) -> Rule:
    where = str(path)
    own = ("id", "title", "source", "valid_from", "valid_to", "omits")
    refuse_unknown(where, tables, (*own, "infectious", "contact", "chain", "override"))
    if "contact" not in tables:
        raise RuleError(f"{where}: [contact] is missing", "write [contact], even with no key below it")
    identity = text_of(where, tables, "id")
    if shipped and identity != path.stem:
        raise RuleError(f"{where}: id must be the name of the file", f'write id = "{path.stem}"')
    valid_from, valid_to = _date_of(where, tables, "valid_from"), _date_of(where, tables, "valid_to")
    if valid_from is None:
        raise RuleError(f"{where}: valid_from is missing", "write valid_from = 2020-12-31")
    if valid_to is not None and valid_to < valid_from:
        raise RuleError(f"{where}: valid_to must not be before valid_from", "swap them")
    omits = _texts_of(where, tables, "omits")
    if shipped and not omits:
        raise RuleError(f"{where}: omits is missing", "say what the pack leaves out of the real rule")
    contact = _contact_of(f"{where} [contact]", table_of(where, tables, "contact"), Contact())
    return Rule(
        id=identity,
        title=text_of(where, tables, "title"),
        source=text_of(where, tables, "source"),
        valid_from=valid_from,
        valid_to=valid_to,
        omits=omits,
        infectious=_infectious_of(f"{where} [infectious]", table_of(where, tables, "infectious")),
        contact=contact,
        chain=_chain_of(f"{where} [chain]", table_of(where, tables, "chain")),
        overrides=_overrides_of(where, tables, contact),
    )


def _infectious_of(where: str, given: Mapping[str, Any]) -> Infectious:
    refuse_unknown(where, given, _keys(Infectious))
    before_onset = _number(where, given, "days_before_onset", 0.0)
    return Infectious(
        days_before_onset=before_onset,
        # Where the pack does not say, as long as before the onset.
        days_before_sample=_number(where, given, "days_before_sample", before_onset),
        days_after=_number_or_none(where, given, "days_after", None),
    )


def _contact_of(where: str, given: Mapping[str, Any], inherited: Contact) -> Contact:
    """Take the keys that are given, and the others from what is inherited."""
    refuse_unknown(where, given, _keys(Contact))
    accumulate = given.get("accumulate", inherited.accumulate)
    if accumulate not in get_args(Accumulate):
        raise RuleError(f"{where}: accumulate is unknown", f"choose one of {' '.join(get_args(Accumulate))}")
    same_zone = given.get("same_zone", inherited.same_zone)
    if not isinstance(same_zone, bool):
        raise RuleError(f"{where}: same_zone must be true or false", "write same_zone = true")
    return Contact(
        min_minutes=_number(where, given, "min_minutes", inherited.min_minutes),
        accumulate=cast(Accumulate, accumulate),
        indirect_minutes=_number(where, given, "indirect_minutes", inherited.indirect_minutes),
        same_zone=same_zone,
        max_distance_m=_number_or_none(where, given, "max_distance_m", inherited.max_distance_m),
        max_attenuation_db=_number_or_none(where, given, "max_attenuation_db", inherited.max_attenuation_db),
    )


def _chain_of(where: str, given: Mapping[str, Any]) -> Chain:
    refuse_unknown(where, given, _keys(Chain))
    max_tier = given.get("max_tier", 1)
    if not isinstance(max_tier, int) or isinstance(max_tier, bool) or max_tier < 1:
        raise RuleError(f"{where}: max_tier must be an integer ≥ 1 (1 = F1)", "write max_tier = 2")
    return Chain(latency_hours=_number(where, given, "latency_hours", 0.0), max_tier=max_tier)


def _overrides_of(where: str, tables: Mapping[str, Any], contact: Contact) -> tuple[Override, ...]:
    given = tables.get("override", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise RuleError(f"{where}: override must be a list of tables", "write [[override]]")
    overrides: list[Override] = []
    for one in given:
        here = f"{where} [[override]]"
        venue_type = text_of(here, one, "venue_type")
        if venue_type not in VENUE_TYPES:
            raise RuleError(f"{here}: venue_type is unknown", f"choose one of {' '.join(VENUE_TYPES)}")
        if venue_type in [other.venue_type for other in overrides]:
            raise RuleError(f"{here}: venue_type {venue_type} has two overrides", "merge them")
        keys = {key: value for key, value in one.items() if key != "venue_type"}
        overrides.append(Override(venue_type, _contact_of(here, keys, contact)))
    return tuple(overrides)


def _keys(kind: type[Infectious] | type[Contact] | type[Chain]) -> list[str]:
    return [field.name for field in fields(kind)]


def _number(where: str, given: Mapping[str, Any], key: str, default: float) -> float:
    """Check a finite number ≥ 0.

    Raises:
        RuleError: the key holds something else.
    """
    value = given.get(key, default)
    # In Python `true` is an integer; TOML also knows nan and inf.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:
        raise RuleError(f"{where}: {key} must be a number ≥ 0", f"write {key} = 15")
    return float(value)


def _number_or_none(where: str, given: Mapping[str, Any], key: str, default: float | None) -> float | None:
    return _number(where, given, key, 0.0) if key in given else default


def _date_of(where: str, given: Mapping[str, Any], key: str) -> dt.date | None:
    """Check a TOML date; a date with a time is refused."""
    value = given.get(key)
    # Not isinstance: a datetime is a date too.
    if value is not None and type(value) is not dt.date:
        raise RuleError(f"{where}: {key} must be a date", f"write {key} = 2020-12-31, without quotes")
    return value


def _texts_of(where: str, given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Check a text or a list of texts; an absent key gives no texts."""
    value = given.get(key, [])
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RuleError(f"{where}: {key} must be a string or a list of strings", f'write {key} = ["…"]')
    return tuple(text for text in texts if text.strip())
