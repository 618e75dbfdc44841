"""Tables of counts from a lake: what is counted, how it is rounded, and what an audit says."""

import csv
import io
import json
import random
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest

from pipelines import statistics
from pipelines.cli import main
from pipelines.disclosure import noise
from pipelines.disclosure.published_counts import table_of
from pipelines.disclosure.releases import Protection, Release
from pipelines.errors import RefusedError, ServiceError, UsageError
from tests.lakes import assert_one_line, new_lake, put_scans, put_stays, put_venues

VENUES = """
    venue_code | type       | district_code
    cafe       | restaurant | 522
    shop       | shop       | 522
    far        | shop       | 524
    lost       | market     |
    quiet      | school     | 536
"""
SCANS = """
    person | venue   | occurred_at
    an     | cafe    | 4 16:59:59
    an     | cafe    | 4 17:00
    an     | shop    | 5 01:00
    binh   | cafe    | 5 01:00
    binh   | far     | 20 01:00
    chi    | lost    | 5 02:00
    dung   | sticker | 5 03:00
"""
OPEN = {"k": 1, "base": 1}  # nothing is hidden, nothing rounded


def lake_of(tmp_path, scans=SCANS, venues=VENUES):
    lake = new_lake(tmp_path)
    put_venues(lake, venues)
    put_scans(lake, scans)
    return lake


def crowd(seed=1, people=400):
    """Scans of many people at few places over four weeks, as drawn and counted by hand."""
    chance = random.Random(seed)
    places = {"cafe": ("522", "restaurant"), "shop": ("522", "shop"), "far": ("524", "shop")}
    scans = []
    seen = defaultdict(set)
    for number in range(people):
        for _ in range(chance.randint(1, 4)):
            venue = chance.choices(list(places), [12, 3, 1])[0]
            day, hour = chance.randint(1, 28), chance.randint(0, 23)
            scans.append({"person": f"p{number}", "venue": venue, "occurred_at": f"{day} {hour:02}:30"})
            local_day = day + (hour >= 17)
            seen[places[venue][0], f"2021-W{26 + (local_day + 2) // 7}"].add(number)
    return scans, {cell: len(found) for cell, found in seen.items()}


def rows_of(answer):
    first = answer.column_names[0]
    return {row.pop(first): row for row in answer.to_pylist()}


def test_people_by_district_and_week_are_counted_by_hand(tmp_path):
    """Midnight in Vietnam is 17:00 UTC; 2021-07-05 is a Monday; a week without a scan has a column."""
    answer = statistics(lake_of(tmp_path), "district", "week", **OPEN)
    assert answer.column_names == ["district", "2021-W26", "2021-W27", "2021-W28", "2021-W29", "total"]
    assert [list(row.values()) for row in answer.to_pylist()] == [
        ["522", 1, 2, 0, 0, 3],
        ["524", 0, 0, 0, 1, 1],
        ["536", 0, 0, 0, 0, 0],
        ["none", 0, 2, 0, 0, 2],
        ["total", 1, 4, 0, 1, 6],
    ]


def test_scans_by_type_and_day(tmp_path):
    rows = rows_of(statistics(lake_of(tmp_path), "type", "day", measure="scans", **OPEN))
    assert list(rows) == ["market", "restaurant", "school", "shop", "none", "total"]
    assert len(rows["total"]) == 17 + 1  # 4 to 20 July, and the total
    assert rows["restaurant"] | {"total": 3} == rows["restaurant"]
    assert (rows["restaurant"]["2021-07-04"], rows["restaurant"]["2021-07-05"]) == (1, 2)
    assert rows["total"]["total"] == 7


def test_stays_are_counted_where_they_begin(tmp_path):
    lake = lake_of(tmp_path)
    put_stays(
        lake,
        "person|venue|enter|exit\nan|cafe|4 16:00|4 18:00\nan|cafe|5 10:00|5 11:00\nbinh|far|5 10:00|5 11:00",
    )
    rows = rows_of(statistics(lake, "week", "district", measure="stays", **OPEN))
    assert list(rows) == ["2021-W26", "2021-W27", "total"]
    assert rows["2021-W27"] == {"522": 1, "524": 1, "536": 0, "total": 2}


