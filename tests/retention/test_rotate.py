"""A rotation: the same lake under new tokens, and nothing of the old ones in any byte."""

import json
import os
import shutil

import pytest

from pipelines.errors import DataError, RefusedError, ServiceError
from pipelines.lake import open_lake, read_table, snapshot
from pipelines.lake.writer_lock import writing_alone, writing_with_others
from pipelines.privacy.keys import load_keys, token
from pipelines.retention.retoken import person_columns
from pipelines.retention.rotate import rotate
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import truyvet
from tests.retention.forgetting import Home, differences, places_of, tables_of
from tests.retention.killing import killed_at

WORLDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))]


def everybody(home):
    """All identifiers of the inputs."""
    return sorted(
        {
            record[name]
            for rows in vars(home.inputs).values()
            for record in rows
            for name in ("person", "person_a", "person_b")
            if name in record
        }
    )


def old_tokens(lake):
    """Every token of persons and scanners, and every event key as text, in the tables of a lake."""
    opened, found, texts = open_lake(str(lake)), set(), set()
    for name, table in ALL_TABLES.items():
        if snapshot(opened, name).version >= 0:
            columns = [*person_columns(table), *({"scanner"} & set(table.schema.names))]
            rows = read_table(opened, name)
            found |= {one for column in columns for one in rows[column].to_pylist()} - {None}
            texts |= set(rows["event_key"].to_pylist()) if name == "scans" else set()
    return found, texts


def renamed(home, lake):
    """What the laws compare, with tokens of persons in terms of their identifiers and none of other keys."""
    keys = load_keys(home.keys)
    names = {token(keys, person): f"<{person}>" for person in everybody(home)}
    opened, found = open_lake(str(lake)), {}
    for name, table in ALL_TABLES.items():
        if snapshot(opened, name).version < 0:
            continue
        rows = []
        for row in read_table(opened, name).to_pylist():
            for column in ("event_key", "stay_id", "scanner", "sealed", "hash"):
                if row.get(column) is not None:
                    row[column] = "other keys"
            persons = [names[row.pop(column)] for column in person_columns(table)]
            rows.append(repr((sorted(persons), row)))
        found[name] = sorted(rows)
    return found


def rotated(home, lake):
    """Rotate from the command line."""
    words = ("--keys", home.keys, "--lake", lake, "--authority-key", home.keys / "authority.key")
    done = truyvet("rotate", *words, "--format", "json")
    assert done.code == 0, done.err
    return done


@pytest.mark.parametrize("seed", WORLDS)
def test_after_a_rotation_only_the_tokens_differ_and_no_old_one_is_left(folder, seed):
    home, lake = Home(folder, seed), folder / "lake"
    home.run(lake, home.inputs, batches=2)
    home.contacts(lake)
    for _ in range(2):  # one rotation after another
        before, (tokens, keys) = renamed(home, lake), old_tokens(lake)
        old_key = (home.keys / "token.key").read_text().strip()
        done = rotated(home, lake)
        assert {row["table"] for row in json.loads(done.out)} >= {"scans", "vault", "encounters", "cases"}
        after = renamed(home, lake)
        assert differences(after, before) == []
        assert not tokens & old_tokens(lake)[0]
        assert not keys & old_tokens(lake)[1]
        for one in sorted(tokens)[::7]:
            assert places_of(folder / "lake", one) == []
        assert places_of(folder / "lake", 1, [*sorted(keys)[:20], *map(bytes.hex, [])]) == []
        assert not list(folder.glob(".lake*"))
        assert old_key not in "".join(path.read_text() for path in home.keys.glob("*.key"))
        assert truyvet("verify", "--lake", lake).code == 0
        reports = home.run(lake, home.inputs)
        assert [(one["accepted"], one["rejected"]) for one in reports] == [(0, 0)]
        assert differences(renamed(home, lake), before) == []
