"""What a trace runs over: the lake's stays in both orders, its encounters, and a rule as numbers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pipelines.graph.encounters import Proximity, proximity
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.graph.tracing.clipped_stays import ClippedStays, Zones, clipped_stays
from pipelines.graph.tracing.contact_criteria import Criteria, VenueClasses, criteria, venue_classes
from pipelines.graph.tracing.exposure_table import Everybody, everybody_in
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_table
from pipelines.lake.sidecar import Sidecar
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
        swept_rows: of fewer people venues are swept, too, when more rows than this lie beside their stays.
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
        tuning: how a search finds its way.
    """

    files: Files
    criteria: Criteria
    classes: VenueClasses
    near: Proximity
    until_us: int
    zones: Zones = field(default_factory=Zones)
    tuning: Tuning = field(default_factory=Tuning)

    def stays_of(self, intervals: Intervals) -> ClippedStays:
        """The stays of infectious persons, clipped to their intervals."""
        files = self.spanning("person", intervals.start_us, intervals.end_us)
        return clipped_stays(files, intervals, self.criteria, self.classes, self.zones, self.until_us)

    def beside(self, stays: ClippedStays) -> list[Sidecar]:
        """The files, in the order of venues, that may hold stays beside some."""
        return self.spanning("venue", stays.start_us, stays.reach_us)

    def all_beside(self, intervals: Intervals) -> list[Sidecar]:
        """The files, in the order of venues, that may hold a stay beside anybody while infectious."""
        indirect_us = int(self.criteria.indirect_us.max())
        return self.spanning("venue", intervals.start_us, intervals.end_us + indirect_us)

    def everybody(self) -> Everybody:
        """Everybody who has a stay."""
        return everybody_in(self.files("person", Span()))

    def spanning(self, by: str, start_us: Int64, end_us: Int64) -> list[Sidecar]:
        """The files in an order that may hold a stay reaching into one of some intervals."""
        if start_us.size == 0:
            return []
        return self.files(by, Span(int(start_us.min()), int(end_us.max())))


def network(lake: Lake, rule: Rule, until_us: int) -> TemporalGraph:
    """A lake under a rule, as far as an instant."""

    def files(by: str, span: Span) -> list[Sidecar]:
        return sidecars(live_files(lake, by, span))

    return TemporalGraph(files, criteria(rule), _classes(lake, rule), _near(lake, rule), until_us)


def _classes(lake: Lake, rule: Rule) -> VenueClasses:
    """The venues that overrides name; without overrides the registry is not read."""
    if not rule.overrides:
        return VenueClasses(np.empty(0, np.int64), np.empty(0, np.uint8))
    rows = read_table(lake, "venues", ["venue", "type"]).sort_by("venue")
    return venue_classes(rule, rows["venue"].to_numpy(), rows["type"].to_pylist())


def _near(lake: Lake, rule: Rule) -> Proximity:
    encounters = read_table(lake, "encounters", _ENCOUNTER_COLUMNS)
    if encounters.num_rows == 0:
        return Proximity(*(np.empty(0, np.int64) for _ in Proximity._fields))
    return proximity(encounters, rule.contact.max_distance_m, rule.contact.max_attenuation_db)