def test_a_crowd_is_counted_as_by_a_slow_recount(tmp_path):
    scans, expected = crowd()
    rows = rows_of(statistics(lake_of(tmp_path, scans), "district", "week", **OPEN))
    found = {(row, column): count for row, line in rows.items() for column, count in line.items()}
    assert {cell: found[cell] for cell in expected} == expected
    assert found["total", "total"] == sum(expected.values())
    assert sum(count for (row, column), count in found.items() if "total" not in (row, column)) == sum(
        expected.values()
    )


def test_small_counts_are_hidden_with_what_would_tell_them_and_the_rest_is_rounded(tmp_path):
    scans, expected = crowd()
    rows = rows_of(statistics(lake_of(tmp_path, scans), "district", "week"))
    small = [cell for cell, count in expected.items() if count < 11]
    hidden = [cell for cell in expected if rows[cell[0]][cell[1]] is None]
    assert small
    assert set(small) <= set(hidden)
    assert len(hidden) > len(small)
    for cell in set(expected) - set(hidden):
        assert rows[cell[0]][cell[1]] == 5 * ((expected[cell] + 2) // 5)
    assert rows["536"] == dict.fromkeys(rows["536"], 0)  # zeros are shown


def test_an_audit_says_what_a_reader_derives_and_releases_nothing(tmp_path):
    lake = lake_of(tmp_path, crowd()[0])
    audit = statistics(lake, audit=True)
    assert audit.column_names == ["district", "week", "low", "high"]
    assert audit.num_rows
    assert not (tmp_path / "lake.releases").exists()
    rows = rows_of(statistics(lake))
    hidden = [(row, week) for row, line in rows.items() for week, count in line.items() if count is None]
    assert [(row["district"], row["week"]) for row in audit.to_pylist()] == hidden
    assert all(row["low"] <= 1 for row in audit.to_pylist())
    assert all(row["high"] is None or row["high"] >= 11 for row in audit.to_pylist())
    assert statistics(lake, audit=True).equals(audit)  # of the table that was released


def test_an_audit_of_a_table_that_hides_nothing_warns_of_nothing(tmp_path):
    audit = statistics(lake_of(tmp_path), audit=True, **OPEN)
    assert audit.num_rows == 0
    assert "An empty answer is not safety." not in list(audit.lines())


def test_a_lake_without_scans_has_rows_of_zero(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    assert statistics(lake, "district", "week").to_pylist()[-1] == {"district": "total", "total": 0}
    assert statistics(lake, "week", "type", measure="scans").to_pylist() == [
        {"week": "total", "market": 0, "restaurant": 0, "school": 0, "shop": 0, "total": 0}
    ]


def test_a_single_scan_shows_nothing_but_where_nobody_was(tmp_path):
    answer = statistics(lake_of(tmp_path, "person|venue|occurred_at\nan|cafe|5 01:00"))
    rows = rows_of(answer)
    assert rows["522"] == rows["total"] == {"2021-W27": None, "total": None}
    assert rows["524"] == {"2021-W27": 0, "total": 0}


def test_a_district_that_is_called_like_a_total_is_told_from_it(tmp_path):
    venues = "venue_code|type|district_code\ncafe|shop|total\nshop|shop|none\nfar|shop|type"
    answer = statistics(lake_of(tmp_path, venues=venues), "type", "district", measure="scans", **OPEN)
    assert answer.column_names == [
        *("type", "district none", "district total", "district type", "none", "total"),
    ]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"rows": "venue"}, "--rows must be one of"),
        ({"columns": "hour"}, "--columns must be one of"),
        ({"measure": "cases"}, "--measure must be one of"),
        ({"rows": "week"}, "must not both be a time"),
        ({"rows": "day"}, "must not both be a time"),
        ({"k": 0}, "--k must be an integer from 1"),
        ({"base": 0}, "--round must be an integer from 1"),
        ({"epsilon": 0.0}, "--epsilon must be a number > 0"),
        ({"epsilon": float("nan")}, "--epsilon must be a number > 0"),
        ({"epsilon": 1.0, "measure": "scans"}, "--epsilon needs --measure people"),
        ({"epsilon": 1.0, "audit": True}, "--audit does not go with --epsilon"),
    ],
)
def test_a_malformed_question_is_refused(tmp_path, question, said):
    with pytest.raises(UsageError, match=said):
        statistics(new_lake(tmp_path), **question)


