"""The nearest scans on unread dates, out of files of stays."""

import numpy as np
import pytest

from pipelines.lake import snapshot
from pipelines.windowing.recompute_stays import recompute
from pipelines.windowing.stay_neighbours import first_lone_out_after, last_open_before
from tests.windowing import lakes, worlds
from tests.windowing.reference import Scan

KINDS = {0: "shop", 1: "office", 2: "home"}
DAY = worlds.BASE // worlds.DAY


@pytest.fixture
def files(tmp_path):
    lake = lakes.new_lake(tmp_path)
    lakes.set_venues(lake, KINDS)
    scans = [
        (1, 1, 9, "in"),
        (1, 0, 10, "in"),
        (1, 2, 33, "in"),
        (1, 1, 60, "out"),
        (2, 1, 9, "out"),
        (3, 1, 100, "in"),
    ]
    lakes.add_scans(
        lake,
        [
            Scan(person, venue, at(hours), way, bytes([number]) * 16, None, KINDS[venue])
            for number, (person, venue, hours, way) in enumerate(scans)
        ],
    )
    recompute(lake, rules=worlds.RULES)
    return [file for file in snapshot(lake, "stays").files if file.partition["by"] == "person"]


def at(hours):
    return worlds.BASE + hours * worlds.HOUR


def asked(search, files, unread, *queries):
    persons, hours = (np.array(column, np.int64) for column in zip(*queries, strict=True))
    found = search(files, [DAY + day for day in unread], persons, at(hours))
    return [
        (int(venue), int((us - worlds.BASE) // worlds.HOUR)) if fits else None
        for fits, venue, us in zip(found.found, found.venue, found.at_us, strict=True)
    ]


def test_the_last_scan_before_counts_if_no_out_closed_it(files):
    every = range(9)
    queries = [(1, 200), (1, 60), (1, 33), (1, 10), (1, 9), (2, 99), (3, 101), (9, 99)]
    found = asked(last_open_before, files, every, *queries)
    assert found == [None, (2, 33), (0, 10), (1, 9), None, None, (1, 100), None]


def test_the_first_scan_after_counts_if_it_is_an_out_that_began_a_stay(files):
    every = range(9)
    queries = [(1, 33), (1, 34), (1, 60), (1, 8), (2, 0), (2, 9), (3, 0), (9, 0)]
    found = asked(first_lone_out_after, files, every, *queries)
    assert found == [(1, 60), (1, 60), None, None, (1, 9), None, None, None]


def test_only_scans_on_the_unread_dates_are_found(files):
    assert asked(last_open_before, files, [0], (1, 60)) == [(0, 10)]
    assert asked(first_lone_out_after, files, [0, 1], (1, 34)) == [None]
    assert asked(last_open_before, files, [], (1, 60)) == [None]
