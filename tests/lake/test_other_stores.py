"""What holds of a lake in S3 holds in Google Cloud Storage and in Azure, on servers that stand in."""

import pytest

from pipelines.lake import objects, storage
from tests.end_to_end.commands import truyvet
from tests.lake import other_stores
from tests.lake.servers import variables_set
from tests.lake.test_object_store import (  # noqa: F401
    lake,
    test_a_checkpoint_is_written_and_read,
    test_a_commit_after_another_than_the_newest_version_is_a_conflict,
    test_a_prefix_of_other_things_does_not_become_a_lake,
    test_analysts_see_the_same_views,
    test_both_lakes_hold_the_same_rows_and_of_stays_and_footfall_the_same_files,
    test_of_many_writers_of_a_table_each_commits_all_its_files_once,
    test_of_two_that_make_one_lake_with_other_keys_one_is_refused,
    test_of_two_writers_of_one_version_one_is_refused,
    test_pieces_that_lie_in_the_store_make_the_same_lake,
    test_questions_are_answered_alike,
    test_recomputing_compacting_and_counting_contacts_leave_both_alike,
    test_scans_and_what_lies_beside_them_are_read_from_the_store_as_from_the_disk,
    test_scratch_that_a_killed_run_left_in_the_store_goes_when_it_is_old,
    test_sidecars_are_made_again_from_the_store_and_go_without_a_cache,
    test_two_runs_at_once_lose_nothing,
    test_what_rots_or_goes_in_the_store_is_found,
    test_what_says_that_it_is_a_lake_is_not_replaced,
    world,
)
from tests.lake.test_object_store_failures import refused
from tests.lake.test_stored_files import (  # noqa: F401
    test_a_file_is_known_by_the_same_signs_in_a_list_and_alone,
    test_a_file_that_is_put_in_several_requests_is_whole,
    test_files_are_removed_whether_the_first_is_there_or_not,
)
from tests.planted import named_in_bucket
from tests.streaming.scans import committer_of
from tests.streaming.test_committer import (  # noqa: F401
    in_the_lake,
    land_all,
    line,
    test_machines_land_at_once_in_a_real_store,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["google", "azure"])
def store(request, tmp_path_factory):
    """A store with an empty bucket, its variables set, and own folders for what lies on this machine."""
    home = tmp_path_factory.mktemp("home")
    with (
        getattr(other_stores, request.param)(home) as found,
        variables_set(found.at(found.address), home),
    ):
        yield found
        assert named_in_bucket(found.bucket) == []


@pytest.fixture(scope="module")
def bucket(store):
    return store.bucket


@pytest.fixture
def committer(lake, tmp_path):  # noqa: F811
    """What lands the segments that lie in the store beside a lake."""
    return committer_of(lake.url, keys=tmp_path / "keys", shared=True)


def test_a_batch_that_was_planned_stays_the_next_one_until_it_is_done(committer):
    first = committer.landing.write([line(1)])
    planned = committer.landing.plan(0, 0)
    committer.landing.write([line(2)])
    assert [f"{committer.landing.folder}/{name}" for name in planned.names] == [first]
    assert committer.landing.plan(0, 0) == planned
    committer.landing.done(planned)
    assert [segment.place for segment in committer.landing.segments()] != [first]
    assert committer.landing.plan(planned.number, planned.number).after == planned.number


def test_a_damaged_segment_is_kept_aside_in_the_store(committer, lake):  # noqa: F811
    broken = committer.landing.write([line(1)])
    storage.put(broken, storage.read(broken)[:-3])
    committer.landing.write([line(2)])
    land_all(committer)
    assert in_the_lake(lake.url) == (1, [])
    name = broken.rpartition("/")[2]
    assert sorted(storage.names(committer.landing.folder)) == [f"damaged-{name}", "landing.json"]


@pytest.fixture
def told(store, monkeypatch):
    """Sets other variables than those that name the store, until the test ends."""

    def tell(variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        objects.client.cache_clear()

    yield tell
    monkeypatch.undo()
    objects.client.cache_clear()


def test_a_server_that_does_not_answer_is_one_line(store, told):
    told(store.at("http://127.0.0.1:1"))
    refused(
        truyvet("verify", "--lake", f"{store.bucket}/none"), 4, f"{store.bucket} cannot be reached: check"
    )


@pytest.mark.parametrize("store", ["azure"], indirect=True)
def test_a_key_that_the_store_does_not_know_is_not_repeated(store, told):
    told({"AZURE_STORAGE_ACCOUNT_KEY": "V1JPTkdTRUNSRVQ="})
    done = truyvet("verify", "--lake", f"{store.bucket}/none")
    refused(done, 4, f"{store.bucket} refuses these credentials")
    assert not [secret for secret in ("V1JPTkdTRUNSRVQ=", other_stores.KEY) if secret in done.err]


@pytest.mark.parametrize("store", ["azure"], indirect=True)
def test_a_container_that_is_not_there_is_named(store):
    missing = store.bucket.replace(other_stores.BUCKET, "none")
    refused(truyvet("verify", "--lake", f"{missing}/lake"), 4, f"there is no {missing}: make the bucket")
