"""A worksheet that takes whole columns: XlsxWriter calls several functions a cell, most of its time.

The cells are those that `write_string` and `write_number` of XlsxWriter write. Their XML goes to a file
without a name as it is made, and into the sheet when the workbook is closed, so that memory does not grow
with the rows. Such a workbook must not be made in memory.
"""

import html
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

Column = tuple[Sequence[str | float | None], Format]
"""The values of a column and their look; an empty text and None make no cell."""


class StreamedSheet(Worksheet):  # type: ignore[misc]  # XlsxWriter is not typed
    """A worksheet whose rows below the first may be given as columns."""

    _rows: IO[bytes] | None = None

    def put_columns(
        self, first: int, columns: Sequence[Column], heights: Mapping[int, float] | None = None
    ) -> None:
        """Write rows below all that were written before.

        Args:
            first: the number of their first row, from 1.
            columns: of equal lengths, from the first column of the sheet on.
            heights: in points, by the place of a row in the columns; others have the height of the sheet.
        """
        count = len(columns[0][0])
        if not count:
            return
        # Records the extent, from which XlsxWriter writes the sheet's `dimension`.
        self._check_dimensions(first, 0)
        self._check_dimensions(first + count - 1, len(columns) - 1)
        # Rows of the file count from 1.
        numbers = [str(number) for number in range(first + 1, first + count + 1)]
        heads = [f'<row r="{number}">' for number in numbers]
        for row, points in (heights or {}).items():
            heads[row] = f'<row r="{numbers[row]}" ht="{points:.16g}" customHeight="1">'
        cells = [
            self._cells(xl_col_to_name(place), numbers, values, look)
            for place, (values, look) in enumerate(columns)
        ]
        # A row is the head, its cells from the left and the end; the strings are joined a row at a time.
        rows = map("".join, zip(heads, *cells, ["</row>"] * count, strict=True))
        if self._rows is None:
            # In the folder of the workbook, since cells may hold identifiers.
            self._rows = tempfile.TemporaryFile(dir=self.tmpdir)  # noqa: SIM115 (closed with the sheet)
        # Texts are indices of shared strings here, so the XML is ASCII.
        self._rows.write("".join(rows).encode("ascii"))

    def _cells(self, name: str, numbers: Sequence[str], values: Sequence[Any], look: Format) -> list[str]:
        """The XML of the cells of a column."""
        begin, style = f'<c r="{name}', f'" s="{look._get_xf_index()}"'
        text, number = f'{style} t="s"><v>', f"{style}><v>"
        index: Callable[[str], int] = self.str_table._get_shared_string_index
        return [
            ""
            if value is None or value == ""
            else f"{begin}{row}{text}{index(literal(value))}</v></c>"
            if isinstance(value, str)
            # 16 digits, as XlsxWriter writes numbers.
            else f"{begin}{row}{number}{value:.16G}</v></c>"
            for row, value in zip(numbers, values, strict=True)
        ]

    def _write_rows(self) -> None:
        """Write the rows of single cells, then those that were given as columns."""
        if self._rows is None:
            super()._write_rows()
            return
        # It looks at every row up to the last.
        self.dim_rowmax = max(self.table, default=0)
        super()._write_rows()
        self._rows.seek(0)
        # Our bytes go past the text layer, which must be empty first.
        self.fh.flush()
        shutil.copyfileobj(self._rows, self.fh.buffer)
        self._rows.close()


def literal(text: str) -> str:
    """A text that XlsxWriter writes as it is: one that looks like its own XML it would not escape.

    >>> literal("<r>1</r>")
    '<r><t xml:space="preserve">&lt;r&gt;1&lt;/r&gt;</t></r>'
    """
    if text.startswith("<r>") and text.endswith("</r>"):
        return f'<r><t xml:space="preserve">{html.escape(text, quote=False)}</t></r>'
    return text
