"""A CSV file that a flag names: its rows as text by column, with an error that names the flag."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import DataError


def read_named_csv(
    path: str | Path, flag: str, columns: Sequence[str], required: Sequence[str]
) -> list[dict[str, str | None]]:
    """Read the file, UTF-8 with or without a byte order mark, separated by `,` or `;`.

    Names of columns are read in any case and without blanks around them.

    Args:
        path: of the file.
        flag: that named it, such as `--areas`.
        columns: that such a file may have, as an error lists them.
        required: those that it must have.

    Returns:
        A row a line, text by column in lower case; None where a line is too short.

    Raises:
        DataError: it cannot be read, is not UTF-8 or not CSV, or lacks a column.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{flag} {path} cannot be read", error.strerror or "check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{flag} {path} is not UTF-8", "save it as CSV UTF-8") from error
    # Excel in Vietnamese separates with ; since , is its decimal sign.
    head = next(iter(text.splitlines()), "")
    lines = io.StringIO(text, newline="")  # a quoted cell keeps its line breaks
    rows = csv.DictReader(lines, delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        names = [(name or "").strip().lower() for name in rows.fieldnames or ()]
        missing = [name for name in required if name not in names]
        if missing:
            raise DataError(
                f"{flag} {path} has no column {missing[0]}", f"its columns are {','.join(columns)}"
            )
        rows.fieldnames = names
        return list(rows)
    except csv.Error as error:  # a broken quote, wherever it is
        raise DataError(f"{flag} {path} is not CSV", "save it as CSV UTF-8") from error
