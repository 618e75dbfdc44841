"""From a file to checked scans: the format a record came in leaves no trace, and hostile ones are counted."""

import gzip
import random
import struct

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.scans import ParseSettings, parse
from pipelines.privacy.keys import create_keys
from tests.ingest.input_files import FORMS, PACK, SCANS, csv_of, ndjson_of, parquet_of, write

DAY_US = 86_400_000_000
NOW_US = 1_625_184_000_000_000  # 2021-07-02


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return ParseSettings(
        create_keys(tmp_path_factory.mktemp("keys") / "k"), NOW_US - 60 * DAY_US, NOW_US + DAY_US
    )


def parsed(settings, *paths, chunk_bytes=32 << 20):
    chunks = list_chunks([str(path) for path in paths], chunk_bytes=chunk_bytes)
    return [parse(block, chunk.number, settings) for chunk in chunks for block in read_blocks(chunk)]


def scans_of(results):
    """Return the scans without their row numbers, which say where they lay."""
    columns = [result.scans.drop_columns(["row", "zone"]).combine_chunks() for result in results]
    zones = [zone for result in results for zone in result.scans["zone"].to_pylist()]
    return pa.concat_tables(columns).to_pylist(), zones


def reasons_of(results):
    refused = [REASONS[reason] for result in results for reason in result.refused_reason]
    refused += [REASONS[fault] for result in results for fault in result.scans["fault"].to_pylist() if fault]
    return {reason: refused.count(reason) for reason in refused}


@pytest.fixture(scope="module")
def many():
    draw = random.Random(7)
    zones = ["", "Tầng 2", "F1", "Ta\u0302\u0300ng"]
    return [
        {
            "event_id": f"e{n}" if n % 3 else "",
            "person": draw.choice([f"phone:0905{n % 50:06}", f"qid:Nguyễn {n % 7}", "nobody"]),
            "venue": f"V{draw.randrange(20)}" if n % 11 else "",
            "direction": draw.choice(["in", "out", "unknown", "", "sideways"]),
            "occurred_at": f"2021-0{draw.randrange(1, 8)}-0{1 + n % 9}T08:{n % 60:02}:00+07:00",
            "zone": draw.choice(zones),
        }
        for n in range(700)
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", PACK)
def test_every_format_gives_the_same_scans_and_the_same_refusals(tmp_path, settings, many, form, pack):
    plain = parsed(settings, write(tmp_path, "plain.ndjson", ndjson_of(many)))
    found = parsed(
        settings, write(tmp_path, f"a{form}{pack}", PACK[pack](FORMS[form](many))), chunk_bytes=999
    )
    assert scans_of(found) == scans_of(plain)
    assert reasons_of(found) == reasons_of(plain)
    assert set(reasons_of(plain)) == {"malformed", "missing_field", "bad_person", "too_old", "too_new"}
    assert sum(result.received for result in found) == 700


def test_instants_as_text_and_as_timestamps_are_the_same_scan(tmp_path, settings):
    times = pa.array([1_625_101_200_000_000], pa.timestamp("us", "UTC"))
    table = pa.table({"person": ["qid:a"], "venue": ["V1"], "occurred_at": times})
    texts = table.set_column(2, "occurred_at", pa.array(["2021-07-01T08:00:00+07:00"]))
    paths = [write(tmp_path, f"{n}.parquet", parquet_of(rows)) for n, rows in enumerate((table, texts))]
    assert scans_of(parsed(settings, paths[0])) == scans_of(parsed(settings, paths[1]))


def test_rows_of_all_blocks_are_distinct_and_in_the_order_of_chunk_and_row(tmp_path, settings, many):
    for form in FORMS:
        write(tmp_path / "all", f"a{form}", FORMS[form](many[:100]))
    results = parsed(settings, tmp_path / "all", chunk_bytes=3000)
    rows = np.sort(np.concatenate([np.r_[r.scans["row"].to_numpy(), r.refused_row] for r in results]))
    assert np.unique(rows).size == 400
    assert (np.diff([int(r.refused_row[0]) for r in results if r.refused_row.size]) > 0).all()


GOOD = {"person": "phone:0905123456", "venue": "V1", "occurred_at": "2021-07-01T08:00:00+07:00"}
HOSTILE = {
    "a hundred megabytes": (b'{"person":"' + b"x" * 100_000_000 + b'"}', "too_large"),
    "a depth bomb": (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "too_deep"),
    "an open depth bomb": (b"[" * 15_000, "malformed"),
    "NaN": (b'{"person":"qid:a","venue":"V1","occurred_at":NaN}', "malformed"),
    "latin-1": ('{"person":"qid:Nguyên"}'.encode("latin-1"), "malformed"),
    "a list": (ndjson_of([GOOD], "")[1:-1].join([b"[", b"]"]), "malformed"),
    "the year 9999": (ndjson_of([GOOD | {"occurred_at": "9999-12-31T23:59:59Z"}], ""), "too_new"),
    "the year 0": (ndjson_of([GOOD | {"occurred_at": "0000-01-01T00:00:00Z"}], ""), "bad_time"),
    "no offset": (ndjson_of([GOOD | {"occurred_at": "2021-07-01T08:00:00"}], ""), "bad_time"),
    "no leap day": (ndjson_of([GOOD | {"occurred_at": "2021-02-29T08:00:00Z"}], ""), "bad_time"),
    "a leap day": (ndjson_of([GOOD | {"occurred_at": "2020-02-29T08:00:00Z"}], ""), "too_old"),
    "a code": (ndjson_of([GOOD | {"code": "x"}], ""), "bad_code"),
    "NUL": (b"\x00" * 100, "malformed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_line_is_refused_alone(tmp_path, settings, name):
    line, reason = HOSTILE[name]
    good = ndjson_of([GOOD], "\r\n")
    for suffix in PACK if len(line) < 1_000_000 else [""]:
        content = PACK[suffix](b"\xef\xbb\xbf" + good + line + b"\r\n" + good)
        results = parsed(settings, write(tmp_path, f"a.ndjson{suffix}", content))
        assert reasons_of(results) == {reason: 1}
        assert sum(result.received for result in results) == 3


def test_rows_of_a_csv_that_excel_wrote_in_vietnam_are_read(tmp_path, settings):
    content = b"\xef\xbb\xbf" + csv_of([GOOD, GOOD | {"zone": 'Tầng "2"; A'}], ";", "\r\n")
    assert scans_of(parsed(settings, write(tmp_path, "a.csv", content)))[1] == [None, 'Tầng "2"; A']


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ndjson.gz", gzip.compress(ndjson_of(SCANS) * 100)[:-20]),
        ("a.parquet", parquet_of(pa.table({"ts": [1], "user": ["phone:0905123456"]}))),
        ("a.csv", b"ts;user\n1;phone:0905123456\n"),
        ("a.parquet", b"PAR1" + struct.pack("<I", 2**31) + b"PAR1"),
        ("a.ndjson.gz", b""),
        ("a.csv", b""),
    ],
)
def test_an_unreadable_file_is_one_line_that_names_it_and_nothing_in_it(tmp_path, settings, name, content):
    with pytest.raises(DataError) as refusal:
        parsed(settings, write(tmp_path, name, content))
    assert refusal.value.exit_code == 3
    assert name in str(refusal.value)
    assert "0905" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
