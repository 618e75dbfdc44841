"""What a purge, an erasure or a rotation did to each table, as rows for people."""

import sys
from collections.abc import Mapping

import pyarrow as pa

from pipelines.lake.kept_objects import kept_objects


def removed_rows(removed: Mapping[str, int], column: str = "rows_removed") -> pa.Table:
    """Return rows `table rows_removed`, or with another name of the count.

    >>> removed_rows({"scans": 2}).to_pylist()
    [{'table': 'scans', 'rows_removed': 2}]
    """
    return pa.table(
        {
            "table": pa.array(list(removed), pa.string()),
            column: pa.array(list(removed.values()), pa.int64()),
        }
    )


def warn_of_kept_objects(lake: str) -> None:
    """Say on standard error where the store of a lake keeps what was removed, or does not say.

    Args:
        lake: its folder or URL.
    """
    kept = kept_objects(lake)
    if kept.keeps is not False:
        print(f"what was removed may still be in the store: {kept.detail}: {kept.remedy}", file=sys.stderr)
