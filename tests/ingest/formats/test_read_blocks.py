"""Every format and compression gives the same records; a file that is not what it claims ends the run."""

import datetime as dt
import gzip
import io
import zlib

import numpy as np
import pyarrow as pa
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from pipelines.errors import DataError, ServiceError
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.lake import storage
from tests.ingest.input_files import (
    FORMS,
    PACK,
    SCANS,
    avro_of,
    blocks,
    csv_of,
    ndjson_of,
    parquet_of,
    records,
    write,
)

EIGHT = "2021-07-01T01:00:00Z"
EIGHT_US = 1_625_101_200_000_000
UTC_TIMES = pa.array([EIGHT_US], pa.timestamp("us", "UTC"))


def scan_table(**columns):
    given = {"person": ["p"], "venue": ["v"], "occurred_at": [EIGHT]}
    return pa.table({**given, **columns})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pack", PACK)
def test_every_format_and_compression_gives_the_same_records(tmp_path, form, pack):
    assert records(write(tmp_path, f"a{form}{pack}", PACK[pack](FORMS[form](SCANS)))) == SCANS


@pytest.mark.parametrize("url", ["s3://bucket", "gs://bucket", "abfss://in@province.dfs.core.windows.net"])
def test_an_object_store_gives_the_same_records(store, url):
    for form, make in FORMS.items():
        for pack, packed in PACK.items():
            storage.put(f"{url}/a{form}{pack}", packed(make(SCANS)))
            assert records(f"{url}/a{form}{pack}", chunk_bytes=40) == SCANS


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv.gz", "a.parquet", "a.avro.zst"])
def test_a_store_that_breaks_off_is_a_missing_service_and_not_bad_data(store, monkeypatch, name):
    def break_off(*_, **__):
        raise GenericError("secret")

    storage.put(f"s3://bucket/{name}", b"x" * 100)
    chunks = list_chunks([f"s3://bucket/{name}"])
    monkeypatch.setattr(MemoryStore, "get_range", break_off)
    with pytest.raises(ServiceError, match="s3://bucket cannot be reached") as refusal:
        [block for chunk in chunks for block in read_blocks(chunk)]
    assert "secret" not in str(refusal.value)


def test_an_object_that_goes_while_it_is_read_is_an_unreadable_file(store):
    storage.put("s3://bucket/a.csv", b"x" * 100)
    (chunk,) = list_chunks(["s3://bucket/a.csv"])
    storage.remove("s3://bucket/a.csv")
    with pytest.raises(DataError, match=r"a\.csv is missing"):
        list(read_blocks(chunk))


def test_members_of_a_compressed_file_follow_one_another(tmp_path):
    for suffix in (".gz", ".zst"):
        parts = [PACK[suffix](ndjson_of([scan])) for scan in SCANS]
        assert records(write(tmp_path, f"a.ndjson{suffix}", b"".join(parts))) == SCANS


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("form", FORMS)
def test_a_compressed_file_that_is_cut_off_damaged_or_no_such_file_is_unreadable(tmp_path, suffix, form):
    whole = PACK[suffix](FORMS[form](SCANS * 50))
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0x55
    damaged = [bytes(changed)] if suffix == ".gz" else []  # zstd need not have a checksum
    for bad in [b"", whole[:3], whole[: len(whole) // 2], whole[:-1], b"text", whole + b"rest", *damaged]:
        path = write(tmp_path, f"a{form}{suffix}", bad)
        with pytest.raises(DataError, match=r"a\.\w+\.\w+ (is|cannot)"):
            records(path)


@pytest.mark.parametrize("form", [".parquet", ".avro"])
@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"Obj\x01", b"PAR1" + bytes(40) + b"PAR1", b"{}\n", b"x" * 999]
)
def test_a_file_that_is_not_parquet_or_avro_is_unreadable(tmp_path, form, content):
    with pytest.raises(DataError, match=rf"a\{form} "):
        records(write(tmp_path, f"a{form}", content))


