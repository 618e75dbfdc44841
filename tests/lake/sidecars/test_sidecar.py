"""A sidecar says what its Parquet says, is checked where it is read, and is made again when it is damaged."""

import os
import random
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.lake import read_live_file, snapshot
from pipelines.lake.read_rows import checked_files
from pipelines.lake.sidecars.sidecar import check, open_sidecar, write_sidecar
from pipelines.lake.sidecars.sidecar_file import BLOCK_ROWS, sidecar_path
from schemas.tables import STAYS
from tests.lake.rows import DATES, add, make_lake, stay_rows
from tests.lakes import at, new_lake, person_token, put_stays
from tests.maintenance.damage import UNFIT, each_flipped

DAY = """
    person | venue | zone | enter   | exit    | enter_kind | exit_kind | last_seen
    an     | cafe  | t1   | 1 08:00 | 1 10:00 | scanned    | scanned   |
    binh   | cafe  |      | 1 09:00 | 1 11:00 | scanned    | default   | 1 09:30
    chi    | shop  | t2   | 1 07:00 | 1 12:30 | imputed    | scanned   |
    an     | shop  |      | 1 13:00 | 1 14:00 | imputed    | next_scan | 1 13:00
"""
ARRAYS = ("person", "venue", "enter_us", "exit_us", "imputed_from_us", "scanned_both", "kinds", "stay_id")
COLUMNS = (*ARRAYS, "zone_code")


@pytest.fixture
def lake(tmp_path):
    return new_lake(tmp_path)


def zones(columns):
    columns.check("zone_code")
    return columns.zone_names.take(pa.array(columns.zone_code)).to_pylist()


def live_files(lake):
    return snapshot(lake, "stays").files


def all_of(columns):
    """Return all columns of a sidecar, checked."""
    columns.check(*COLUMNS)
    return {name: getattr(columns, name).tolist() for name in COLUMNS} | {
        "zones": columns.zone_names.to_pylist()
    }


@pytest.mark.parametrize("written", [True, False], ids=["written with the file", "made from the Parquet"])
def test_a_sidecar_holds_the_columns_of_its_file_in_the_order_of_its_rows(lake, written):
    put_stays(lake, DAY, sidecars=written)
    for live in live_files(lake):
        assert sidecar_path(live.path).exists() is written
        rows, columns = read_live_file(live, STAYS.file_schema), open_sidecar(live)
        assert columns.by == live.partition["by"]
        assert columns.person.tolist() == rows["person"].to_pylist()
        assert columns.venue.tolist() == rows["venue"].to_pylist()
        assert zones(columns) == rows["zone"].to_pylist()
        assert columns.enter_us.tolist() == rows["enter"].cast(pa.int64()).to_pylist()
        assert columns.exit_us.tolist() == rows["exit"].cast(pa.int64()).to_pylist()
        assert columns.stay_id.tolist() == rows["stay_id"].to_pylist()
        assert columns.enter_kind(slice(None)).to_pylist() == rows["enter_kind"].to_pylist()
        assert columns.exit_kind(slice(None)).to_pylist() == rows["exit_kind"].to_pylist()
        kinds = zip(rows["enter_kind"].to_pylist(), rows["exit_kind"].to_pylist(), strict=True)
        assert columns.scanned_both.tolist() == [pair == ("scanned", "scanned") for pair in kinds]
        assert columns.longest_us == at("1 12:30") - at("1 07:00")
        assert sidecar_path(live.path).exists()


def test_the_imputed_part_begins_at_enter_last_seen_or_never(lake):
    put_stays(lake, DAY)
    columns = open_sidecar(live_files(lake)[0])
    stays = zip(columns.person.tolist(), columns.enter_us.tolist(), strict=True)
    begins = dict(zip(stays, columns.imputed_from_us.tolist(), strict=True))
    assert begins == {
        (person_token(lake, "an"), at("1 08:00")): at("1 10:00"),
        (person_token(lake, "binh"), at("1 09:00")): at("1 09:30"),
        (person_token(lake, "chi"), at("1 07:00")): at("1 07:00"),
        (person_token(lake, "an"), at("1 13:00")): at("1 13:00"),
    }


def test_both_ways_to_a_sidecar_give_the_same_bytes(lake):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    path = sidecar_path(live.path)
    written = path.read_bytes()
    path.unlink()
    open_sidecar(live)
    assert path.read_bytes() == written


