"""A small province that was brought to a lake on the disk and to one in a store."""

import json
from pathlib import Path

import pytest

from pipelines.lake import Lake, commit, read_table, snapshot, write_data_file
from schemas.tables import SCANS, TABLES
from tests.end_to_end.commands import truyvet
from tests.lake.rows import scan_rows


class World:
    """A small province, and two lakes that were brought it in the same way, with the same keys."""

    def __init__(self, folder: Path, remote: str) -> None:
        self.folder = folder
        size = ("--people", 300, "--venues", 14, "--days", 3, "--seed", 1)
        made = truyvet("simulate", "--out", folder / "world", *size)
        self.now = json.loads(made.out)["now"]
        self.keys = folder / "keys"
        self.local, self.remote = str(folder / "lake"), remote
        for lake in (self.local, self.remote):
            self.run(
                lake, "scans", "--venues", folder / "world/venues.csv", "--cases", folder / "world/cases.csv"
            )
            self.run(lake, "late")
        self.cases = read_table(Lake(self.local), "cases")["case_id"].to_pylist()

    def run(self, lake, scans, *words):
        """`truyvet run` of a folder of scans; the report."""
        given = ("--scans", self.folder / "world" / scans, "--now", self.now, *words)
        return truyvet("run", "--lake", lake, "--keys", self.keys, *given).report

    def alike(self, *words):
        """Return the answer that both lakes give to a command, and what it said."""
        answers = []
        for lake in (self.local, self.remote):
            with pytest.MonkeyPatch.context() as patched:
                patched.setenv("TRUYVET_LAKE", lake)
                patched.setenv("TRUYVET_KEYS", str(self.keys))
                answers.append(truyvet(*words))
        assert answers[0].code == answers[1].code == 0, [answer.err for answer in answers]
        assert answers[0].out == answers[1].out
        return answers[1].out


def content(lake, name):
    """Return the rows of a table in their order, but for when they came and whose seal they bear."""
    rows = read_table(lake, name)
    return rows.select([column for column in rows.column_names if column not in ("received_at", "sealed")])


def in_order(rows):
    """Rows sorted by all their columns: files lie in the order of their names, which the receipt changes."""
    return rows.sort_by([(column, "ascending") for column in rows.column_names]).combine_chunks()


def add_scans(lake, seed, after):
    file = write_data_file(lake, SCANS, {"date": "2021-07-01"}, scan_rows(seed=seed))
    return commit(lake, "scans", [file], after=after)


def same_rows(world):
    for name in TABLES:
        remote, local = (content(Lake(lake), name) for lake in (world.remote, world.local))
        assert in_order(remote) == in_order(local), name
    for name in ("stays", "footfall"):
        files = [
            [file.relative for file in snapshot(Lake(lake), name).files]
            for lake in (world.remote, world.local)
        ]
        assert files[0] == files[1] != []
