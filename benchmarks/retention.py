"""Forgetting a person, a day and a key: seconds beside a rebuild of the lake, and what bytes are left."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.files_to_lake import DAYS, files_to_lake
from benchmarks.inputs import START, Province, province
from benchmarks.measure import report, run, truyvet

_TOKEN_DIGITS = 16


def measure(work: Path, scans: int) -> None:
    """Build a lake, erase a person, purge the first day and rotate the keys; check each before its row."""
    made, lake = province(work, scans, DAYS), work / "retention"
    built = files_to_lake(made, lake)
    person = _first_person(made)
    token = _token(lake, person)
    assert _left(lake, token, person) > 0
    erased = run(truyvet("erase", "--lake", lake, "--person", person, "--decision", "benchmark"))
    assert _left(lake, token, person) == 0
    purged = run(truyvet("purge", "--lake", lake, "--days", DAYS - 1, "--now", made.now.isoformat()))
    assert not list((lake / "scans" / f"date={START}").glob("*"))
    before, old = _answer(lake, work), _tokens(lake)
    authority = lake.with_name(f"{lake.name}.keys") / "authority.key"
    rotated = run(truyvet("rotate", "--lake", lake, "--authority-key", authority))
    assert _answer(lake, work) == before
    assert not np.isin(_tokens(lake), old).any()
    report(
        "retention",
        [
            {
                "what": what,
                "scans": made.lines,
                "seconds": cost.wall_seconds,
                "against a rebuild": cost.wall_seconds / built.wall_seconds,
                "peak MB": cost.peak_mb,
            }
            for what, cost in (
                ("truyvet run, a rebuild", built),
                ("erase a person", erased),
                ("purge a day", purged),
                ("rotate the keys", rotated),
            )
        ],
    )


def _first_person(made: Province) -> str:
    for path in sorted(made.scans.glob("*.ndjson")):
        with path.open("rb") as file:
            for line in file:
                scan = json.loads(line)
                if str(scan.get("person", "")).startswith("phone:+84"):
                    return str(scan["person"])
    raise AssertionError("no scan names a phone")


def _token(lake: Path, person: str) -> int:
    shown = run(truyvet("token", "--lake", lake, person)).stdout.split()[-1]
    return int(np.array([int(shown, _TOKEN_DIGITS)], np.uint64).view(np.int64)[0])


def _left(lake: Path, token: int, person: str) -> int:
    """Count files of the lake that hold the token or the identifier as bytes, and columns once decoded.

    Sidecars are mapped as they lie, so their columns are found as bytes.
    """
    unsigned = token % 2**64
    spellings = [
        unsigned.to_bytes(8, "little"),
        unsigned.to_bytes(8, "big"),
        str(token).encode(),
        f"{unsigned:016x}".encode(),
        person.partition(":")[2].encode(),
    ]
    raw = sum(
        any(spelling in path.read_bytes() for spelling in spellings)
        for path in lake.rglob("*")
        if path.is_file()
    )
    decoded = sum(bool(pc.any(pc.equal(column, token)).as_py()) for column in _int64_columns(lake))
    return raw + decoded


def _int64_columns(lake: Path) -> Iterator[pa.ChunkedArray]:
    for path in lake.rglob("*.parquet"):
        file = pq.ParquetFile(path)
        names = [field.name for field in file.schema_arrow if field.type == pa.int64()]
        yield from file.read(names).columns


def _tokens(lake: Path) -> pa.Array:
    """Return the tokens of all persons of the vault, int64."""
    found = [pq.read_table(path, columns=["person"])["person"] for path in lake.glob("vault/*.parquet")]
    return np.concatenate([column.to_numpy() for column in found])


def _answer(lake: Path, work: Path) -> Counter[tuple[object, ...]]:
    """Return the rows of a trace of all cases, without the tokens and what hangs on them."""
    path = work / "answer.parquet"
    run(truyvet("trace", "--lake", lake, "--all-cases", "--depth", 1, "--output", path))
    rows = pq.read_table(path)
    path.unlink()
    # Of infectors with equal exposures the token decides, so what is counted of the one is left out.
    return Counter(
        zip(*(rows[name].to_pylist() for name in ("tier", "exposed_at", "last_contact")), strict=True)
    )
