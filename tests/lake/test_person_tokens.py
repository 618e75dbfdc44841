"""The token of an identifier: with the right keys, or not at all."""

import shutil

import pytest

from pipelines.errors import RefusedError, UsageError
from pipelines.privacy import keys as key_files
from pipelines.privacy.keys import create_keys, load_keys
from pipelines.query import token
from tests.lakes import new_lake


@pytest.fixture
def lake(tmp_path):
    return new_lake(tmp_path)


def test_the_token_is_that_of_the_canonical_spelling(lake, tmp_path):
    keys = load_keys(tmp_path / "lake.keys")
    expected = key_files.token(keys, "phone:+84905123456")
    assert token("phone:0905 123 456", lake=lake) == expected
    assert token("phone:+84905123456", lake=lake.url) == expected
    assert token("phone:84905123456", keys=tmp_path / "lake.keys") == expected


@pytest.mark.parametrize("person", ["0905123456", "fax:1", "phone:abc", "qid:\t", ""])
def test_a_malformed_identifier_is_wrong_usage_and_is_not_repeated(lake, person):
    with pytest.raises(UsageError) as error:
        token(person, lake=lake)
    assert person == "" or person not in str(error.value)


def test_neither_keys_nor_lake_is_wrong_usage():
    with pytest.raises(UsageError, match="--keys is missing"):
        token("device:a")


def test_keys_are_made_where_there_are_none(tmp_path):
    made = token("device:a", keys=tmp_path / "new")
    assert token("device:a", keys=tmp_path / "new") == made
    assert token("device:a", lake=tmp_path / "later") == token("device:a", keys=tmp_path / "later.keys")


@pytest.mark.parametrize("named", ["lake", "keys", "both"])
def test_keys_are_never_made_beside_a_lake_that_exists(lake, tmp_path, named):
    shutil.rmtree(tmp_path / "lake.keys")
    arguments = {"lake": {"lake": lake}, "keys": {"keys": tmp_path / "lake.keys"}}
    arguments["both"] = {"lake": lake, "keys": tmp_path / "elsewhere"}
    with pytest.raises(RefusedError):
        token("device:a", **arguments[named])
    assert not (tmp_path / "lake.keys").exists()
    assert not (tmp_path / "elsewhere").exists()


def test_keys_of_another_lake_are_refused(lake, tmp_path):
    create_keys(tmp_path / "other")
    with pytest.raises(RefusedError, match="other keys"):
        token("device:a", lake=lake, keys=tmp_path / "other")
