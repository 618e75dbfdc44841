"""How far the lake reaches: the instant after which nothing is known."""

from pipelines.lake import Lake, snapshot

_LAST_COLUMNS = {"stays": "exit", "encounters": "ended_at"}


def last_instant_us(lake: Lake) -> int:
    """The largest `exit` of `stays` and `ended_at` of `encounters`, microseconds UTC.

    Read from the statistics in the log. A lake that holds neither reaches to
    1970, before every case.
    """
    ends = [
        file.stats.greatest[column]
        for table, column in _LAST_COLUMNS.items()
        for file in snapshot(lake, table).files
    ]
    return max(ends, default=0)
