"""What a purge or an erasure removed, as rows for people."""

from collections.abc import Mapping

import pyarrow as pa


def removed_rows(removed: Mapping[str, int]) -> pa.Table:
    """Return rows `table rows_removed`.

    >>> removed_rows({"scans": 2}).to_pylist()
    [{'table': 'scans', 'rows_removed': 2}]
    """
    return pa.table(
        {
            "table": pa.array(list(removed), pa.string()),
            "rows_removed": pa.array(list(removed.values()), pa.int64()),
        }
    )
