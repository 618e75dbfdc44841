"""A record is found by the number that is told: its line in a text, its place among other records."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.formats.discovery.discover import Chunk, list_chunks
from pipelines.ingest.formats.ndjson import number_of_line, read_ndjson
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.formats.record_numbers import count_lines, record_numbers
from pipelines.ingest.formats.sociopatterns import read_tij
from pipelines.ingest.validate.scan_records import rows_of
from tests.ingest.input_files import SCANS, avro_of, parquet_of, write


def numbered(path, block_bytes=1 << 20, chunk_bytes=32 << 20):
    """(line of the file, the line) of each record of NDJSON, chunk by chunk."""
    found, before = [], 0
    for chunk in list_chunks([path], chunk_bytes=chunk_bytes):
        ends = 0
        for block in read_ndjson(chunk, block_bytes):
            rows = rows_of(block)
            for row, number in zip(rows.tolist(), record_numbers(block, rows).tolist(), strict=True):
                line = block.data[row:].tobytes().split(b"\n")[0]
                found.append((before + number, line))
                if not chunk.compression:
                    assert number_of_line(chunk, block.first_row + row) == number
            ends += block.line_ends
        before += ends
    return found


@pytest.mark.parametrize("block_bytes", [1, 7, 40, 1 << 20])
@pytest.mark.parametrize("chunk_bytes", [7, 30, 1 << 20])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_has_the_number_of_the_file_wherever_it_is_cut(tmp_path, block_bytes, chunk_bytes, mark, end):
    lines = [b'{"a": 1}', b"", b"  ", b"x" * 50, b"{}", b"\t", b"last"]
    expected = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    content = mark + end.join(lines)
    path = write(tmp_path, "a.ndjson", content)
    assert [(n, line.strip()) for n, line in numbered(path, block_bytes, chunk_bytes)] == expected
    packed = write(tmp_path, "b.ndjson.gz", gzip.compress(content))
    assert [(n, line.strip()) for n, line in numbered(packed, block_bytes)] == expected


def test_a_line_over_a_megabyte_counts_as_one(tmp_path):
    path = write(tmp_path, "a.ndjson", b"{}\n" + b"x" * 3_000_000 + b"\n{}\n" + b"y" * 2_000_000 + b"\n{}")
    assert [number for number, _ in numbered(path, 1 << 18)] == [1, 2, 3, 4, 5]
    assert [number for number, _ in numbered(path, 1 << 18, 1 << 20)] == [1, 2, 3, 4, 5]


@given(st.binary(max_size=300).map(lambda data: bytes(b"a\n\r\x8a"[byte % 4] for byte in data)))
def test_line_feeds_are_counted_as_python_counts_them(content):
    assert count_lines(np.frombuffer(content, np.uint8)) == content.count(b"\n")
    block = Lines(0, np.frombuffer(content, np.uint8), first_line=1)
    rows = np.arange(len(content))
    assert record_numbers(block, rows).tolist() == [content[:row].count(b"\n") + 1 for row in rows]


@pytest.mark.parametrize("chunk_bytes", [100, 1000, 1 << 20])
def test_a_row_of_parquet_has_its_place_in_the_file_wherever_it_is_cut(tmp_path, chunk_bytes):
    table = pa.table({name: [f"{n}" for n in range(50)] for name in ("person", "venue", "occurred_at")})
    path = write(tmp_path, "a.parquet", parquet_of(table, row_group_size=7))
    numbers = []
    for chunk in list_chunks([path], chunk_bytes=chunk_bytes):
        for block in read_blocks(chunk):
            own = record_numbers(block, np.arange(block.rows)).tolist()
            assert [block.fields["person"].value(row) for row in range(block.rows)] == [
                b"%d" % (number - 1) for number in own
            ]
            numbers += own
    assert sorted(numbers) == list(range(1, 51))


def test_a_record_of_avro_has_its_place_in_the_file(tmp_path):
    (chunk,) = list_chunks([write(tmp_path, "a.avro", avro_of(SCANS * 100, sync_interval=99))])
    found = [record_numbers(block, np.arange(block.rows)) for block in read_blocks(chunk)]
    assert np.concatenate(found).tolist() == list(range(1, 301))


def test_an_encounter_of_badges_has_the_line_of_its_first_slot(tmp_path):
    content = b"40 5 6\n\nrubbish\n20 1 2\n20 5 6\n60 1 2\n40 2 1\n"
    path = write(tmp_path, "a.dat", content)
    (block,) = read_tij(Chunk(0, path, "tij", "", 0, len(content)), "encounter", 0)
    found = {}
    for row, number in enumerate(record_numbers(block, np.arange(block.rows)).tolist()):
        found[number] = block.raw.get(row) or json.dumps(block.fields["person_a"].value(row).decode())
    assert found == {4: '"device:a-1"', 5: '"device:a-5"', 3: b"rubbish"}


def test_a_line_that_was_read_alone_has_no_number():
    block = Lines(90, np.frombuffer(b"{}\n", np.uint8))
    assert record_numbers(block, np.array([0])).tolist() == [0]
