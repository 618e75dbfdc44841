"""The formats of a list by name; imports nothing, so that `--help` waits for nothing."""

from typing import Final

FORMATS: Final = (
    *("csv", "xlsx", "json", "parquet", "html"),
    *("sormas", "godata", "epicontacts", "graphml", "notice"),
)
DEFAULT: Final = ("xlsx", "html")
ALL: Final = "all"

EXPIRES_DAYS: Final = 14
"""How long a list may be used unless a flag says otherwise."""
