"""Single files in a store, beside any lake."""

import os

from pipelines.lake import storage


def test_a_file_is_known_by_the_same_signs_in_a_list_and_alone(bucket):
    storage.put(f"{bucket}/signs/a", b"1")
    (listed,) = storage.files(f"{bucket}/signs")
    alone = storage.status(f"{bucket}/signs/a")
    assert (listed.place, listed.size, listed.identity) == (alone.place, alone.size, alone.identity)
    storage.put(f"{bucket}/signs/a", b"2")
    assert storage.status(f"{bucket}/signs/a").identity != alone.identity


def test_a_file_that_is_put_in_several_requests_is_whole(bucket):
    data = os.urandom(12 << 20)
    storage.put(f"{bucket}/large/a", data)
    assert storage.read(f"{bucket}/large/a") == data
    assert storage.read_range(f"{bucket}/large/a", 9 << 20, 1000).to_pybytes() == data[9 << 20 :][:1000]


def test_files_are_removed_whether_the_first_is_there_or_not(bucket):
    for number in range(30):
        storage.put(f"{bucket}/removed/{number}", b"1")
    storage.remove_each(f"{bucket}/removed/{number}" for number in (-1, *range(30), 30))
    assert storage.names(f"{bucket}/removed") == []