def test_noise_is_drawn_once_and_released_again(tmp_path):
    scans, expected = crowd(people=1200)
    lake = lake_of(tmp_path, scans)
    first = statistics(lake, epsilon=2.0, base=1)
    assert statistics(lake, epsilon=2.0, base=1).equals(first)
    rows = rows_of(first)
    off = [abs(rows[row][week] - count) for (row, week), count in expected.items() if count > 100]
    assert any(off)
    assert np.mean(off) < 30  # scale 2.5, and those who are in more than five cells
    with pytest.raises(RefusedError, match="every further table tells more"):
        statistics(lake, epsilon=1.0, base=1)
    with pytest.raises(RefusedError, match="every further table tells more"):
        statistics(lake)


def test_a_person_counts_in_no_more_cells_of_a_week_than_the_noise_is_made_for(tmp_path, monkeypatch):
    monkeypatch.setattr(noise, "noisy", lambda counts, epsilon: counts)
    scans = [
        {"person": "an", "venue": venue, "occurred_at": f"{day} 01:00"}
        for day in range(5, 12)
        for venue in ("cafe", "shop", "far")
    ]
    rows = rows_of(statistics(lake_of(tmp_path, scans), "district", "day", epsilon=1.0, base=1))
    assert rows["total"]["total"] == 5  # of 14 cells
    assert "none" in rows


def test_noise_without_opendp_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    monkeypatch.setitem(sys.modules, "opendp", None)
    with pytest.raises(ServiceError, match=r"pip install 'truyvet\[dp\]'"):
        statistics(lake_of(tmp_path), epsilon=1.0)


def test_nothing_but_the_answer_is_written_to_standard_output(tmp_path):
    """HiGHS prints a banner when it is made."""
    lake = lake_of(tmp_path, crowd()[0])
    words = ["statistics", "--lake", lake.url, "--format", "csv"]
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words], capture_output=True, check=True, text=True
    )
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0][0] == "district"
    assert {len(row) for row in rows} == {len(rows[0])}
    assert "" in {cell for row in rows for cell in row}
    assert "HiGHS" not in done.stdout + done.stderr


def test_the_command_answers_and_refuses_in_one_line(tmp_path, capsys):
    lake = lake_of(tmp_path, crowd()[0])
    words = ["statistics", "--lake", lake.url, "--rows", "district", "--columns", "week"]
    assert main([*words, "--format", "json"]) == 0
    first = capsys.readouterr()
    assert json.loads(first.out)[-1]["district"] == "total"
    assert "counts from 1 to 10" in first.err
    assert main([*words, "--format", "json"]) == 0
    assert capsys.readouterr().out == first.out
    assert main([*words, "--k", "5"]) == 5
    assert_one_line(capsys.readouterr(), "--k 11 --round 5")
    assert main([*words[:4], "type"]) == 5
    assert_one_line(capsys.readouterr(), "as people by district and week")


def test_a_release_is_a_table_with_its_types():
    release = Release("people by type and day", Protection(11, 5), {}, ("type", "total"), (("total", None),))
    table = table_of(release)
    assert table.schema.types == ["string", "int64"]
    assert table.to_pylist() == [{"type": "total", "total": None}]