@pytest.mark.parametrize("spoil", UNFIT)
def test_an_unfit_sidecar_is_found_by_verify_and_made_again_by_readers(lake, spoil, capsys):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    rows = read_live_file(live, STAYS.file_schema)
    expected = all_of(open_sidecar(live))
    spoil(sidecar_path(live.path))
    assert check(live, rows) == "sidecar is not what its file makes it"
    assert all_of(open_sidecar(live)) == expected
    assert check(live, rows) is None
    assert capsys.readouterr().err.count("is damaged and is made again from its data file\n") == 1


def test_every_flipped_byte_of_a_sidecar_is_found_and_mended(lake, capsys):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    rows = read_live_file(live, STAYS.file_schema)
    expected = all_of(open_sidecar(live))
    path = sidecar_path(live.path)
    guarded = len(path.read_bytes()) - path.read_bytes().rindex(b"ARROW1") - 8
    mended = 0
    for _ in each_flipped(path):
        assert all_of(open_sidecar(live)) == expected
        problem = check(live, rows)
        # The metadata of Arrow is read by nobody, but verify compares it as well.
        assert problem in (None, "sidecar is not what its file makes it")
        mended += problem is None
    assert capsys.readouterr().err.count("is damaged") == mended
    assert mended >= guarded // 7


@pytest.mark.parametrize("column", ["person", "venue", "enter_us", "exit_us", "imputed_from_us", "stay_id"])
def test_every_changed_value_is_found_by_verify(lake, column):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    path = sidecar_path(live.path)
    value = int(getattr(open_sidecar(live), column)[1]).to_bytes(8, "little", signed=True)
    other = (int.from_bytes(value, "little", signed=True) ^ 1).to_bytes(8, "little", signed=True)
    path.write_bytes(path.read_bytes().replace(value, other))
    assert check(live, read_live_file(live, STAYS.file_schema)) == "sidecar is not what its file makes it"


def long_file(folder, by):
    """Return a lake of one file of stays of many blocks, and the rows of it."""
    lake = make_lake(folder)
    rows = stay_rows(by, count=12 * BLOCK_ROWS + 77)
    add(lake, STAYS, {"by": by, "date": DATES[0]}, rows)
    (live,) = live_files(lake)
    return live, rows


def flip_bit(path, at_byte, bit=0):
    """Flip a bit in a file of its own, for the one that is mapped must stay as it was when it was opened."""
    content = bytearray(path.read_bytes())
    content[at_byte] ^= 1 << bit
    other = path.with_suffix(".new")
    other.write_bytes(content)
    other.replace(path)


def test_a_search_is_right_wherever_a_bit_is_flipped(tmp_path, capsys):
    """A flip misleads a search that passes by it, and changes the answer of one that ends there."""
    live, rows = long_file(tmp_path, "person")
    path, chance = sidecar_path(live.path), random.Random(1)
    persons = rows["person"].to_numpy()
    mended = 0
    for _ in range(150):
        flip_bit(path, chance.randrange(path.stat().st_size), chance.randrange(8))
        columns = open_sidecar(live)
        wanted = np.array([chance.choice([*persons[:9], *persons[-9:]]), chance.choice(persons), 12345])
        first, last = columns.rows_of(wanted)
        assert first.tolist() == np.searchsorted(persons, wanted, "left").tolist()
        assert last.tolist() == np.searchsorted(persons, wanted, "right").tolist()
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            assert columns.stay_id[begin:end].tolist() == rows["stay_id"][begin:end].to_pylist()
            assert columns.venue[begin:end].tolist() == rows["venue"][begin:end].to_pylist()
        mended += columns.guard is None
        if columns.guard is not None:  # not met by this search
            path.unlink()
            open_sidecar(live)
    assert capsys.readouterr().err.count("is damaged") >= mended > 8


@pytest.mark.parametrize("many", [3, 40, 700], ids=["a loop", "numpy", "a kernel"])
def test_rows_that_enter_between_instants_are_right_wherever_a_bit_is_flipped(tmp_path, many, capsys):
    live, rows = long_file(tmp_path, "venue")
    path, chance = sidecar_path(live.path), np.random.default_rng(many)
    venue, enter_us = rows["venue"].to_numpy(), rows["enter"].cast(pa.int64()).to_numpy()
    key = list(zip(venue.tolist(), enter_us.tolist(), strict=True))
    for _ in range(12):
        flip_bit(path, int(chance.integers(path.stat().st_size)), int(chance.integers(8)))
        columns = open_sidecar(live)
        row = np.sort(chance.integers(0, venue.size, many))
        wanted = venue[row] + (chance.integers(0, 9, many) == 0)
        after_us = enter_us[row] - chance.integers(0, 2 * 3_600_000_000, many)
        before_us = enter_us[row] + chance.integers(0, 2 * 3_600_000_000, many)
        first, last = columns.rows_entering(wanted, after_us, before_us)
        for at_, begin, end in zip(range(many), first.tolist(), last.tolist(), strict=True):
            inside = [
                position
                for position in range(max(begin - 2, 0), min(end + 2, venue.size))
                if key[position][0] == wanted[at_] and after_us[at_] < key[position][1] < before_us[at_]
            ]
            assert list(range(begin, end)) == inside
            assert columns.person[begin:end].tolist() == rows["person"][begin:end].to_pylist()
        if columns.guard is not None:
            path.unlink()
            open_sidecar(live)
    capsys.readouterr()


