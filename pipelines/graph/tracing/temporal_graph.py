"""What a trace runs over: the lake's stays in both orders, its encounters, and a rule as numbers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipelines.graph.encounters import Proximity, proximity
from pipelines.graph.stays_index import Span, files_spanning, sidecars, stay_orders
from pipelines.graph.tracing.clipped_stays import ClippedStays, Zones, clipped_stays
from pipelines.graph.tracing.contact_criteria import Criteria, VenueClasses, criteria, venue_classes
from pipelines.graph.tracing.exposure_table import AllPersons, all_persons
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, OfNewest, Snapshot, read_table
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.linkage.human_lake import HumanLake, human_of
from schemas.rules import Rule

_ENCOUNTER_COLUMNS = ["person_a", "person_b", "started_at", "ended_at", "distance_m", "attenuation_db"]

Files = Callable[[str, Span], list[Sidecar]]
"""The files of `stays` in one of its orders that hold a stay reaching into a span."""


@dataclass(frozen=True)
class Tuning:
    """Sizes from which on a search takes another way; no answer depends on them.

    Example:
        >>> Tuning(many_infectious=0).swept_rows
        2000000

    Attributes:
        many_infectious: with more people infectious than this, everybody is numbered at once, and venues
            are swept where the rule allows it.
        swept_rows: with fewer people infectious, venues are swept if more rows than this lie beside their
            stays.
    """

    many_infectious: int = 1_000
    swept_rows: int = 2_000_000


@dataclass(frozen=True)
class TemporalGraph:
    """Stays and encounters under a rule.

    Attributes:
        files: the stays.
        criteria: what makes a contact, by class of venue.
        classes: which venues are in which class.
        near: the encounters that count.
        until_us: how far the question reaches; microseconds UTC.
        zones: the numbers of zones.
        tuning: when a search takes another way.
    """

    files: Files
    criteria: Criteria
    classes: VenueClasses
    near: Proximity
    until_us: int
    zones: Zones = field(default_factory=Zones)
    tuning: Tuning = field(default_factory=Tuning)

    def stays_of(self, intervals: Intervals) -> ClippedStays:
        """Return the stays of infectious people, clipped to their intervals."""
        # By person, for the persons are few; what lies beside their stays is looked for by venue.
        files = self.spanning("person", intervals.start_us, intervals.end_us)
        return clipped_stays(files, intervals, self.criteria, self.classes, self.zones, self.until_us)

    def beside(self, stays: ClippedStays) -> list[Sidecar]:
        """Return the files, in the order of venues, that may hold stays beside some."""
        return self.spanning("venue", stays.start_us, stays.reach_us)

    def all_beside(self, intervals: Intervals) -> list[Sidecar]:
        """Return the files, in the order of venues, that may hold a stay beside anybody infectious."""
        # The longest tail of all classes: a file too many does no harm.
        return self.spanning("venue", intervals.start_us, intervals.end_us + self.criteria.reach_us)

    def all_persons(self) -> AllPersons:
        """Return everybody who has a stay."""
        return all_persons(self.files("person", Span()))

    def spanning(self, by: str, start_us: Int64, end_us: Int64) -> list[Sidecar]:
        """Return the files in an order that may hold a stay reaching into one of some intervals."""
        if start_us.size == 0:
            return []
        # One span around all of them: it chooses files only, and rows are searched in those.
        return self.files(by, Span(int(start_us.min()), int(end_us.max())))


def network(lake: Lake, rule: Rule, until_us: int) -> TemporalGraph:
    """Return the stays and encounters of a lake under a rule, up to an instant."""
    # Of one version: after a commit in the middle of a trace, a hop would meet people who have no number, for
    # everybody was numbered before.
    orders = stay_orders(lake)

    def files(by: str, span: Span) -> list[Sidecar]:
        return sidecars(files_spanning(orders[by], span))

    return TemporalGraph(files, criteria(rule), _classes(lake, rule), _near(lake, rule), until_us)


def _classes(lake: Lake, rule: Rule) -> VenueClasses:
    """Return the venues that overrides name; without overrides the registry is not read."""
    if not rule.overrides:
        return VenueClasses(np.empty(0, np.int64), np.empty(0, np.uint8))
    rows = _types(lake)
    return venue_classes(rule, rows["venue"].to_numpy(), rows["type"].combine_chunks())


def _read_types(lake: Lake, _newest: Snapshot) -> pa.Table:
    # `venue_classes` searches venues, so they ascend; types as codes, for each is looked up once.
    rows = read_table(lake, "venues", ["venue", "type"]).sort_by("venue").combine_chunks()
    return rows.set_column(1, "type", rows["type"].dictionary_encode().combine_chunks())


_types = OfNewest("venues", _read_types)


def _near(lake: Lake, rule: Rule) -> Proximity:
    encounters = read_table(lake, "encounters", _ENCOUNTER_COLUMNS)
    # Without encounters the kernel that merges them need not be loaded.
    if encounters.num_rows == 0:
        return Proximity(*(np.empty(0, np.int64) for _ in Proximity._fields))
    return proximity(
        _of_humans(lake, encounters), rule.contact.max_distance_m, rule.contact.max_attenuation_db
    )


def _of_humans(lake: Lake, encounters: pa.Table) -> pa.Table:
    """Relabel encounters for a lake of humans; two devices of one human do not meet."""
    if not isinstance(lake, HumanLake):
        return encounters
    # Relabelling may swap the two sides, and `encounters` has the smaller token first.
    one, other = (human_of(lake, encounters[name].to_numpy()) for name in ("person_a", "person_b"))
    for name, person in (("person_a", np.minimum(one, other)), ("person_b", np.maximum(one, other))):
        at = encounters.schema.get_field_index(name)
        encounters = encounters.set_column(at, encounters.schema.field(at), column(person))
    return encounters.filter(pa.array(one != other))
