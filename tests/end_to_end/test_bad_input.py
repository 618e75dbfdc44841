"""What bad input gets: one line, an exit code, a lake as it was; and the rerun finishes the job."""

import gzip
import io
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.end_to_end.commands import rows_of, run, truyvet, version_of
from tests.end_to_end.worlds import lines_of
from tests.ingest.input_files import avro_of, parquet_of

NOW = "2021-08-01T00:00:00Z"
SCANS = [
    {
        "event_id": "scan one",
        "person": "phone:0905111222",
        "venue": "V1",
        "occurred_at": "2021-07-20T08:00:00Z",
    },
    {"event_id": "scan two", "person": "device:Hà", "venue": "V1", "occurred_at": "2021-07-20T08:10:00Z"},
]
LINES = lines_of(SCANS)


@pytest.fixture(scope="module")
def lake(shared_folder):
    """A lake with one batch, for what must leave it as it is."""
    shared_folder.joinpath("a.ndjson").write_bytes(LINES)
    shared_folder.joinpath("v.csv").write_text("venue,type\nV1,shop\n")
    made = shared_folder / "lake"
    run(made, "--scans", shared_folder / "a.ndjson", "--venues", shared_folder / "v.csv", now=NOW)
    return made


def state_of(lake: Path) -> list[tuple[str, float]]:
    """Return every file of a lake and when it was written."""
    return sorted((str(path), path.stat().st_mtime) for path in lake.rglob("*") if path.is_file())


def is_refused(lake: Path, code: int, *words: object, says: str = "") -> None:
    """See that `run` fails with a code and one line, names no value, and leaves the lake as it is."""
    before, version = state_of(lake), version_of(lake)
    done = truyvet("run", "--lake", lake, "--now", NOW, *words)
    assert (done.code, done.out) == (code, ""), done.err
    assert done.err.count("\n") == 1
    assert done.err.startswith("truyvet run: ")
    assert says in done.err
    assert "internal error" not in done.err
    assert not any(value in done.err for scan in SCANS for value in scan.values())
    assert version_of(lake) == version
    assert state_of(lake) == before


def parquet(**columns: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


TIMES = pa.array([1_626_768_000_000_000])
UNREADABLE = {
    "a.ndjson.gz": {
        "truncated": gzip.compress(LINES * 50)[:-9],
        "cut in the header": gzip.compress(LINES)[:6],
        "empty": b"",
        "plain": LINES,
        "a flipped byte": gzip.compress(LINES)[:-6] + b"\x00" + gzip.compress(LINES)[-5:],
        "rubbish behind it": gzip.compress(LINES) + b"rubbish",
    },
    "a.ndjson.zst": {
        "truncated": zstandard.compress(LINES * 50)[:-5],
        "empty": b"",
    },
    "a.parquet": {
        "other columns": parquet(who=pa.array(["x"]), when=TIMES),
        "no person": parquet(venue=pa.array(["V1"]), occurred_at=TIMES),
        "no venue and no code": parquet(person=pa.array(["device:x"]), occurred_at=TIMES),
        "local times": parquet(
            person=pa.array(["device:x"]), venue=pa.array(["V"]), occurred_at=TIMES.cast(pa.timestamp("us"))
        ),
        "truncated": parquet_of(SCANS)[:-20],
        "not Parquet": LINES,
        "empty": b"",
    },
    "a.avro": {"truncated": avro_of(SCANS)[:-20], "not Avro": LINES, "empty": b""},
    "a.csv": {
        "empty": b"",
        "no person": b"venue,occurred_at\nV1,2021-07-20T08:00:00Z\n",
        "a column twice": b"person,person,venue,occurred_at\n",
        "Parquet": parquet_of(SCANS),
        "no header": LINES,
    },
    "a.ndjson": {"gzip": gzip.compress(LINES), "Parquet": parquet_of(SCANS)},
    "a.unknown": {"text": b"hello\n", "nothing": b""},
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(name, raw, id=f"{name} {what}", marks=pytest.mark.slow if number % 3 else ())
        for name, all_of in UNREADABLE.items()
        for number, (what, raw) in enumerate(all_of.items())
    ],
)
def test_an_unreadable_file_ends_the_run_and_changes_nothing(lake, folder, name, content):
    path = folder / name
    path.write_bytes(content)
    folder.joinpath("z-good.ndjson").write_bytes(lines_of([{**SCANS[0], "event_id": "scan three"}]))
    is_refused(lake, 3, "--scans", path, folder / "z-good.ndjson", says=str(path))


