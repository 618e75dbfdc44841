"""Read a sheet that was written here: to compare it, or for the list after it."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineWorkbook

_EXECUTABLE: Final = (b"<f>", b"<f ", b"<hyperlink", b"vbaProject", b"externalLink")


def sheet_rows(path: Path, name: str) -> Iterator[list[Any]]:
    """The rows of a sheet, from the head on: texts, numbers as floats, naive times; an empty cell is "".

    Raises:
        WorksheetNotFound: there is no such sheet.
    """
    return CalamineWorkbook.from_path(path).get_sheet_by_name(name).iter_rows()


def executes(path: Path) -> bool:
    """Whether a workbook holds a formula, a link, a macro or a reference to another file."""
    with zipfile.ZipFile(path) as book:
        if any("vbaProject" in name or "externalLinks" in name for name in book.namelist()):
            return True
        # Sheets alone: formulas and links stand nowhere else.
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/")]
        for name in sheets:
            with book.open(name) as file:
                # The end of a block is searched again with the next, since a tag may straddle both.
                tail = b""
                for block in iter(lambda file=file: file.read(1 << 20), b""):  # type: ignore[misc]
                    # Text of cells cannot look like a tag: its `<` is written `&lt;`.
                    searched = tail + block
                    if any(tag in searched for tag in _EXECUTABLE):
                        return True
                    # Longer than any tag looked for.
                    tail = block[-32:]
    return False
