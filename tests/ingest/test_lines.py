"""Lines come out whole and exactly once, wherever a file is cut and however long they are."""

import hashlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import DataError
from pipelines.ingest.inputs import Chunk
from pipelines.ingest.lines import LONG_LINE, whole_lines
from pipelines.ingest.ndjson_reader import read_ndjson
from tests.ingest.input_files import PACK, write


def arrays(data, size):
    return (np.frombuffer(data[at : at + size], np.uint8) for at in range(0, len(data), size))


def joined(blocks):
    return b"".join(block.tobytes() for block in blocks)


def lines_of(chunk, block_bytes):
    return [
        line for block in read_ndjson(chunk, block_bytes) for line in block.data.tobytes().splitlines(True)
    ]


def stand_in(line):
    return line[:LONG_LINE] + hashlib.sha256(line).hexdigest().encode() + b"\n"


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\xff", b"\n")), st.integers(1, 9))
def test_blocks_are_whole_lines_and_together_the_file(data, size):
    blocks = list(whole_lines(arrays(data, size)))
    assert joined(blocks) == data
    assert all(block.tobytes().endswith(b"\n") for block in blocks[:-1])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_chunks_cut_at_every_byte_hold_each_line_exactly_once(tmp_path, mark, end):
    text = b'{"a":1}\n\n{"b":"\xc3\xa9"}\r\n{}\n  \n{"c":[1,2,3]}' + end
    path = write(tmp_path, "a.ndjson", mark + text)
    size = len(mark + text)
    for first in range(size + 1):
        for second in range(first, size + 1):
            cuts = [0, first, second, size]
            chunks = [Chunk(n, path, "ndjson", "", cuts[n], cuts[n + 1]) for n in range(3)]
            lines = [line for chunk in chunks for line in lines_of(chunk, 4)]
            assert lines == text.splitlines(True)


@pytest.mark.parametrize("suffix", PACK)
def test_rows_ascend_over_the_blocks_of_a_chunk(tmp_path, suffix):
    content = b"".join(b'{"n":%d}\n' % n + b"\n" * (n % 3) for n in range(100))
    path = write(tmp_path, f"a.ndjson{suffix}", PACK[suffix](content))
    compression = {"": "", ".gz": "gzip", ".zst": "zstd"}[suffix]
    chunk = Chunk(0, path, "ndjson", compression, 0, len(content) if not suffix else 1)
    found = list(read_ndjson(chunk, 16))
    assert joined(block.data for block in found) == content
    rows = [block.first_row + n for block in found for n, _ in enumerate(block.data.tobytes().split())]
    assert len(rows) == 100
    assert rows == sorted(set(rows))


@pytest.mark.parametrize("over", [0, 1, 5])
@pytest.mark.parametrize("block_bytes", [1000, LONG_LINE - 7, LONG_LINE, 3 * LONG_LINE])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_long_line_has_the_same_stand_in_however_it_is_read(tmp_path, over, block_bytes, end):
    line = b"ab" * (LONG_LINE // 2) + b"c" * over
    path = write(tmp_path, "a.ndjson", b"{}\n" + line + b"\n{}\n" + line + end)
    size = 2 * len(line) + 7 + len(end)
    expected = stand_in(line) if over else line + b"\n"
    found = joined(block.data for block in read_ndjson(Chunk(0, path, "ndjson", "", 0, size), block_bytes))
    assert found == b"{}\n" + expected + b"{}\n" + (expected if over else line + end)


@pytest.mark.parametrize("suffix", PACK)
def test_a_line_of_a_hundred_megabytes_is_never_held(tmp_path, suffix):
    content = b'{"a":"' + b"x" * 100_000_000 + b'"}\n{}\n'
    path = write(tmp_path, f"a.ndjson{suffix}", PACK[suffix](content))
    compression = {"": "", ".gz": "gzip", ".zst": "zstd"}[suffix]
    chunks = [Chunk(0, path, "ndjson", compression, 0, 50_000_000)]
    if not suffix:
        chunks.append(Chunk(1, path, "ndjson", "", 50_000_000, len(content)))
    expected = stand_in(content[:-4])
    del content
    tracemalloc.start()
    found = [block.data for chunk in chunks for block in read_ndjson(chunk, 2 * LONG_LINE)]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert joined(found) == expected + b"{}\n"
    assert most < 12 * LONG_LINE


@pytest.mark.parametrize("begin", [b"PAR1", b"Obj\x01", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd"])
def test_a_file_of_another_kind_under_the_name_of_ndjson_is_refused(tmp_path, begin):
    path = write(tmp_path, "a.ndjson", begin + b"\n")
    with pytest.raises(DataError, match=r"a\.ndjson holds"):
        list(read_ndjson(Chunk(0, path, "ndjson", "", 0, 5)))
