"""The table `humans`: written when links change, the same in any order of batches, and checked."""

import numpy as np
import pyarrow as pa

from pipelines.checkup.table_checks import lag
from pipelines.drivers.recompute import bring_up_to_date
from pipelines.lake import commit, open_lake, read_table, snapshot, write_data_file
from pipelines.linkage.write_humans import is_of_its_links, refresh_humans
from pipelines.maintenance.compact import compact
from pipelines.maintenance.verify import verify
from pipelines.privacy.keys import load_keys, token
from pipelines.query import connect
from schemas.tables import HUMANS
from tests.ingest.test_link_files import LINKS, SCANS, batches

MINE = {"seen_at": "2021-07-02T08:00:00+07:00", "source": "registration", "self": True}
MORE = [{"person_a": "device:mine", "person_b": "cccd:051200000001", **MINE}]


def humans_of_lake(folder, name):
    return read_table(open_lake(str(folder / name)), "humans").to_pylist()


def of(folder, rows, person):
    """The row of an identifier."""
    mine = token(load_keys(folder / "keys"), person)
    return next(row for row in rows if row["person"] == mine)


def test_the_table_holds_every_token_of_any_link_and_is_the_same_in_any_order(tmp_path):
    parts = [("links", LINKS), ("scans", SCANS), ("links", MORE)]
    batches(tmp_path, "one", *parts)
    batches(tmp_path, "other", *parts[::-1])
    rows = humans_of_lake(tmp_path, "one")
    assert rows == humans_of_lake(tmp_path, "other")
    links = read_table(open_lake(str(tmp_path / "one")), "links")
    ends = np.concatenate([links[name].to_numpy() for name in ("person_a", "person_b")])
    assert [row["person"] for row in rows] == np.unique(ends).tolist()
    # Two cards showed this phone, so it is nobody's; the device is of the one who registered it.
    phone = of(tmp_path, rows, "phone:+84905123456")
    assert (phone["human"], phone["links"]) == (phone["person"], 0)
    mine = [of(tmp_path, rows, one) for one in ("cccd:051200000001", "cmnd:212345678", "device:mine")]
    assert {row["human"] for row in mine} == {min(row["person"] for row in mine)}
    assert [row["links"] for row in mine] == [2, 1, 1]


def test_it_is_written_where_links_change_and_nowhere_else(tmp_path):
    batches(tmp_path, "lake", ("scans", [{**SCANS[0], "person_code": None, "person": "device:alone"}]))
    lake = open_lake(str(tmp_path / "lake"))
    assert snapshot(lake, "humans").version == -1
    batches(tmp_path, "lake", ("links", LINKS))
    first = snapshot(lake, "humans")
    assert (first.version, first.marks["links_version"]) == (0, snapshot(lake, "links").version)
    bring_up_to_date(lake)
    bring_up_to_date(lake, everything=True)
    assert snapshot(lake, "humans").version == 0
    batches(tmp_path, "lake", ("links", MORE))
    compact(lake, 0)
    assert snapshot(lake, "humans").marks["links_version"] == snapshot(lake, "links").version
    assert lag(lake).state == "ok"
    assert not verify(lake).problems
    # Statistics in the log show 12 bits of a token.
    stats = snapshot(lake, "humans").files[0].stats
    assert {stats.least[name] % 2**52 for name in ("person", "human")} == {0}


def test_a_table_that_is_not_what_the_links_show_is_found_and_mended(tmp_path):
    batches(tmp_path, "lake", ("links", LINKS))
    lake = open_lake(str(tmp_path / "lake"))
    live = snapshot(lake, "humans")
    rows = read_table(lake, "humans")
    wrong = rows.set_column(1, HUMANS.schema.field(1), pa.array(rows["person"][:1].to_pylist() * 3))
    file = write_data_file(lake, HUMANS, {}, wrong.combine_chunks())
    commit(lake, "humans", [file], remove=live.files, after=live.version)
    assert not is_of_its_links(lake)
    assert [one.problem for one in verify(lake).problems] == ["it is not what the links show"]
    refresh_humans(lake, everything=True)
    assert is_of_its_links(lake)
    assert not verify(lake).problems


def test_analysts_see_it_as_a_view(tmp_path):
    batches(tmp_path, "lake", ("links", LINKS))
    with connect(str(tmp_path / "lake"), verify=True) as tables:
        counts = tables.sql("SELECT count(*), count(DISTINCT human), sum(links) FROM humans")
        assert counts.fetchall() == [(3, 3, 0)]


def test_of_links_that_are_all_gone_an_empty_table_is_left(tmp_path):
    batches(tmp_path, "lake", ("links", LINKS))
    lake = open_lake(str(tmp_path / "lake"))
    links = snapshot(lake, "links")
    commit(lake, "links", [], remove=links.files, after=links.version)
    assert lag(lake).state == "warn"
    bring_up_to_date(lake)
    bring_up_to_date(lake, everything=True)
    assert snapshot(lake, "humans").version == 1
    assert read_table(lake, "humans").num_rows == 0
    assert lag(lake).state == "ok"
    assert not verify(lake).problems
