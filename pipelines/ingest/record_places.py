"""Where a record stands in its input, as a person who opens the file counts."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class RecordPlace:
    """A file and the number of a row in it; a header is row 1, as in a spreadsheet.

    >>> str(RecordPlace.of("venues.csv", "csv", 0))
    'venues.csv row 2'
    >>> str(RecordPlace.of("venues.ndjson", "ndjson", 0))
    'venues.ndjson row 1'
    """

    path: str
    row: int

    @classmethod
    def of(cls, path: str, format_: str, number: int) -> "RecordPlace":
        """Place the record `number` of a file, counted from 0 and without a header."""
        return cls(path, number + (2 if format_ == "csv" else 1))

    def __str__(self) -> str:
        return f"{self.path} row {self.row}"
