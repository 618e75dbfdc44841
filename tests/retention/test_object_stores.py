"""Purge and erasure of a lake in an object store."""

import os

import pytest

from pipelines.lake import open_lake, storage
from pipelines.lake.log import versions
from pipelines.privacy.keys import load_keys, token
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import run, truyvet
from tests.end_to_end.worlds import NOW, make_world, write_scans, write_venues
from tests.retention.forgetting import differences, spellings, tables_of


@pytest.mark.slow
def test_a_lake_in_a_store_forgets_as_a_local_one_does(bucket, folder):
    world = make_world(5, 4)
    venues = write_venues(folder / "venues.csv", world.venues)
    scans = write_scans(folder / "scans.ndjson", world.scans)
    person = world.scans[-1].person
    lakes, keys = (f"{bucket}/{os.urandom(4).hex()}", str(folder / "lake")), folder / "keys"
    for lake in lakes:
        run(lake, "--keys", keys, "--scans", scans, "--venues", venues)
        words = ("--lake", lake, "--keys", keys)
        assert truyvet("erase", *words, "--person", person).code == 0
        assert truyvet("purge", *words, "--now", NOW, "--days", 18).code == 0
        report = run(lake, "--keys", keys, "--scans", scans, "--venues", venues)
        assert report["accepted"] == 0
        assert set(report["reasons"]) == {"past_retention", "erased"}
        assert truyvet("verify", *words[:2]).code == 0
    assert differences(*map(tables_of, lakes)) == []
    opened = open_lake(lakes[0])
    own = spellings(token(load_keys(keys), person)).values()
    for found in storage.files(opened.url):
        content = storage.read(found.place)
        assert not any(text in content for text in own)
    assert all(len(versions(opened.table_url(name))) <= 8 for name in ALL_TABLES)


@pytest.mark.slow
def test_a_receipt_is_signed_only_where_the_bucket_keeps_nothing(s3, bucket, folder):
    keys, receipt = folder / "keys", folder / "receipt.json"
    venues = write_venues(folder / "venues.csv", make_world(5, 1).venues)
    for status in ("Suspended", None):
        where = bucket if status is None else f"s3://{status.lower()}"
        if status is not None:
            s3.call("PUT", f"/{status.lower()}")
            said = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
            s3.call("PUT", f"/{status.lower()}?versioning", said.encode())
        lake = f"{where}/{os.urandom(4).hex()}"
        run(lake, "--keys", keys, "--venues", venues)
        words = ("--lake", lake, "--keys", keys)
        erase = ("erase", *words, "--person", "device:an")
        done = truyvet(*erase, "--receipt", receipt)
        examined = truyvet("doctor", *words, "--format", "csv")
        if status is None:
            assert (done.code, receipt.with_name("receipt.json.sig").stat().st_size) == (0, 64)
            assert "may still be in the store" not in done.err
            assert "deleted objects,ok," in examined.out
            continue
        assert (done.code, done.err.count("\n")) == (5, 1)
        assert "--receipt cannot be signed: versioning of the bucket" in done.err
        assert not receipt.exists()
        done = truyvet(*erase)
        assert done.code == 0
        assert "what was removed may still be in the store: versioning of the bucket" in done.err
        assert examined.code == 3
        assert "deleted objects,bad," in examined.out
