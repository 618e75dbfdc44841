"""The file of `run --rejects`: where each refused record is and why it was refused, never the record."""

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.ingest.refused.input_findings import LISTED, InputFindings
from pipelines.terminal.options import FORMATS
from pipelines.terminal.output import write_rows


def check_rejects_file(path: str) -> None:
    """Check before a batch that the file can be written.

    Raises:
        UsageError: it cannot.
    """
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise _not_written(path, f"there is no folder {folder}")
    if Path(path).is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise _not_written(path, "name another file")


def write_rejects_file(findings: Iterable[InputFindings], path: str) -> None:
    """Write the refused records of all inputs; the ending of the name tells the format, by default CSV.

    Args:
        findings: of each input, in the order in which they are listed.
        path: of the file, which is replaced.

    Raises:
        UsageError: it cannot be written.
    """
    ending = os.path.splitext(path)[1].lower().removeprefix(".")
    rows = pa.concat_tables([LISTED.empty_table(), *(found.listed for found in findings)])
    try:
        write_rows(rows, ending if ending in FORMATS else "csv", path)
    except UsageError as error:
        raise _not_written(path, error.remedy) from error


def _not_written(path: str, remedy: str) -> UsageError:
    return UsageError(f"--rejects {path} cannot be written", remedy)
