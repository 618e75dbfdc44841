"""A CSV file that a flag names: its rows as text by column, with an error that names the flag."""

import csv
import io
from pathlib import Path

from pipelines.errors import DataError


def read_named_csv(path: str | Path, flag: str) -> "csv.DictReader[str]":
    """Read the file, UTF-8 with or without a byte order mark, separated by `,` or `;`.

    Args:
        path: of the file.
        flag: that named it, such as `--areas`.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
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
    return csv.DictReader(lines, delimiter=";" if head.count(";") > head.count(",") else ",")
