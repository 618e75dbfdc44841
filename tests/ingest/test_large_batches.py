"""What is done for large batches alone makes the same lake: many blocks a chunk, lines read alone."""

import pytest

from pipelines.drivers.run import run
from pipelines.ingest import parse_step as split
from pipelines.ingest.formats import ndjson as ndjson_reader
from pipelines.ingest.formats.discovery import discover as inputs
from pipelines.ingest.refused import rejects
from pipelines.kernels import sort as arrays
from pipelines.privacy.keys import create_keys
from pipelines.simulate import Knobs, simulate
from pipelines.times import parse_instant
from tests.runtime.engines.same import differences


@pytest.fixture
def land(tmp_path):
    """Lands the same simulated files in a new lake, and gives it and its report."""
    flaws = Knobs(duplicates=0.1, malformed=0.02, clocks_broken=0.05)
    made = simulate(tmp_path / "files", people=120, venues=20, days=3, seed=5, knobs=flaws)
    create_keys(tmp_path / "keys")

    def landed(name):
        lake = str(tmp_path / name)
        report = run(
            lake,
            [str(tmp_path / "files/scans"), str(tmp_path / "files/late")],
            venues=[str(tmp_path / "files/venues.csv")],
            keys=str(tmp_path / "keys"),
            now_us=parse_instant(made["now"]),
        )
        return lake, report

    return landed


def refusals(report):
    """Return the notes on refused records; unknown columns are looked for in some lines of every block."""
    return [note for note in report.notes if " refused as " in note]


def test_a_large_batch_makes_the_lake_that_it_would_make_if_it_were_small(land, monkeypatch):
    small, report = land("small")
    assert min(report.reasons[name] for name in ("too_old", "conflicting_event_id", "malformed")) > 0
    alone = []

    def lines_at(chunk, rows):
        alone.extend(rows)
        return ndjson_reader.lines_at(chunk, rows)

    monkeypatch.setattr(inputs, "_MANY_BYTES", 1 << 12)
    monkeypatch.setattr(inputs, "CHUNK_BYTES", 1 << 14)
    monkeypatch.setattr(split, "read_blocks", lambda chunk: ndjson_reader.read_ndjson(chunk, 1 << 12))
    monkeypatch.setattr(split, "_ROWS_AT_ONCE", 200)
    monkeypatch.setattr(rejects, "_AROUND_A_LINE", 0)
    monkeypatch.setattr(rejects, "lines_at", lines_at)
    monkeypatch.setattr(arrays, "_MANY_ROWS", 100)
    large, again = land("large")
    assert again.counts() == report.counts()
    assert refusals(again) == refusals(report)
    assert len(alone) >= report.reasons["too_old"] + report.reasons["conflicting_event_id"]
    assert differences(small, large) == []
