import json
import re
from collections import Counter

import numpy as np
import pytest

from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.scans import ParseSettings, parse
from pipelines.privacy.keys import create_keys
from pipelines.simulate.malformed import FLAW_COUNT, FLAWS, UNUSUAL, special_line
from pipelines.times import parse_instant
from tests.simulate.worlds import lines_of

FIELDS = {
    "event_id": "0123456789abcdef",
    "person": "phone:+84301234567",
    "venue": "QN522-SH-00042",
    "zone": "T1",
    "direction": "in",
    "occurred_at": "2021-08-01T08:30:00+07:00",
    "scan_mode": "self",
    "scanner": "R-QN522-SH-00042-1",
}
NOW_US = parse_instant("2021-08-08T00:00:00+07:00")
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    keys = create_keys(tmp_path_factory.mktemp("keys") / "lake.keys")
    return ParseSettings(keys, NOW_US - 60 * DAY_US, NOW_US + DAY_US)


def judged(lines, settings):
    """Return the parsed scans and, for each line in turn, the reason why ingest refuses it or `accepted`."""
    parsed = parse(Lines(0, np.frombuffer(b"\n".join(lines) + b"\n", np.uint8)), 0, settings)
    refused = zip(parsed.refused_row.tolist(), parsed.refused_reason.tolist(), strict=True)
    scans = zip(*(parsed.scans[name].to_pylist() for name in ("row", "fault")), strict=True)
    verdict = [reason for _, reason in sorted([*refused, *scans])]
    assert len(verdict) == len(lines)
    return parsed.scans, [REASONS[reason] if reason else "accepted" for reason in verdict]


def test_every_flaw_is_refused_for_the_reason_it_is_made_for(settings):
    flaws = range(2, FLAW_COUNT + 1)  # the first is refused only beside the scan it conflicts with
    _, verdict = judged([special_line(flaw, FIELDS) for flaw in flaws], settings)
    assert verdict == [FLAWS[flaw - 1].reason for flaw in flaws]


def test_the_flaws_cover_every_reason_that_records_themselves_can_give():
    assert {flaw.reason for flaw in FLAWS} == set(REASONS) - {"", "past_retention", "erased"}


def test_unusual_lines_mean_what_the_plain_line_means(settings):
    lines = [special_line(FLAW_COUNT + 1 + dress, FIELDS) for dress in range(len(UNUSUAL))]
    plain = json.dumps(FIELDS).encode()
    scans, verdict = judged([plain, *lines], settings)
    assert set(verdict) == {"accepted"}
    meant = {tuple(row.values()) for row in scans.select(["venue", "occurred_us", "person"]).to_pylist()}
    assert len(meant) == 1


def test_malformed_and_unusual_records_come_by_their_shares(perfect_world):
    _, report = perfect_world(malformed=0.1, unusual=0.1)
    expected = report["expected"]["scans"]
    assert abs(expected["rejected"] / expected["received"] - 0.1) < 0.02
    assert abs(report["made"]["scans"]["unusual"] / expected["received"] - 0.1) < 0.02


def test_ingest_refuses_what_the_report_expects(perfect_world, settings):
    folder, report = perfect_world(malformed=0.1, unusual=0.1)
    _, verdict = judged(lines_of(folder), settings)
    found = Counter(verdict)
    expected = report["expected"]["scans"]
    conflicts = expected["reasons"]["conflicting_event_id"]  # found when all scans are seen together
    assert found["accepted"] == expected["accepted"] + conflicts
    assert {r: n for r, n in expected["reasons"].items() if r != "conflicting_event_id"} == {
        reason: number for reason, number in found.items() if reason != "accepted"
    }


def test_a_conflicting_scan_follows_the_one_whose_id_it_has(perfect_world):
    folder, report = perfect_world(malformed=0.1)
    plain = re.compile(rb'\{"event_id":"(?P<id>[0-9a-f]{16})",.*"direction":"(?P<direction>in|out)",.*\}')
    seen, conflicts = {}, 0
    for line in filter(plain.fullmatch, lines_of(folder)):
        found = plain.fullmatch(line)
        conflicts += seen.setdefault(found["id"], found["direction"]) != found["direction"]
    assert conflicts == report["expected"]["scans"]["reasons"]["conflicting_event_id"] > 0
