"""CSV is read by the rules of RFC 4180, and where a file breaks them it costs one line."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError
from pipelines.ingest.formats.csv import read_csv
from pipelines.ingest.formats.csv_kernel import LOOK_BYTES
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.record_numbers import record_numbers
from pipelines.ingest.reject_reasons import MALFORMED, TOO_LARGE
from tests.ingest.input_files import SCANS, csv_of, record_of, records, write

HEADER = b"person,occurred_at,venue\n"


def rows_of(tmp_path, content, block_bytes=1 << 20):
    path = write(tmp_path, "a.csv", content)
    found = read_csv(Chunk(0, path, "csv", "", 0, len(content)), "scan", block_bytes)
    return [record_of(block, row) for block in found for row in range(block.rows)]


def values(tmp_path, content, block_bytes=1 << 20):
    """Broken rows as their reason, others as (person, occurred_at, venue)."""
    return [
        row if isinstance(row, int) else tuple(row.get(n, "") for n in ("person", "occurred_at", "venue"))
        for row in rows_of(tmp_path, HEADER + content, block_bytes)
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiters_line_ends_and_byte_order_marks_change_nothing(tmp_path, delimiter, end, mark):
    path = write(tmp_path, "a.csv", mark + csv_of(SCANS, delimiter, end))
    assert records(path) == SCANS


def test_names_of_columns_are_trimmed_and_their_order_and_unknown_ones_do_not_count(tmp_path):
    content = b'note, venue ,"person",Zones,occurred_at\nn1,V1,p1,z1,t1\n'
    assert rows_of(tmp_path, content) == [{"person": "p1", "venue": "V1", "occurred_at": "t1"}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n\r\n\n", []),
        (b"p,t,v", [("p", "t", "v")]),
        (b"p,t,v\r\n\np,t,v\r", [("p", "t", "v")] * 2),
        (b",,\n", []),
        (b"p,t,v\n,,\n , ,\r\n,,,,,\r\np,t,v\n,\n,,", [("p", "t", "v")] * 2),
        (b'"","",""\n', [("", "", "")]),
        (b'"a,""b""\r\n","",v\n', [('a,"b"\r\n', "", "v")]),
        (b'""""""""""," ",v\n', [('""""', " ", "v")]),
        (b'a"b,"t",v"\n', [('a"b', "t", 'v"')]),
        (b' "a",t,v\n', [(' "a"', "t", "v")]),
        (b"p\x00,t,v\n", [("p\x00", "t", "v")]),
        (b"p,t\np,t,v,x\n p\np,t,v\n", [MALFORMED, MALFORMED, MALFORMED, ("p", "t", "v")]),
        (b"p\xe9,t,v\np,t,v\n", [MALFORMED, ("p", "t", "v")]),
        (b"\xed\xa0\x80,t,v\n\xc0\x80,t,v\n\xf4\x90\x80\x80,t,v\n", [MALFORMED] * 3),
        ("Đ😀,t,v\n".encode(), [("Đ😀", "t", "v")]),
        (b'"p"x,t,v\np,t,v\n', [MALFORMED, ("p", "t", "v")]),
        (b'"p,t,v\np,t,v\np,t,v\n', [MALFORMED, ("p", "t", "v"), ("p", "t", "v")]),
        (b'p,t,"v\n"p",t,v\np,t,v\n', [MALFORMED, ("p", "t", "v"), ("p", "t", "v")]),
        (b'p,t,"v', [MALFORMED]),
        (b'p,t,"v"\rx\np,t,v\n', [MALFORMED, ("p", "t", "v")]),
        (b"p," + b"t" * 16_377 + b",v\n", [("p", "t" * 16_377, "v")]),
        (b"p," + b"t" * 16_381 + b",v\np,t,v\n", [TOO_LARGE, ("p", "t", "v")]),
        (b'p,t,"' + b"v\n" * 9000 + b'"\np,t,v\n', [TOO_LARGE, ("p", "t", "v")]),
        (b"p,t," + b"v" * 3_000_000 + b"\np,t,v\n", [TOO_LARGE, ("p", "t", "v")]),
        (b'p,t,"' + b"v" * 3_000_000 + b'"\np,t,v\n', [TOO_LARGE, ("p", "t", "v")]),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
def test_a_record_is_what_rfc_4180_says_or_one_line_is_refused(tmp_path, content, expected, block_bytes):
    size = max(block_bytes, len(content) // 50)
    assert values(tmp_path, content, size) == expected


def test_a_stray_quote_costs_one_line_though_no_other_quote_follows_for_long(tmp_path):
    content = HEADER + b'"p,t,v\n' + b"p,t,v\n" * (LOOK_BYTES // 3)
    path = write(tmp_path, "a.csv", content)
    found = list(read_csv(Chunk(0, path, "csv", "", 0, len(content)), "scan", 1 << 18))
    assert sum(block.rows for block in found) == LOOK_BYTES // 3 + 1
    assert sum(block.broken.sum() for block in found) == found[0].broken[0] == MALFORMED


def test_a_row_that_cannot_be_divided_keeps_its_raw_bytes_for_the_digest(tmp_path):
    path = write(tmp_path, "a.csv", HEADER + b"p,t,v\r\np,t\r\n\xe9,t,v\r\n")
    (block,) = read_csv(Chunk(0, path, "csv", "", 0, 1), "scan")
    assert block.raw == {1: b"p,t", 2: b"\xe9,t,v"}


plain = st.text(st.sampled_from('ab,;"\n\r\té '), max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(plain, min_size=3, max_size=3), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    block_bytes=st.sampled_from([1, 5, 1 << 20]),
)
def test_what_pythons_csv_writes_is_read_back(tmp_path_factory, rows, quoting, end, block_bytes):
    if quoting == csv.QUOTE_MINIMAL:  # leaves a lone return without quotes
        rows = [[value.replace("\r", "") for value in row] for row in rows]
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows(rows)
    found = values(tmp_path_factory.mktemp("csv"), text.getvalue().encode(), block_bytes)
    blank = quoting == csv.QUOTE_MINIMAL  # a line of nothing but delimiters and blanks is not a record
    assert found == [tuple(row) for row in rows if not blank or any(value.strip(" ") for value in row)]


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60).map(
        lambda data: data.translate(bytes(b'ab,"\n\r\xc3\xa9'[n % 8] for n in range(256)))
    )
)
def test_no_bytes_lead_the_reader_astray_and_blocks_change_nothing(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("csv")
    found = values(folder, content)
    assert all(values(folder, content, size) == found for size in (1, 3))
    good = b"\npppp,tttt,vvvv\n"
    assert values(folder, content + good * 2)[-1] == ("pppp", "tttt", "vvvv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no header"),
        (b"\xef\xbb\xbf\r\n \n", "has no header"),
        (b"person,venue\nsecret,V1\n", "has no column `occurred_at`"),
        (b"occurred_at,venue\n", "has no column `person` or `person_code`"),
        (b"person,occurred_at,zone\n", "has no column `venue` or `code`"),
        (b"Persons,occurred_at,venue\n", "has no column `person` or `person_code`, but `Persons`"),
        (b"person,occurred_at,venue,person\n", "has the column `person` twice"),
        (b"phone:0905123456,2021,V1\n", "has no column `occurred_at`"),
        (b"PAR1rest", "holds parquet under another name"),
        (b"\x00" * 100_000, "has no column"),
        (b"a" * 200_000, "has no column"),
    ],
)
def test_a_file_without_the_columns_is_refused_by_name(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as refusal:
        rows_of(tmp_path, content)
    assert "a.csv" in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "0905" not in str(refusal.value)


def test_a_header_alone_holds_no_records(tmp_path):
    assert rows_of(tmp_path, HEADER) == []
    assert rows_of(tmp_path, HEADER.strip()) == []


GOOD = [("p", "t", "v"), ("q", "t", "Chợ")]
TEXT = "person,occurred_at,venue\r\np,t,v\r\nq,t,Chợ\r\n"


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\r\n", "\n").encode("utf-16"),
        TEXT.replace("\r\n", "\r").encode(),
        TEXT.replace("\r\n", "\r").strip("\r").encode(),
        TEXT.replace("\r\n", "\r").encode("utf-16"),
        TEXT.replace("\r\n", "\r\r\n").encode(),
        ("sep=,\r\n" + TEXT).encode(),
        ("\ufeffSEP=;\r\n" + TEXT.replace(",", ";")).encode(),
        ('"sep=^"\r\n' + TEXT.replace(",", "^")).encode(),
        ("sep=\t\r\n" + TEXT.replace(",", "\t")).encode(),
        ("sep=;\r\n" + TEXT.replace(",", ";")).encode("utf-16"),
        TEXT.replace(",", "|").encode(),
        TEXT.replace("person,occurred_at", "Person,OCCURRED_AT").encode(),
        ("\r\n,,\r\n" + TEXT + ",,\r\n" * 300).encode(),
        TEXT.replace("person", "\u00a0person\u200b").encode(),
    ],
)
def test_csv_in_disguise_is_read_where_it_is_certain(tmp_path, content, block_bytes):
    found = rows_of(tmp_path, content, block_bytes)
    assert [(row["person"], row["occurred_at"], row["venue"]) for row in found] == GOOD


def test_utf_16_that_is_broken_costs_its_record_alone(tmp_path):
    content = TEXT.replace("q,t", "\ud800,t").encode("utf-16", "surrogatepass")
    content += "r,t,v\r\n".encode("utf-16-le")
    found = rows_of(tmp_path, content)
    assert [row if isinstance(row, int) else row["person"] for row in found] == ["p", MALFORMED, "r"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.encode("utf-16-le"), "holds UTF-16 text without a byte order mark: save it as UTF-8"),
        (TEXT.encode("utf-32"), "holds UTF-32 text: save it as UTF-8"),
        (b"PK\x03\x04" + b"x" * 100, "holds an Excel workbook or a ZIP archive: save the sheet as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "holds an old Excel workbook"),
        (b"<html><table>", "holds HTML or XML: save the sheet as CSV UTF-8"),
        (b'{"person": "p"}', r"holds JSON: name it \.ndjson"),
        (b"\xef\xbb\xbf[{", "holds a JSON array: write one record a line"),
        (b"%PDF-1.7", "holds a PDF"),
    ],
)
def test_what_is_not_csv_is_told_by_what_it_is(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        rows_of(tmp_path, content)


@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
def test_a_record_is_numbered_by_the_line_of_the_file_on_which_it_begins(tmp_path, block_bytes):
    begin = ["sep=,", "", "person,occurred_at,venue", "p,t,v", ",,", 'p,t,"v\r\nv""\n"', "", "p,t,v"]
    lines = [*begin, "p,t", '"p"x,t,v', 'p,t,"v', "p,t,v", ""]
    content = "\r\n".join(lines).encode()
    path = write(tmp_path, "a.csv", content)
    found = list(read_csv(Chunk(0, path, "csv", "", 0, len(content)), "scan", block_bytes))
    numbers = [int(number) for block in found for number in record_numbers(block, np.arange(block.rows))]
    assert numbers == [4, 6, 10, 11, 12, 13, 14]
    assert {block.path for block in found} == {path}


def test_names_that_are_unknown_or_differ_in_case_are_kept_for_the_report(tmp_path):
    content = (
        b"Person,occurred_at,venue,Direction,isolated_date,note,0905123456,Zone,zone,\np,t,v,in,,,,,F1,\n"
    )
    path = write(tmp_path, "a.csv", content)
    (block,) = read_csv(Chunk(0, path, "csv", "", 0, len(content)), "scan")
    assert record_of(block, 0)["direction"] == "in"
    assert record_of(block, 0)["zone"] == "F1"
    assert block.names.taken == (("Person", "person"), ("Direction", "direction"))
    assert block.names.unknown == ("isolated_date", "note", "…", "Zone")