@pytest.mark.parametrize("form", [".parquet", ".avro"])
def test_a_cut_off_file_is_unreadable_wherever_it_ends(tmp_path, form):
    whole = FORMS[form](SCANS)
    for stop in range(0, len(whole), 7):
        with pytest.raises(DataError):
            records(write(tmp_path, f"a{form}", whole[:stop]))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_holds_nothing_is_an_input_without_records(tmp_path, form):
    content = {
        ".ndjson": b"",
        ".csv": csv_of(SCANS).split(b"\r\n")[0],
        ".parquet": parquet_of(pa.Table.from_pylist(SCANS).slice(0, 0)),
        ".avro": avro_of([]),
    }[form]
    assert records(write(tmp_path, f"a{form}", content)) == []
    assert records(write(tmp_path, f"b{form}.gz", gzip.compress(content))) == []


@pytest.mark.parametrize("form", [".csv", ".parquet", ".avro"])
@pytest.mark.parametrize("missing", ["person", "occurred_at", "venue"])
def test_a_missing_column_is_named(tmp_path, form, missing):
    left = [{name: value for name, value in SCANS[0].items() if name != missing}]
    fields = [{"name": name, "type": "string"} for name in left[0]]
    schema = {"type": "record", "name": "R", "fields": fields}
    content = avro_of(left, schema) if form == ".avro" else FORMS[form](left)
    with pytest.raises(DataError, match=f"a{form} has no column .*`{missing}`") as refusal:
        records(write(tmp_path, f"a{form}", content))
    assert refusal.value.exit_code == 3
    assert "0905" not in str(refusal.value)


def test_a_parquet_of_code_alone_needs_no_venue(tmp_path):
    table = scan_table(code=["c"]).drop_columns("venue")
    assert records(write(tmp_path, "a.parquet", parquet_of(table)))[0]["code"] == "c"


@pytest.mark.parametrize(
    "type_",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
    ids=str,
)
@pytest.mark.parametrize("offset", [0, 2])
def test_text_of_parquet_may_be_of_any_width_or_a_dictionary(tmp_path, type_, offset):
    zones = ["F1", None, "", "Tầng 2", "F1"]
    table = pa.table(
        {"person": zones, "venue": zones, "occurred_at": zones, "zone": pa.array(zones).cast(type_)}
    )
    expected = zones[offset:]
    found = records(write(tmp_path, "a.parquet", parquet_of(table.slice(offset))))
    assert [row.get("zone") for row in found] == [zone or None for zone in expected]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (UTC_TIMES, EIGHT_US),
        (UTC_TIMES.cast(pa.timestamp("s", "UTC")), EIGHT_US),
        (UTC_TIMES.cast(pa.timestamp("ms", "Asia/Ho_Chi_Minh")), EIGHT_US),
        (pa.array([EIGHT_US * 1000 + 1999], pa.timestamp("ns", "+07:00")), EIGHT_US + 1),
        (pa.array([-1], pa.timestamp("ns", "UTC")), -1),
        (pa.array([2**62], pa.timestamp("ms", "UTC")), 2**63 // 1000 * 1000),
        (pa.array([EIGHT_US], pa.int64()), EIGHT_US),
        (pa.array([EIGHT], pa.large_string()), EIGHT),
    ],
    ids=str,
)
def test_instants_of_parquet_are_microseconds_of_utc(tmp_path, times, expected):
    found = records(write(tmp_path, "a.parquet", parquet_of(scan_table(occurred_at=times))))
    assert found[0]["occurred_at"] == pytest.approx(
        expected, abs=1000 if expected == 2**63 // 1000 * 1000 else 0
    )


def test_a_null_instant_of_parquet_is_absent(tmp_path):
    times = pa.array([None], pa.timestamp("us", "UTC"))
    assert records(write(tmp_path, "a.parquet", parquet_of(scan_table(occurred_at=times)))) == [
        {"person": "p", "venue": "v"}
    ]


