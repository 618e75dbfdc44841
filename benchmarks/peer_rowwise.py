"""The pipeline that Beam's guides show: one element per scan, windowed and written as Parquet.

    python -m benchmarks.peer_rowwise --scans DIR --out DIR

It only parses, keys by venue and day, sorts each group and writes it. It has no
validation, tokens, deduplication or pairing, which favours it.
"""

import argparse
import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.window import FixedWindows, TimestampedValue

_DAY_SECONDS = 86_400


class ReadLines(beam.DoFn):
    """path -> lines."""

    def process(self, path: str) -> Iterator[bytes]:
        """Emit one element per line."""
        with open(path, "rb") as file:
            yield from file


class ParseScan(beam.DoFn):
    """line -> (venue, scan) at its event time; a line that is not a scan is dropped."""

    def process(self, line: bytes) -> Iterator[Any]:
        """Parse one scan."""
        try:
            scan = orjson.loads(line)
            moment = dt.datetime.fromisoformat(scan["occurred_at"])
            yield TimestampedValue((scan["venue"], (moment.timestamp(), scan["person"])), moment.timestamp())
        except (ValueError, KeyError, TypeError, OverflowError):
            return


class WriteDay(beam.DoFn):
    """(key, scans) of a window -> a file."""

    def __init__(self, out: str) -> None:
        self._out = out

    def process(
        self, element: tuple[str, Iterable[Any]], window: Any = beam.DoFn.WindowParam
    ) -> Iterator[int]:
        """Sort and write one day."""
        rows = sorted((venue, at, person) for venue, scans in element[1] for at, person in scans)
        columns = list(zip(*rows, strict=True))
        table = pa.table(dict(zip(("venue", "at", "person"), columns, strict=True)))
        pq.write_table(table, f"{self._out}/day-{int(window.start)}.parquet")
        yield len(rows)


def main() -> None:
    """Run the pipeline."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        (
            pipeline
            | "Files" >> beam.Create([str(path) for path in sorted(args.scans.glob("*.ndjson"))])
            | "Read" >> beam.ParDo(ReadLines())
            | "Parse" >> beam.ParDo(ParseScan())
            | "Window" >> beam.WindowInto(FixedWindows(_DAY_SECONDS))
            | "Group by venue" >> beam.GroupByKey()
            | "Listed" >> beam.Map(lambda pair: ("day", (pair[0], list(pair[1]))))
            | "Group by day" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(WriteDay(str(args.out)))
        )


if __name__ == "__main__":
    main()
