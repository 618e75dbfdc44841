"""What a purge, an erasure or a rotation did to each table, as rows for people."""

from collections.abc import Mapping

import pyarrow as pa


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
