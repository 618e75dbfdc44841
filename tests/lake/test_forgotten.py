"""What a lake has forgotten: kept whole, never made smaller, and damage keeps everything out."""

import pickle
import stat

import pytest

from pipelines.errors import DataError
from pipelines.ingest.commit import Batch, commit_batch
from pipelines.lake import CommitConflict, snapshot
from pipelines.lake.forgotten import Forgotten, read_forgotten, write_forgotten
from tests.lakes import new_lake, put_scans


def test_a_lake_that_forgot_nothing_takes_everything(tmp_path):
    forgotten = read_forgotten(new_lake(tmp_path))
    assert forgotten == Forgotten()
    assert not forgotten.erased
    assert forgotten.horizon_us < -(1 << 61)


def test_what_is_written_is_read_again(tmp_path):
    lake = new_lake(tmp_path)
    forgotten = Forgotten().purge(9, 5).erase("ab" * 32, 7)
    write_forgotten(lake, forgotten)
    assert read_forgotten(lake) == forgotten
    assert pickle.loads(pickle.dumps(read_forgotten(lake))) == forgotten
    assert stat.S_IMODE((tmp_path / "lake" / "forgotten.json").stat().st_mode) == 0o600


def test_a_horizon_never_moves_back_and_one_that_stays_counts_nothing():
    forgotten = Forgotten().purge(9, 5)
    assert forgotten.purge(8, 4) is forgotten
    assert forgotten.purge(8, 6) == Forgotten(number=2, horizon_us=9, cases_us=6)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"number":1,"horizon_us":"x"}', b"\xff"])
def test_a_damaged_record_lets_nothing_in(tmp_path, content):
    lake = new_lake(tmp_path)
    (tmp_path / "lake" / "forgotten.json").write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        read_forgotten(lake)


def test_a_batch_that_began_before_an_erasure_begins_again(tmp_path):
    lake = new_lake(tmp_path)
    put_scans(lake, "person | venue | occurred_at\nan | cafe | 10 08:00")
    base = snapshot(lake, "scans").version
    write_forgotten(lake, Forgotten().erase("ab" * 32, 7))
    with pytest.raises(CommitConflict):
        commit_batch(lake, Batch("one", base, {}))
    assert commit_batch(lake, Batch("one", base, {}, forgotten=1)) == (base, True)