def test_after_many_searches_the_sorted_column_is_checked_whole(tmp_path, capsys):
    live, rows = long_file(tmp_path, "person")
    columns = open_sidecar(live)
    wanted = rows["person"].to_numpy()[:1]
    for _ in range(40):
        assert columns.rows_of(wanted)[0].tolist() == [0]
    assert columns.guard.whole == {0}
    assert capsys.readouterr().err == ""


def test_a_block_is_looked_at_once(tmp_path, monkeypatch):
    live, rows = long_file(tmp_path, "person")
    columns = open_sidecar(live)
    looked = []
    monkeypatch.setattr(
        "pipelines.lake.sidecars.sidecar_file.zlib.crc32", lambda *of: looked.append(len(of[0])) or real(*of)
    )
    wanted = rows["person"].to_numpy()[[10, 3 * BLOCK_ROWS + 5]]
    columns.rows_of(wanted)
    assert len(looked) == 2 * len(COLUMNS)
    columns.rows_of(wanted)
    columns.rows_of(wanted[:1])
    assert len(looked) == 2 * len(COLUMNS)


real = __import__("zlib").crc32


def test_a_damaged_sidecar_of_a_damaged_file_is_refused_by_the_name_of_the_file(tmp_path):
    live, _ = long_file(tmp_path, "person")
    flip_bit(sidecar_path(live.path), 9000)
    columns = open_sidecar(live)
    flip_bit(Path(live.path), 9000)
    with pytest.raises(DataError, match=r"/part-.*\.parquet is damaged: restore it from a backup"):
        columns.check(*COLUMNS)


def test_a_missing_sidecar_is_not_wrong(lake):
    put_stays(lake, DAY, sidecars=False)
    live = live_files(lake)[0]
    assert check(live, read_live_file(live, STAYS.file_schema)) is None


def test_two_writers_at_once_never_make_verify_report_a_sidecar(lake, monkeypatch):
    """The file is read once: what another process puts in its place meanwhile is not compared with it."""
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    rows = read_live_file(live, STAYS.file_schema)
    path = sidecar_path(live.path)
    reads = []
    read_bytes = Path.read_bytes

    def read_and_replace(self):
        reads.append(self)
        content = read_bytes(self)
        self.write_bytes(b"half")
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_replace)
    assert check(live, rows) is None
    assert reads == [path]


def test_where_no_sidecar_can_be_written_its_columns_are_kept_in_memory(lake, monkeypatch):
    put_stays(lake, DAY, sidecars=False)
    live = live_files(lake)[0]

    def refuse(*_args, **_kwargs):
        raise PermissionError

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    columns = open_sidecar(live)
    assert columns.rows == live.rows
    assert columns.rows_of(columns.person[:1])[0].tolist() == [0]
    assert not sidecar_path(live.path).exists()


def test_a_sidecar_is_private_and_no_reader_takes_it_for_data(lake):
    put_stays(lake, DAY)
    path = sidecar_path(live_files(lake)[0].path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.name.startswith("_")
    assert path.suffix != ".parquet"
    assert [name for name in os.listdir(path.parent) if name.startswith("_tmp-")] == []


def test_the_columns_are_mapped_and_not_copied(lake):
    put_stays(lake, DAY)
    columns = open_sidecar(live_files(lake)[0])
    assert not columns.person.flags.owndata
    assert not columns.person.flags.writeable
    assert columns.person.dtype == np.int64


def test_a_file_without_a_zone_has_only_nulls_there(lake):
    put_stays(lake, "person|venue|enter|exit\nan|cafe|1 08:00|1 09:00")
    assert zones(open_sidecar(live_files(lake)[0])) == [None]


def test_the_data_file_is_checked_before_a_sidecar_is_made_of_it(tmp_path):
    live, rows = long_file(tmp_path, "person")
    sidecar_path(live.path).unlink()
    flip_bit(Path(live.path), 5000)
    assert not checked_files.has(live.path)
    with pytest.raises(DataError, match="is damaged"):
        open_sidecar(live)
    assert not sidecar_path(live.path).exists()
    assert write_sidecar is not None
    assert rows.num_rows == live.rows
