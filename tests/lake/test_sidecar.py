"""A sidecar says what its Parquet says, is made again when it is unfit, and is checked."""

import contextlib
import os
import stat

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.lake import read_live_file, snapshot
from pipelines.lake.sidecar import check, open_sidecar, sidecar_path
from schemas.tables import STAYS
from tests.lakes import at, new_lake, person_token, put_stays
from tests.maintenance.damage import UNFIT, each_flipped

DAY = """
    person | venue | zone | enter   | exit    | enter_kind | exit_kind | last_seen
    an     | cafe  | t1   | 1 08:00 | 1 10:00 | scanned    | scanned   |
    binh   | cafe  |      | 1 09:00 | 1 11:00 | scanned    | default   | 1 09:30
    chi    | shop  | t2   | 1 07:00 | 1 12:30 | imputed    | scanned   |
    an     | shop  |      | 1 13:00 | 1 14:00 | imputed    | next_scan | 1 13:00
"""


@pytest.fixture
def lake(tmp_path):
    return new_lake(tmp_path)


def zones(columns):
    names = columns.zone_names.to_pylist()
    return [names[code] for code in columns.zone_codes(np.arange(columns.person.size))]


def live_files(lake):
    return snapshot(lake, "stays").files


@pytest.mark.parametrize("written", [True, False], ids=["written with the file", "made from the Parquet"])
def test_a_sidecar_holds_the_columns_of_its_file_in_the_order_of_its_rows(lake, written):
    put_stays(lake, DAY, sidecars=written)
    for live in live_files(lake):
        assert sidecar_path(live.path).exists() is written
        rows, columns = read_live_file(live, STAYS.file_schema), open_sidecar(live)
        assert columns.person.tolist() == rows["person"].to_pylist()
        assert columns.venue.tolist() == rows["venue"].to_pylist()
        assert zones(columns) == rows["zone"].to_pylist()
        assert columns.enter_us.tolist() == rows["enter"].cast(pa.int64()).to_pylist()
        assert columns.exit_us.tolist() == rows["exit"].cast(pa.int64()).to_pylist()
        assert columns.stay_id.tolist() == rows["stay_id"].to_pylist()
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
def test_an_unfit_sidecar_is_found_by_verify_and_made_again_by_readers(lake, spoil):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    rows = read_live_file(live, STAYS.file_schema)
    spoil(sidecar_path(live.path))
    assert check(live, rows) == "sidecar is not what its file makes it"
    assert open_sidecar(live).person.size == live.rows
    assert check(live, rows) is None


def test_no_flipped_byte_of_a_sidecar_kills_its_reader(lake):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    for _ in each_flipped(sidecar_path(live.path)):
        columns = open_sidecar(live)
        assert columns.person.size == live.rows
        with contextlib.suppress(DataError):
            assert len(zones(columns)) == live.rows


@pytest.mark.parametrize("column", ["person", "venue", "enter_us", "exit_us", "imputed_from_us", "stay_id"])
def test_every_changed_value_is_found_by_verify(lake, column):
    put_stays(lake, DAY)
    live = live_files(lake)[0]
    path = sidecar_path(live.path)
    value = int(getattr(open_sidecar(live), column)[1]).to_bytes(8, "little", signed=True)
    other = (int.from_bytes(value, "little", signed=True) ^ 1).to_bytes(8, "little", signed=True)
    path.write_bytes(path.read_bytes().replace(value, other))
    assert check(live, read_live_file(live, STAYS.file_schema)) == "sidecar is not what its file makes it"


def test_a_missing_sidecar_is_not_wrong(lake):
    put_stays(lake, DAY, sidecars=False)
    live = live_files(lake)[0]
    assert check(live, read_live_file(live, STAYS.file_schema)) is None


def test_where_no_sidecar_can_be_written_its_columns_are_kept_in_memory(lake, monkeypatch):
    put_stays(lake, DAY, sidecars=False)
    live = live_files(lake)[0]

    def refuse(*_args, **_kwargs):
        raise PermissionError

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert open_sidecar(live).person.size == live.rows
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
