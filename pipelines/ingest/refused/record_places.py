"""Where a record stands in its input, as a person who opens the file counts."""

from dataclasses import dataclass

from pipelines.ingest.formats.discovery.streams import path_text


@dataclass(frozen=True)
class RecordPlace:
    """A file and the number of a record in it.

    >>> str(RecordPlace("/in/venues.csv", "csv", 2))
    '/in/venues.csv line 2'
    >>> str(RecordPlace("/in/venues.parquet", "parquet", 1))
    '/in/venues.parquet record 1'

    Attributes:
        path: of the file.
        format: of the file, as `Chunk` has it.
        number: from 1: the line of a text file, the place among the records of another one; 0 where
            it is not known.
    """

    path: str
    format: str
    number: int

    def __str__(self) -> str:
        unit = "record" if self.format in ("parquet", "avro") else "line"
        path = path_text(self.path)
        return f"{path} {unit} {self.number}" if self.number else path
