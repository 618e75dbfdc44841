"""Lines come out whole and exactly once, wherever a file is cut and however long they are."""

import hashlib
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import DataError
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.line_blocks import LONG_LINE, whole_lines
from pipelines.ingest.formats.ndjson import lines_at, read_ndjson
from tests.ingest.input_files import PACK, blocks, write


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
    found = list(whole_lines(arrays(data, size)))
    blocks = [block for _, block in found]
    assert joined(blocks) == data
    assert all(block.tobytes().endswith(b"\n") for block in blocks[:-1])
    assert all(data.startswith(block.tobytes(), place) for place, block in found)


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


def numbered(chunk, block_bytes):
    """Return the lines of a chunk by their numbers."""
    found = []
    for block in read_ndjson(chunk, block_bytes):
        lines = block.data.tobytes().splitlines(True)
        at = block.first_row
        for line in lines:
            found.append((at, line))
            at += len(line)
    return found


@pytest.mark.parametrize("suffix", PACK)
def test_a_line_has_the_place_of_its_first_byte_as_its_number(tmp_path, suffix):
    content = b"".join(b'{"n":%d}\n' % n + b"\n" * (n % 3) for n in range(100))
    path = write(tmp_path, f"a.ndjson{suffix}", PACK[suffix](content))
    compression = {"": "", ".gz": "gzip", ".zst": "zstd"}[suffix]
    chunk = Chunk(0, path, "ndjson", compression, 0, len(content) if not suffix else 1)
    found = numbered(chunk, 16)
    assert b"".join(line for _, line in found) == content
    assert all(content.startswith(line, at) for at, line in found)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_line_of_a_chunk_is_found_again_by_its_number(tmp_path, mark):
    content = b"{}\n" + b"".join(b" " * (n % 5) + b'{"n":%d}\r\n\n' % n for n in range(9)) + b"{}"
    path = write(tmp_path, "a.ndjson", mark + content)
    size = len(mark + content)
    for cut in range(size + 1):
        for chunk in (Chunk(0, path, "ndjson", "", 0, cut), Chunk(1, path, "ndjson", "", cut, size)):
            found = numbered(chunk, 30)
            blocks = list(lines_at(chunk, [at for at, _ in found]))
            assert [block.first_row for block in blocks] == [at for at, _ in found]
            for block, (_, line) in zip(blocks, found, strict=True):
                assert block.data.tobytes().startswith(line)


def test_a_long_line_is_found_again_by_its_number_as_what_stands_for_it(tmp_path):
    long = b"x" * (LONG_LINE + 9)
    content = b"{}\n" + long + b"\n[]\n" + long
    path = write(tmp_path, "a.ndjson", content)
    chunk = Chunk(0, path, "ndjson", "", 0, len(content))
    blocks = list(lines_at(chunk, [3, 4 + len(long), 7 + len(long)]))
    for block, expected in zip(blocks, (stand_in(long), b"[]\n", stand_in(long)), strict=True):
        assert block.data.tobytes().startswith(expected)


def test_a_line_that_has_gone_meanwhile_is_said(tmp_path):
    path = write(tmp_path, "a.ndjson", b"{}\n{}\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(lines_at(Chunk(0, path, "ndjson", "", 0, 1 << 20), [1000]))


def test_a_line_that_has_moved_since_it_was_read_is_not_taken_for_what_lies_there_now(tmp_path):
    path = tmp_path / "moved.ndjson"
    path.write_bytes(b"first\nsecond\nthird\n")
    chunk = Chunk(0, str(path), "ndjson", "", 0, 1 << 10)
    assert [bytes(block.data[:6]) for block in lines_at(chunk, [6])] == [b"second"]
    path.write_bytes(b"longer\nsecond\nthird\n")
    for place in (1, 2, 3, 6):
        with pytest.raises(DataError, match="changed while it was read"):
            list(lines_at(chunk, [place]))


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


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"person": "p"}\n'.encode("utf-16"), "holds UTF-16 text: save it as UTF-8"),
        ('{"person": "p"}\n'.encode("utf-16-be"), "holds UTF-16 text without a byte order mark"),
        (b'{"person": "p"}\r{"person": "q"}\r', "ends its lines in carriage returns: end them in line feeds"),
        (b"PK\x03\x04...", "holds an Excel workbook or a ZIP archive"),
    ],
)
@pytest.mark.parametrize("suffix", PACK)
def test_text_that_is_not_ndjson_in_utf_8_is_told_by_what_it_is(tmp_path, content, says, suffix):
    path = write(tmp_path, f"a.ndjson{suffix}", PACK[suffix](content))
    with pytest.raises(DataError, match=rf"a\.ndjson\S* {says}"):
        blocks(path)


def test_carriage_returns_within_a_record_are_blanks(tmp_path):
    path = write(tmp_path, "a.ndjson", b'{"person": "p",\r"venue": "v"}\r\n')
    (block,) = blocks(path)
    assert json.loads(block.data.tobytes()) == {"person": "p", "venue": "v"}
