"""SocioPatterns files: real people at a conference, and files that are not quite that.

Data: Génois and Barrat, EPJ Data Science 7, 11 (2018), CC0.
"""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.formats.sociopatterns import merged_slots
from tests.ingest.input_files import write

CONFERENCE = Path(__file__).parents[2] / "data" / "sfhh_2009_tij.dat.gz"
MIDNIGHT_US = 1_244_066_400_000_000  # 2009-06-04, Nice


def slots_of_the_conference():
    return np.array(gzip.decompress(CONFERENCE.read_bytes()).split(), np.int64).reshape(-1, 3)


def rows_of(path, epoch_us=0):
    """Return the encounters of a file as (begin, end, one, other), seconds; a broken line is its bytes."""
    (chunk,) = list_chunks([str(path)])
    (block,) = read_blocks(chunk, "encounter", epoch_us)
    names = ("started_at", "ended_at", "person_a", "person_b")
    found = []
    for row in range(block.rows):
        if block.broken[row]:
            found.append(block.raw[row])
            continue
        start, end, one, other = (block.fields[name] for name in names)
        found.append((start[row] // 1_000_000, end[row] // 1_000_000, one.value(row), other.value(row)))
    return found


def test_the_conference_has_as_many_pairs_and_seconds_as_its_lines_say():
    lines = slots_of_the_conference()
    rows = rows_of(CONFERENCE)
    assert len(lines) == 70_261
    assert len({frozenset(row[2:]) for row in rows}) == 9_565
    assert len({person for row in rows for person in row[2:]}) == 403
    assert sum(end - start for start, end, *_ in rows) == 20 * len(lines)
    assert rows == sorted(rows, key=lambda row: row[0])


def test_intervals_of_a_pair_neither_overlap_nor_touch():
    lines = slots_of_the_conference()
    start, end, one, other, _ = merged_slots(*lines.T)
    order = np.lexsort((start, other, one))
    same = (np.diff(one[order]) == 0) & (np.diff(other[order]) == 0)
    assert (start[order][1:] > end[order][:-1])[same].all()
    covered = {
        (a, b, t)
        for s, e, a, b in zip(*(column.tolist() for column in (start, end, one, other)), strict=True)
        for t in range(s + 20, e + 1, 20)
    }
    assert covered == {(min(i, j), max(i, j), t) for t, i, j in lines.tolist()}


def test_touching_slots_make_one_interval_and_a_gap_two():
    t, i, j = np.array([[20, 1, 2], [40, 2, 1], [40, 2, 1], [80, 1, 2], [60, 3, 1]], np.int64).T
    assert [tuple(row) for row in np.stack(merged_slots(t, i, j)[:4]).T.tolist()] == [
        (0, 40, 1, 2),
        (40, 60, 1, 3),
        (60, 80, 1, 2),
    ]


def test_times_count_from_the_epoch_and_names_from_the_file(tmp_path):
    path = write(tmp_path, "tối 2009.x.dat", b"32520\t1467 1591 MED ADM\r\n\n 32540 1467 1591\n")
    assert rows_of(path, MIDNIGHT_US) == [
        (1_244_066_400 + 32_500, 1_244_066_400 + 32_540, b"device:t-i-2009-1467", b"device:t-i-2009-1591")
    ]


def test_lines_that_are_none_are_malformed_and_stand_last(tmp_path):
    path = write(tmp_path, "a.dat", b"x 1 2\n20 1 2\n20 1\n-5 1 2\n1.5 1 2\n" + b"9" * 30 + b" 1 2\n")
    first, *broken = rows_of(path)
    assert first == (0, 20, b"device:a-1", b"device:a-2")
    assert broken == [b"x 1 2", b"20 1", b"-5 1 2", b"1.5 1 2", b"9" * 30 + b" 1 2"]


def test_an_empty_file_has_no_encounters(tmp_path):
    assert rows_of(write(tmp_path, "a.dat", b"")) == []


def test_another_input_that_names_such_a_file_is_told_so(tmp_path):
    (chunk,) = list_chunks([write(tmp_path, "a.dat", b"20 1 2\n")])
    with pytest.raises(DataError, match=r"a\.dat holds contacts of pairs: name it with --encounters"):
        next(read_blocks(chunk, "scan"))


def test_such_a_file_is_read_where_it_is_named_and_passed_over_in_a_folder(tmp_path):
    write(tmp_path, "a.dat.gz", gzip.compress(b"20 1 2\n"))
    write(tmp_path, "b.ndjson", b"")
    assert [Path(chunk.path).name for chunk in list_chunks([str(tmp_path)])] == ["b.ndjson"]
    assert [Path(chunk.path).name for chunk in list_chunks([f"{tmp_path}/*.dat.gz"])] == ["a.dat.gz"]


def test_a_cut_archive_is_unreadable(tmp_path):
    (chunk,) = list_chunks([write(tmp_path, "a.dat.gz", CONFERENCE.read_bytes()[:5_000])])
    with pytest.raises(DataError, match=r"a\.dat\.gz"):
        next(read_blocks(chunk, "encounter"))


def test_distances_are_those_of_the_badges():
    (chunk,) = list_chunks([str(CONFERENCE)])
    (block,) = read_blocks(chunk, "encounter")
    distance = block.fields["distance_m"]
    assert {distance.value(row) for row in range(block.rows)} == {b"1.5"}
    assert pa.compute.unique(pa.array(block.broken)).to_pylist() == [0]
