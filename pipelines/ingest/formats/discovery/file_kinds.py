"""What a file is by its first bytes, where that is not what its name says."""

import codecs
from typing import Final

from pipelines.ingest.formats.discovery.streams import MAGIC, MARK

HEAD_BYTES: Final = 16
"""How many bytes tell."""

UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte order marks of UTF-16."""

AS_UTF_8: Final = "save it as UTF-8"

_AS_CSV: Final = "save the sheet as CSV UTF-8"
_OTHERS: Final = {
    b"PK\x03\x04": ("an Excel workbook or a ZIP archive", f"{_AS_CSV}, or unpack the archive"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", _AS_CSV),
    b"%PDF": ("a PDF", "export the table as CSV"),
    b"SQLite format 3": ("a SQLite database", "export the table as CSV"),
    b"BZh": ("bzip2", "unpack it, or compress it with gzip or zstd"),
    b"\xfd7zXZ": ("xz", "unpack it, or compress it with gzip or zstd"),
    b"7z\xbc\xaf": ("a 7-Zip archive", "unpack it"),
    b"Rar!": ("a RAR archive", "unpack it"),
    codecs.BOM_UTF32_LE: ("UTF-32 text", AS_UTF_8),
    codecs.BOM_UTF32_BE: ("UTF-32 text", AS_UTF_8),
}
_NOT_CSV: Final = {
    b"{": ("JSON", "name it .ndjson"),
    b"[": ("a JSON array", "write one record a line and name it .ndjson"),
    b"<": ("HTML or XML", _AS_CSV),
}


def other_kind(head: bytes, *, csv: bool = False) -> tuple[str, str] | None:
    """Tell what a file is that should be text, and what to do about it; None where nothing contradicts.

    >>> other_kind(b"PAR1....")
    ('parquet under another name', 'name it as the parquet file it is')
    >>> other_kind(b'{"venue": "V1"}'), other_kind(b'{"venue": "V1"}', csv=True)
    (None, ('JSON', 'name it .ndjson'))

    Args:
        head: the first `HEAD_BYTES` of the file.
        csv: whether it should be CSV, else NDJSON.
    """
    for kind, magic in MAGIC.items():
        if head.startswith(magic):
            return f"{kind} under another name", f"name it as the {kind} file it is"
    for magic, said in {**_OTHERS, **(_NOT_CSV if csv else {})}.items():
        if head.removeprefix(MARK).startswith(magic):
            return said
    # Latin text in UTF-16 has one zero byte in each pair.
    if head[:2] not in UTF_16 and b"\x00" in head[:2] and head[:2].strip(b"\x00"):
        return "UTF-16 text without a byte order mark", AS_UTF_8
    return None
