"""The notebook of adoption runs on a lake; its intervals are those of the package."""

import re

import pytest

from pipelines.ascertainment.adoption_rows import wilson
from tests.lakes import new_lake, put_scans, put_venues
from tests.notebooks.running import (
    assert_kept_outputs_are_whole,
    assert_no_logic,
    has_picture,
    run_on,
    said,
)

VENUES = """
    venue_code | name    | type       | district_code | lat  | lon
    cafe       | Quán A  | restaurant | 522           | 15.1 | 108.8
    unused     | Chợ B   | market     | 522           | 15.2 | 108.7
    silent     | Hàng C  | shop       | 536           | 15.4 | 109.1
    lost       | Hàng D  | shop       | 522           |      |
"""
SCANS = """
    person | venue  | occurred_at
    an     | cafe   | 20 01:00
    binh   | cafe   | 20 02:00
    an     | silent | 10 02:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_scans(lake, SCANS)
    return lake


def test_the_notebook_runs_on_a_lake_and_shows_what_adoption_answers(lake, monkeypatch):
    cells = run_on("adoption", lake, monkeypatch)
    assert "Thành phố Quảng Ngãi" in said(cells["table"])
    assert [name for name in cells if has_picture(cells[name])] == ["intervals", "funnel", "map"]
    (counts,) = re.findall(r"│\s+(\d+) │\s+(\d+) │\s+(\d+) │", said(cells["officer"]))
    assert counts == ("2", "1", "1")  # of the café two people scan, each once a day
    assert "Chợ B" in said(cells["officer"])


def test_the_intervals_are_those_of_the_ranks(monkeypatch, lake):
    """The SQL of the notebook, run on two areas, gives the limits that decide the ranges of ranks."""
    import duckdb
    import pyarrow as pa

    from tests.notebooks.running import notebook

    (source,) = [cell.source for cell in notebook("adoption").cells if cell.id == "intervals"]
    statement = re.search(r'duckdb\.sql\("""(.*?)"""\)', source, re.DOTALL).group(1)
    counts = {"a": (3, 1000), "b": (0, 40)}
    rows = pa.table(
        {
            "name": list(counts),
            "active_7d": [active for active, _ in counts.values()],
            "population": [people for _, people in counts.values()],
            **{name: [1, 2] for name in ("rank", "rank_low", "rank_high")},
        }
    )
    found = {
        row["name"]: row
        for row in duckdb.from_arrow(rows).query("rows", statement).to_arrow_table().to_pylist()
    }
    for name, (active, people) in counts.items():
        limits = [found[name]["low"] / 1e5, found[name]["high"] / 1e5]
        assert limits == pytest.approx(wilson(active, people), rel=1e-3, abs=1e-9)


def test_its_outputs_are_kept_and_it_holds_no_logic():
    assert_kept_outputs_are_whole("adoption")
    assert_no_logic("adoption")