@pytest.mark.parametrize("flavor", ["none", "spark"])
def test_local_times_of_parquet_are_unreadable_because_nobody_knows_where(tmp_path, flavor):
    times = pa.array([EIGHT_US], pa.timestamp("us"))
    options = {"use_deprecated_int96_timestamps": True} if flavor == "spark" else {}
    path = write(tmp_path, "a.parquet", parquet_of(scan_table(occurred_at=times), **options))
    with pytest.raises(DataError, match=r"a\.parquet has local times in `occurred_at`.*UTC"):
        records(path)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None]),
        pa.array([1.5, None]),
        pa.array([True, None]),
        pa.array([dt.date(2021, 7, 1), None]),
        pa.array([{"a": 1}, None]),
        pa.array([["a"], None]),
        pa.array([b"\xff", None]),
        pa.array([b"\xff", None]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("name", ["person", "zone", "scanner"])
def test_a_value_of_another_type_makes_its_row_malformed_and_null_does_not(tmp_path, column, name):
    table = pa.table({"person": ["p"] * 2, "venue": ["v"] * 2, "occurred_at": ["t"] * 2})
    index = table.schema.get_field_index(name)
    table = table.append_column(name, column) if index < 0 else table.set_column(index, name, column)
    found = records(write(tmp_path, "a.parquet", parquet_of(table)))
    assert found[0] == MALFORMED
    assert found[1].get(name) is None


def test_columns_that_nobody_knows_are_not_read(tmp_path):
    nested = pa.array([[{"x": ["y" * 1000]}]])
    table = scan_table(extra=nested).append_column("Zone", pa.array([1]))
    assert records(write(tmp_path, "a.parquet", parquet_of(table))) == [
        {"person": "p", "venue": "v", "occurred_at": EIGHT}
    ]


def test_a_column_twice_in_parquet_is_unreadable(tmp_path):
    table = scan_table().append_column("person", pa.array(["q"]))
    with pytest.raises(DataError, match="has the column `person` twice"):
        records(write(tmp_path, "a.parquet", parquet_of(table)))


@pytest.mark.parametrize("chunk_bytes", [1, 50, 1000, 1 << 20])
def test_each_row_group_is_read_once_wherever_the_file_is_cut(tmp_path, chunk_bytes):
    table = pa.table({name: [f"{name}{n}" for n in range(50)] for name in ("person", "venue", "occurred_at")})
    path = write(tmp_path, "a.parquet", parquet_of(table, row_group_size=7))
    assert records(path, chunk_bytes=max(chunk_bytes, 20)) == table.to_pylist()


def test_a_parquet_page_that_is_damaged_is_unreadable_where_it_has_a_checksum(tmp_path):
    table = pa.table(
        {name: [f"{name}{n}" for n in range(500)] for name in ("person", "venue", "occurred_at")}
    )
    whole = bytearray(parquet_of(table, write_page_checksum=True, compression="none", use_dictionary=False))
    at = whole.index(b"venue250")
    whole[at] ^= 1
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        records(write(tmp_path, "a.parquet", bytes(whole)))


def test_rows_are_numbered_through_the_blocks_of_a_chunk(tmp_path):
    table = pa.table({name: ["x"] * 300_000 for name in ("person", "venue", "occurred_at")})
    found = blocks(write(tmp_path, "a.parquet", parquet_of(table, row_group_size=100_000)))
    assert [block.first_row for block in found] == list(np.cumsum([0, *(b.rows for b in found)])[:-1])
    assert len(found) > 2


def test_text_with_a_damaged_gzip_end_is_refused_even_when_all_lines_came(tmp_path):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(ndjson_of(SCANS))
    content = bytearray(packed.getvalue())
    assert zlib.crc32(ndjson_of(SCANS)).to_bytes(4, "little") == bytes(content[-8:-4])
    content[-8] ^= 1
    with pytest.raises(DataError, match="cannot be read as newline-delimited JSON"):
        records(write(tmp_path, "a.ndjson.gz", bytes(content)))
