"""What the tests share, each computed once, and which tests a kind of unit has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipelines.anomalies.bursts import bursts
from pipelines.anomalies.crowding import over_capacity
from pipelines.anomalies.device_clocks import clock
from pipelines.anomalies.off_hours import off_hours, peak_drop
from pipelines.anomalies.remote_scans import photographed, remote_scans
from pipelines.anomalies.scan_table import ScanTable
from pipelines.anomalies.tested_units import FlagTest, Units, units_by
from pipelines.anomalies.travel import TravelPairs, travel_of_persons, travel_of_venues, travel_pairs
from pipelines.anomalies.typed_lists import Delays, delays_of, typed_late
from pipelines.anomalies.visits import SeenVisits, once_a_day, one_scanner, silent_exits, visits_of
from pipelines.kernels.significance import FALSE_DISCOVERY_RATE, q_values
from pipelines.kernels.types import Bool, Int64


@dataclass(eq=False)
class Evidence:
    """Scans, and what follows from them for more than one test.

    Attributes:
        scans: of registered venues.
        find_peaks: returns the peaks of venues, as `crowding.peaks`.
    """

    scans: ScanTable
    find_peaks: Callable[[], tuple[Int64, Int64]]
    _units: dict[str, Units] = field(default_factory=dict)

    def units(self, by: str) -> Units:
        """Return the venues, scanners or persons."""
        if by not in self._units:
            self._units[by] = units_by(self.scans, by)
        return self._units[by]

    @cached_property
    def pairs(self) -> TravelPairs:
        """Consecutive scans of a person at two places."""
        return travel_pairs(self.scans)

    @cached_property
    def visits(self) -> SeenVisits:
        """SeenVisits of people who scan elsewhere too."""
        return visits_of(self.scans)

    @cached_property
    def remote(self) -> Bool:
        """Which scans lie inside a stay elsewhere."""
        return remote_scans(self.scans)

    @cached_property
    def delays(self) -> Delays:
        """How late the scans arrived."""
        return delays_of(self.scans)

    @cached_property
    def travel_of_venues(self) -> FlagTest:
        """The test of the places of venues, on which that of persons rests."""
        return travel_of_venues(self.units("venue"), self.pairs)

    @cached_property
    def photographed_venues(self) -> FlagTest:
        """The test of the posters of venues, on which that of persons rests."""
        return photographed(self.units("venue"), self.remote)


def flag_tests(evidence: Evidence, by: str) -> list[FlagTest]:
    """Make all tests of a kind of unit.

    Args:
        evidence: the scans.
        by: `venue`, `scanner` or `person`.
    """
    units = evidence.units(by)
    if by == "scanner":
        return [
            bursts(units),
            typed_late(units, evidence.delays),
            once_a_day(units, evidence.visits, by),
            clock(units, evidence.delays, by),
            one_scanner(units),
        ]
    if by == "person":
        return [
            travel_of_persons(evidence.pairs, evidence.travel_of_venues),
            photographed(units, evidence.remote, significant_units(evidence.photographed_venues)),
            clock(units, evidence.delays, by),
        ]
    return [
        evidence.travel_of_venues,
        off_hours(units),
        bursts(units),
        typed_late(units, evidence.delays),
        once_a_day(units, evidence.visits, by),
        evidence.photographed_venues,
        silent_exits(units),
        peak_drop(units),
        # Only venues need footfall, so it is read here and not before.
        over_capacity(units, *evidence.find_peaks()),
    ]


def significant_units(test: FlagTest) -> Int64:
    """Return the ids of the units of a test whose q-value is significant."""
    # The number of tests is that of the units to which this flag applies, not of all units.
    q = q_values(np.exp(test.log_p), test.log_p.size)
    flagged: Int64 = test.unit[q <= FALSE_DISCOVERY_RATE]
    return flagged
