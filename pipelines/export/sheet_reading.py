"""Read a sheet that was written here, without a spreadsheet: to compare it, or for the list after it."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final
from xml.etree import ElementTree

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_EXECUTABLE: Final = re.compile(rb"<f>|<f |<hyperlink|vbaProject|externalLink")
_CODED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


def sheet_rows(path: Path, name: str) -> Iterator[dict[int, str]]:
    """The rows of a sheet, from the head on: by column from 0 the text or the number of each filled cell.

    Raises:
        ValueError: there is no such sheet.
    """
    with zipfile.ZipFile(path) as book:
        shared = _shared(book)
        with book.open(_part(book, name)) as file:
            yield from _rows(file, shared)


def executes(path: Path) -> bool:
    """Whether a workbook holds a formula, a link, a macro or a reference to another file."""
    with zipfile.ZipFile(path) as book:
        if any("vbaProject" in name or "externalLinks" in name for name in book.namelist()):
            return True
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/")]
        for name in sheets:
            with book.open(name) as file:
                tail = b""
                for block in iter(lambda file=file: file.read(1 << 20), b""):  # type: ignore[misc]
                    # Text of cells cannot look like a tag: its `<` is written `&lt;`.
                    if _EXECUTABLE.search(tail + block):
                        return True
                    tail = block[-32:]
    return False


def _part(book: zipfile.ZipFile, name: str) -> str:
    """The file of a sheet inside the workbook.

    Raises:
        ValueError: there is no such sheet.
    """
    sheets = ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{_MAIN}sheet")  # noqa: S314
    wanted = next((sheet.get(_RELATION) for sheet in sheets if sheet.get("name") == name), None)
    if wanted is None:
        raise ValueError(f"the workbook has no sheet {name}")
    relations = ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    target = next(one.get("Target") for one in relations if one.get("Id") == wanted)
    return f"xl/{target}"


def _shared(book: zipfile.ZipFile) -> list[str]:
    """The shared texts of a workbook."""
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    texts = []
    with book.open("xl/sharedStrings.xml") as file:
        for _, element in ElementTree.iterparse(file):  # noqa: S314
            if element.tag == f"{_MAIN}si":
                texts.append(_text(element))
                element.clear()
    return texts


def _rows(file: IO[bytes], shared: list[str]) -> Iterator[dict[int, str]]:
    for _, element in ElementTree.iterparse(file):  # noqa: S314
        if element.tag == f"{_MAIN}row":
            yield {_column(cell.get("r") or ""): _value(cell, shared) for cell in element}
            element.clear()


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return _text(cell)
    value = cell.findtext(f"{_MAIN}v") or ""
    return shared[int(value)] if cell.get("t") == "s" else value


def _text(element: ElementTree.Element) -> str:
    """The text of a cell; signs that XML cannot hold are written `_x0007_`."""
    joined = "".join(part.text or "" for part in element.iter(f"{_MAIN}t"))
    return _CODED.sub(lambda found: chr(int(found[1], 16)), joined)


def _column(reference: str) -> int:
    """The number of a column, from 0.

    Example:
        >>> _column("A1"), _column("AB12")
        (0, 27)
    """
    number = 0
    for sign in reference:
        if not sign.isalpha():
            break
        number = number * 26 + ord(sign.upper()) - 64
    return number - 1
