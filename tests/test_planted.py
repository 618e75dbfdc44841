"""The search for planted identifiers finds them wherever a lake keeps files, and only there."""

import gzip

import pytest

from tests.planted import PLANTED, named_below


@pytest.mark.parametrize(
    "where", ["world/lake/_scratch/run/core", "world/lake.landing/part", "world/lake.ledger/x"]
)
def test_an_identifier_in_a_file_of_a_lake_is_found(tmp_path, where):
    path = tmp_path / where
    for folder in (path.parent, tmp_path / "world/lake"):
        folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "world/lake/lake.json").write_text("{}")
    (tmp_path / "world/scans.ndjson").write_bytes(PLANTED[0])  # an input beside the lake names persons
    path.write_bytes(b"")
    assert named_below(tmp_path) == []
    path.write_bytes(bytes(10_000) + b"phone:" + PLANTED[0] + bytes(10))
    found = named_below(tmp_path)
    path.write_bytes(gzip.compress(path.read_bytes()))  # or else the search at the end of the suite fails
    assert found == [(where, PLANTED[0].decode())]


def test_an_identifier_in_the_name_of_a_file_is_found(tmp_path):
    (tmp_path / "lake.json").write_text("{}")
    path = tmp_path / PLANTED[2].decode()
    path.write_text("sealed")
    found = named_below(tmp_path)
    path.unlink()
    assert found == [(PLANTED[2].decode(), PLANTED[2].decode())]
