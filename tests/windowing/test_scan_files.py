import numpy as np
import pytest

from pipelines.errors import DataError
from pipelines.lake import snapshot
from pipelines.registry.registry import Registry
from pipelines.windowing.scan_files import Registries, ScanFile, holds_any, read_batches
from tests.windowing import lakes, worlds
from tests.windowing.reference import Scan

NEVER = np.iinfo(np.int64).max


def registry(*rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return Registry(
        np.array(columns[0], np.int64), np.array(columns[1], np.int16), np.array(columns[2], np.int64)
    )


def test_changed_venues_are_new_lost_closed_and_of_another_type():
    before = registry((1, 0, NEVER), (2, 0, NEVER), (3, 0, NEVER), (5, 0, 10))
    after = registry((1, 0, NEVER), (2, 1, NEVER), (4, 0, NEVER), (5, 0, 11))
    assert Registries(before, after).changed_venues().tolist() == [2, 3, 4, 5]
    assert Registries(before, before).changed_venues().tolist() == []
    assert Registries(registry(), after).changed_venues().tolist() == [1, 2, 4, 5]


def test_a_new_scan_was_nowhere_and_one_that_has_gone_is_nowhere():
    both = Registries(registry((1, 3, NEVER)), registry((1, 4, 100)))
    venue, occurred_us = np.array([1, 1, 2]), np.array([99, 100, 99])
    for was, remains, before, after in (
        (True, True, [3, 3, -1], [4, -1, -1]),
        (False, True, [-1, -1, -1], [4, -1, -1]),
        (True, False, [3, 3, -1], [-1, -1, -1]),
    ):
        types = both.types(ScanFile(0, "", 0, 3, was, remains), venue, occurred_us)
        assert [column.tolist() for column in types] == [before, after]


@pytest.fixture
def path(tmp_path):
    lake = lakes.new_lake(tmp_path)
    venues = [5, 5, 9, 12]
    lakes.add_scans(
        lake,
        [
            Scan(1, venue, worlds.BASE, "in", bytes([row]) * 16, None, "shop")
            for row, venue in enumerate(venues)
        ],
    )
    return snapshot(lake, "scans").files[0].path


def test_a_file_holds_a_venue_only_where_one_of_its_scans_is(path):
    held = {venue for venue in range(15) if holds_any(path, np.array([venue]))}
    assert held == {5, 9, 12}
    assert holds_any(path, np.array([-4, 7, 9]))
    assert not holds_any(path, np.array([-4, 7, 99]))


def test_a_file_that_is_missing_is_named(path):
    missing = path.replace("part-", "part-0")
    for read in (lambda: list(read_batches(missing, ["venue"])), lambda: holds_any(missing, np.array([1]))):
        with pytest.raises(DataError, match="cannot be read"):
            read()