def test_a_file_that_breaks_off_after_good_records_commits_none_and_the_next_run_takes_all(folder):
    lines = lines_of({**SCANS[0], "event_id": f"e{number}"} for number in range(2_000))
    whole = gzip.compress(lines)
    path = folder / "a.ndjson.gz"
    path.write_bytes(whole[: len(whole) // 2])
    done = truyvet("run", "--lake", folder / "lake", "--now", NOW, "--scans", path)
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert all(version_of(folder / "lake", table) == -1 for table in ("scans", "vault", "rejects", "stays"))
    assert os.listdir(folder / "lake/_scratch") == ["writers.lock"]
    path.write_bytes(whole)
    assert run(folder / "lake", "--scans", path, now=NOW)["accepted"] == 2_000


def test_an_unreadable_registry_or_case_file_changes_nothing(lake, folder):
    good, bad = folder / "s.ndjson", folder / "other.csv"
    good.write_bytes(lines_of([{**SCANS[0], "event_id": "scan three"}]))
    for flag, text in (("--venues", "name,type\nx,shop\n"), ("--venues", ""), ("--cases", "case_id,who\n")):
        bad.write_text(text)
        is_refused(lake, 3, "--scans", good, flag, bad, says=str(bad))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, []),
        (2, ["--scans"]),
        (2, ["--scanz", "x"]),
        (2, ["--scans", "HERE/a.ndjson", "--now", "yesterday"]),
        (2, ["--scans", "HERE/a.ndjson", "--max-age-days", "-1"]),
        (2, ["--scans", "HERE/a.ndjson", "--max-ahead-days", "nan"]),
        (2, ["--scans", "HERE/a.ndjson", "--runner", "spark"]),
        (2, ["--scans", "nowhere://bucket/a.ndjson"]),
        (3, ["--scans", "HERE/missing.ndjson"]),
        (3, ["--scans", "HERE/*.nothing"]),
        (3, ["--scans", "HERE/empty"]),
        (3, ["--scans", "/dev/null"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_wrong_flag_or_a_missing_file_is_one_line(lake, folder, code, words):
    folder.joinpath("a.ndjson").write_bytes(LINES)
    folder.joinpath("empty").mkdir()
    is_refused(lake, code, *(word.replace("HERE", str(folder)) for word in words))


def test_other_keys_and_missing_keys_are_refused_and_never_made(lake, folder):
    scans = folder / "a.ndjson"
    scans.write_bytes(lines_of([{**SCANS[0], "event_id": "scan three"}]))
    run(folder / "other", "--scans", scans, now=NOW)
    is_refused(lake, 5, "--scans", scans, "--keys", folder / "other.keys", says="other keys")
    is_refused(lake, 5, "--scans", scans, "--keys", folder / "none", says="--keys")
    is_refused(lake, 5, "--scans", scans, "--keys", lake / "keys", says="inside")
    assert not (folder / "none").exists()
    assert not (lake / "keys").exists()


def test_a_damaged_key_is_one_line(lake, folder):
    scans = folder / "a.ndjson"
    scans.write_bytes(LINES)
    shutil.copytree(f"{lake}.keys", folder / "keys")
    for name in ("token.key", "event.key", "authority.pub"):
        whole = (folder / "keys" / name).read_bytes()
        for damaged in (b"", whole[:40], b"\xff" * len(whole)):
            (folder / "keys" / name).write_bytes(damaged)
            is_refused(lake, 3, "--scans", scans, "--keys", folder / "keys", says=name)
        (folder / "keys" / name).write_bytes(whole)


def test_a_folder_of_something_else_is_never_made_a_lake(folder):
    folder.joinpath("a.ndjson").write_bytes(LINES)
    folder.joinpath("home/photos").mkdir(parents=True)
    is_refused(folder / "home", 5, "--scans", folder / "a.ndjson", says="neither a lake nor empty")
    folder.joinpath("file").write_text("")
    is_refused(folder / "file", 3, "--scans", folder / "a.ndjson", says="is a file")
    assert not (folder / "home.keys").exists()


def test_other_durations_are_refused_until_everything_is_recomputed(lake, folder, monkeypatch):
    import schemas.stay_rules

    copy = folder / "lake"
    shutil.copytree(lake, copy)
    shutil.copytree(f"{lake}.keys", folder / "lake.keys")
    text = schemas.stay_rules.STAYS_TOML.read_text()
    changed = folder / "stays.toml"
    changed.write_text(text.replace('version = "', 'version = "other '))
    folder.joinpath("a.ndjson").write_bytes(lines_of([{**SCANS[0], "event_id": "scan three"}]))
    monkeypatch.setattr("schemas.stay_rules.STAYS_TOML", changed)
    is_refused(copy, 5, "--scans", folder / "a.ndjson", says="truyvet recompute")
    assert truyvet("recompute", "--lake", copy).code == 0
    assert run(copy, "--scans", folder / "a.ndjson", now=NOW)["accepted"] == 1


def test_csv_comes_with_a_mark_returns_semicolons_and_latin_1(folder):
    names = "person,venue,occurred_at,zone"
    rows = [
        "phone:0905111222,V1,2021-07-20T08:00:00Z,T1",
        "device:Hà,V1,2021-07-20T08:10:00Z,",
        'device:Hà,"V;1",2021-07-20T08:20:00Z,"T\r\n1"',
    ]
    texts = {
        "plain": "\n".join([names, *rows]),
        "mark": "\ufeff" + "\r\n".join([names, *rows]) + "\r\n",
        "semicolons": "\n".join(line.replace(",", ";").replace('"V;1"', '"V;1"') for line in [names, *rows]),
        "tabs": "\n".join(line.replace(",", "\t") for line in [names, *rows]) + "\n\n",
    }
    for what, text in texts.items():
        folder.joinpath(f"{what}.csv").write_bytes(text.encode())
    latin = "\n".join([names, *rows[:2]]).replace("à", "\xe0")
    folder.joinpath("latin.csv").write_bytes(latin.encode("latin-1"))
    report = run(folder / "lake", "--scans", folder / "*.csv", now=NOW)
    assert (report["received"], report["accepted"], report["duplicate"]) == (14, 2, 7)
    assert report["reasons"] == {"bad_text": 4, "malformed": 1}


def test_a_line_of_100_megabytes_is_one_refused_record(folder):
    with open(folder / "a.ndjson", "wb") as file:
        file.write(LINES)
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + lines_of([{**SCANS[0], "event_id": "behind"}]))
    report = run(folder / "lake", "--scans", folder / "a.ndjson", now=NOW)
    assert (report["received"], report["accepted"], report["reasons"]) == (4, 3, {"too_large": 1})


def test_a_venue_that_is_registered_later_gets_its_stays(folder):
    folder.joinpath("a.ndjson").write_bytes(LINES)
    report = run(folder / "lake", "--scans", folder / "a.ndjson", now=NOW)
    assert report["unregistered"] == 2
    assert rows_of(folder / "lake", "stays") == []
    folder.joinpath("v.csv").write_text("venue,type\nV1,shop\n")
    report = run(folder / "lake", "--venues", folder / "v.csv", now=NOW)
    assert report["stays_version"] == report["scans_version"]
    assert len(rows_of(folder / "lake", "stays")) == 4
    folder.joinpath("v.csv").write_text("venue,type,closed_at\nV1,shop,2021-07-20T08:10:00Z\n")
    run(folder / "lake", "--venues", folder / "v.csv", now=NOW)
    assert len(rows_of(folder / "lake", "stays")) == 2


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        ("1970-01-01T00:00:00Z", {"too_new": 3, "too_old": 1}),
        pytest.param("0001-01-01T00:00:00Z", {"too_new": 3, "too_old": 1}, marks=pytest.mark.slow),
        pytest.param("9999-12-31T23:59:59Z", {"too_new": 1, "too_old": 3}, marks=pytest.mark.slow),
    ],
)
def test_ages_are_measured_from_any_instant_and_no_scan_lies_outside_of_the_calendar(folder, now, reasons):
    ends = [
        {**SCANS[0], "occurred_at": at} for at in ("9999-12-31T23:59:59-07:00", "0001-01-01T00:00:00+07:00")
    ]
    folder.joinpath("a.ndjson").write_bytes(LINES + lines_of(ends))
    report = run(folder / "lake", "--scans", folder / "a.ndjson", now=now)
    assert report["reasons"] == reasons


def test_a_missing_or_damaged_data_file_is_one_line_that_names_it(lake, folder):
    copy = folder / "lake"
    shutil.copytree(lake, copy)
    shutil.copytree(f"{lake}.keys", folder / "lake.keys")
    folder.joinpath("a.ndjson").write_bytes(lines_of([{**SCANS[0], "event_id": "scan three"}]))
    (file,) = copy.glob("scans/*/*.parquet")
    whole = file.read_bytes()
    for damaged in (whole[:50], None):
        file.unlink() if damaged is None else file.write_bytes(damaged)
        is_refused(copy, 3, "--scans", folder / "a.ndjson", says=file.name)
    file.write_bytes(whole)
    assert run(copy, "--scans", folder / "a.ndjson", now=NOW)["accepted"] == 1
