"""What a user sees of a store that is not there or refuses: one line, the right code, no credential."""

import re

import pytest

from pipelines.errors import RefusedError
from pipelines.lake import commit, objects, open_lake, read_table, snapshot, storage, write_data_file
from pipelines.privacy.keys import create_keys
from schemas.tables import SCANS, TABLES
from tests.end_to_end.commands import truyvet
from tests.end_to_end.worlds import NOW, make_world, write_scans, write_venues
from tests.lake.object_store import ACCESS_KEY, BUCKET, SECRET_KEY
from tests.lake.rows import scan_rows

_SECRETS = (ACCESS_KEY, SECRET_KEY, "WRONGSECRET")


def refused(done, code, words):
    """Assert that a command failed in one line with no credential and no words of the server."""
    assert done.code == code, done.err
    assert re.search(words, done.err), done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert not [secret for secret in (*_SECRETS, "<", "Signature", "HTTP") if secret in done.err]


@pytest.fixture
def lake(s3, tmp_path):
    """A lake in the store, with a few scans."""
    lake = open_lake(f"s3://{BUCKET}/failing/{tmp_path.name}", tmp_path / "keys", create=True)
    file = write_data_file(lake, SCANS, {"date": "2021-07-01"}, scan_rows())
    commit(lake, "scans", [file], after=-1)
    return lake


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Asks a lake that cannot be reached: commands that read, and one that writes."""

    def ask(lake, code, words, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        objects.client.cache_clear()
        keys = tmp_path / "own-keys"
        create_keys(keys)
        venues = write_venues(tmp_path / "venues.csv", make_world(1, 1).venues)
        refused(truyvet("overlaps", "--lake", lake, "--case", "A"), code, words)
        refused(truyvet("verify", "--lake", lake), code, words)
        refused(truyvet("token", "--lake", lake, "--keys", keys, "phone:0905123456"), code, words)
        refused(truyvet("run", "--lake", lake, "--keys", keys, "--venues", venues), code, words)

    yield ask
    monkeypatch.undo()
    objects.client.cache_clear()


def test_a_bucket_that_is_not_there_is_named(asked, s3):
    asked("s3://no-such-bucket/lake", 4, "there is no s3://no-such-bucket: make the bucket, or name another")


def test_an_endpoint_that_nobody_answers_is_one_line(asked, lake):
    asked(lake.url, 4, rf"s3://{BUCKET} cannot be reached: check", AWS_ENDPOINT_URL="http://127.0.0.1:1")


def test_credentials_that_the_store_does_not_know_are_not_repeated(asked, lake, s3):
    s3.call("POST", "/moto-api/reset-auth", b"0")  # from now on the server checks signatures
    wrong = {"AWS_ACCESS_KEY_ID": "AKIAWRONGSECRET", "AWS_SECRET_ACCESS_KEY": "WRONGSECRET"}
    try:
        asked(lake.url, 4, rf"s3://{BUCKET} refuses these credentials", **wrong)
    finally:
        s3.call("POST", "/moto-api/reset-auth", b"inf")


def test_plain_http_that_was_not_allowed_is_one_line(asked, lake):
    asked(lake.url, 4, rf"s3://{BUCKET} cannot be reached: check", AWS_ALLOW_HTTP="false")


def test_credentials_in_the_url_are_refused_and_not_repeated(asked, s3):
    asked(f"s3://{ACCESS_KEY}:{SECRET_KEY}@{BUCKET}/lake", 2, r"--lake s3://… must be a bucket and a prefix")


def test_a_missing_lake_is_not_a_missing_service(s3):
    refused(truyvet("verify", "--lake", f"s3://{BUCKET}/none"), 3, "there is no lake at")


def test_the_store_going_away_in_the_middle_is_one_line_and_the_lake_stays(lake, tmp_path, monkeypatch):
    before = {name: snapshot(lake, name).version for name in TABLES}
    keep, left = storage.New.keep, [2]

    def kept(self, name):
        left[0] -= 1
        if left[0] < 0:
            monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            objects.client.cache_clear()
        keep(self, name)

    monkeypatch.setattr(storage.New, "keep", kept)
    scans = write_scans(tmp_path / "scans.ndjson", make_world(2).scans)
    given = ("--scans", scans, "--now", NOW, "--keys", tmp_path / "keys")
    refused(truyvet("run", "--lake", lake.url, *given), 4, rf"s3://{BUCKET} cannot be reached")
    monkeypatch.undo()
    objects.client.cache_clear()
    assert left[0] < 0
    assert {name: snapshot(lake, name).version for name in TABLES} == before
    assert read_table(lake, "scans").num_rows == 50
    assert truyvet("run", "--lake", lake.url, *given).report["accepted"] > 100


def test_a_log_that_cannot_be_reached_is_not_called_damaged(lake, monkeypatch):
    before = snapshot(lake, "scans")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    objects.client.cache_clear()
    refused(truyvet("verify", "--lake", lake.url), 4, "cannot be reached")
    monkeypatch.undo()
    objects.client.cache_clear()
    assert snapshot(lake, "scans") == before


def test_a_store_that_knows_no_conditional_puts_gets_no_lake(s3, tmp_path, monkeypatch):
    class Careless:
        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

        def put(self, key, data, mode="overwrite"):
            self._store.put(key, data)

    client = objects.client
    monkeypatch.setattr(objects, "client", lambda bucket: Careless(client(bucket)))
    with pytest.raises(RefusedError, match="does not support conditional puts"):
        open_lake(f"s3://{BUCKET}/careless", tmp_path / "keys", create=True)
