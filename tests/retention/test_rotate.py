"""A rotation: the same lake under new tokens, and nothing of the old ones in any byte."""

import datetime as dt
import json
from collections import Counter

import pytest

from pipelines.lake import open_lake, read_table, snapshot
from pipelines.lake.forgotten import read_forgotten, write_forgotten
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import load_keys, token
from pipelines.retention.retoken import person_columns
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import truyvet
from tests.retention.forgetting import Home, bytes_of, differences, spellings, tables_of

WORLDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]


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
        # Of equal evidence the smaller pair of tokens is taken, so who is one human may hang on the key;
        # `truyvet verify` compares the table with the links.
        left_out = {"human", "links"} if name == "humans" else set()
        rows = []
        for row in read_table(opened, name).drop_columns([*left_out]).to_pylist():
            for column in ("event_key", "stay_id", "scanner", "sealed", "hash"):
                if row.get(column) is not None:
                    row[column] = "other keys"
            persons = [
                (names[row.pop(column)], row.pop(column.replace("person", "kind"), None))
                for column in person_columns(table)
                if column not in left_out
            ]
            rows.append(repr((sorted(persons), row)))
        found[name] = sorted(rows)
    return found


def left_in(folder, tokens, texts):
    """Files below a folder that hold a token in one of its spellings, or a text, raw or decoded."""
    wanted = [*texts, *(text for one in tokens for text in spellings(one).values())]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    content = {path: bytes_of(path) for path in files}
    whole = b"\n".join(content.values())
    found = [text for text in wanted if text in whole]
    return [(path.name, text) for path in files for text in found if text in content[path]]


def rotated(home, lake):
    """Rotate from the command line."""
    words = ("--keys", home.keys, "--lake", lake, "--authority-key", home.keys / "authority.key")
    done = truyvet("rotate", *words, "--format", "json")
    assert done.code == 0, done.err
    return done


def without_ties(home):
    """Inputs in which a person has one scan at most at an instant and a venue.

    The event key decides which of several is first, and with that, whether an `out` before them bounced
    and which of two stays has which zone.
    """
    taken = Counter(map(instant, home.inputs.scans))
    return home.inputs.only(lambda name, one: name != "scans" or taken[instant(one)] == 1)


def instant(scan):
    """Who was where when."""
    return canonical_person(scan["person"]), scan["venue"], dt.datetime.fromisoformat(scan["occurred_at"])


@pytest.mark.parametrize("seed", WORLDS)
def test_after_a_rotation_only_the_tokens_differ_and_no_old_one_is_left(folder, seed):
    home, lake = Home(folder, seed, size=6 if seed else 3), folder / "lake"
    home.inputs = without_ties(home)
    home.run(lake, home.inputs, batches=2)
    home.contacts(lake)
    for _ in range(2 if seed else 1):  # one rotation after another
        before, (tokens, keys) = renamed(home, lake), old_tokens(lake)
        old_key = (home.keys / "token.key").read_text().strip()
        done = rotated(home, lake)
        assert {row["table"] for row in json.loads(done.out)} >= {
            "scans",
            "vault",
            "encounters",
            "cases",
            "links",
        }
        after = renamed(home, lake)
        assert differences(after, before) == []
        assert not tokens & old_tokens(lake)[0]
        assert not keys & old_tokens(lake)[1]
        assert left_in(lake, tokens, keys) == []
        assert not list(folder.glob(".lake*"))
        assert old_key not in "".join(path.read_text() for path in home.keys.glob("*.key"))
        assert truyvet("verify", "--lake", lake).code == 0
        reports = home.run(lake, home.inputs)
        assert [(one["accepted"], one["rejected"]) for one in reports] == [(0, 0)]
        assert differences(renamed(home, lake), before) == []


def test_questions_lists_and_later_records_work_with_the_new_keys(folder):
    home, lake = Home(folder, 4, size=3), folder / "lake"
    half = home.inputs.only(lambda name, one: name != "scans" or one["occurred_at"] < "2021-07-08")
    assert 0 < len(half.scans) < len(home.inputs.scans)
    home.run(lake, half)
    rotated(home, lake)
    other = folder / "other"
    home.run(lake, home.inputs)
    home.run(other, home.inputs)  # with the same keys, and all at once
    assert differences(tables_of(lake), tables_of(other)) == []
    case = home.inputs.cases[0]
    truyvet("cases", "withdraw", case["case_id"], "--lake", lake, "--at", "2030-01-01")
    question = ("--keys", home.keys, "--lake", lake, "--person", case["person"])
    assert truyvet("overlaps", *question).code == 0
    key = home.keys / "authority.key"
    words = ("--lake", lake, "--all-cases", "--output", folder / "list", "--format", "csv")
    done = truyvet("export", "--keys", home.keys, *words, "--reveal", "--authority-key", key)
    assert done.code == 0, done.err


def test_the_persons_who_were_erased_stay_erased(folder):
    home, lake = Home(folder, 5, size=3), folder / "lake"
    home.run(lake, home.inputs)
    person = home.inputs.scans[0]["person"]
    words = ("erase", "--keys", home.keys, "--lake", lake, "--person", person, "--decision", "d")
    assert truyvet(*words).code == 0
    opened = open_lake(str(lake))
    write_forgotten(opened, read_forgotten(opened).erase_linked("ab" * 32, 1))
    assert "1 linked identifier erased without a name" in rotated(home, lake).err
    assert not read_forgotten(opened).linked
    report = home.run(lake, home.inputs)[0]
    assert report["accepted"] == 0
    assert report["reasons"]["erased"] > 0
    assert truyvet("erase", *words[1:]).code == 0  # with the new keys too
