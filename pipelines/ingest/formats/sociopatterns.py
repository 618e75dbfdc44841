"""SocioPatterns files of face-to-face proximity as encounters.

A line `t i j` says that badges i and j saw one another during the twenty
seconds before t; further columns are ignored. Touching slots of a pair are
one encounter. The badges see about a metre and a half ahead.

http://www.sociopatterns.org/datasets
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.ingest.formats.arrow_blocks import text_spans
from pipelines.ingest.formats.blocks import NO_INSTANT, Columns
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.discovery.streams import open_stream, reading, unreadable
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.kernels.types import Int64
from pipelines.times import SECOND_US

SLOT_SECONDS: Final = 20
DISTANCE_M: Final = 1.5

# Twelve digits of seconds fit int64 as microseconds, and 18 digits of a badge as they are.
_LINE = re.compile(rb"(\d{1,12})[ \t]+(\d{1,18})[ \t]+(\d{1,18})(?:[ \t].*)?", re.DOTALL)


def read_tij(chunk: Chunk, contract: str, epoch_us: int) -> Iterator[Columns]:
    """Read the encounters of a file in order of their begin; other lines are malformed and come last.

    Persons are `device:NAME-i`, where NAME is that of the file without its
    suffixes. The number of an encounter is the line of its first slot.

    Args:
        chunk: a whole file.
        contract: what the records are wanted as.
        epoch_us: the instant that t counts from, microseconds UTC.

    Raises:
        DataError: the file cannot be read, or is given as another input.
    """
    if contract != "encounter":
        raise unreadable(chunk.path, "holds contacts of pairs", "name it with --encounters")
    with reading(chunk.path, "lines of t i j"), open_stream(chunk.path, chunk.compression) as stream:
        lines = stream.read().splitlines()
    found = [_LINE.fullmatch(line.strip()) for line in lines]
    number = np.array([at for at, match in enumerate(found, 1) if match], np.int64)
    # The shape also where no line matches.
    slots = np.array([list(map(int, match.groups())) for match in found if match], np.int64).reshape(-1, 3)
    start_s, end_s, one, other, first = merged_slots(*slots.T)
    # Malformed lines, numbered from 0; blank ones are none.
    wrong = [
        at for at, (line, match) in enumerate(zip(lines, found, strict=True)) if line.strip() and not match
    ]
    name = re.sub(r"[^A-Za-z0-9_-]", "-", Path(chunk.path).name.partition(".")[0])[:64]

    # Encounters come first, malformed lines after them: they have no instant to be ordered by.
    count, blank = one.size + len(wrong), np.full(len(wrong), NO_INSTANT)
    yield Columns(
        first_row=0,
        fields={
            "person_a": text_spans(_devices(name, one, count)),
            "person_b": text_spans(_devices(name, other, count)),
            "started_at": np.append(start_s * SECOND_US + epoch_us, blank),
            "ended_at": np.append(end_s * SECOND_US + epoch_us, blank),
            "distance_m": text_spans(pa.array([str(DISTANCE_M)] * count, pa.string())),
        },
        rows=count,
        broken=np.repeat(np.array([0, MALFORMED], np.uint8), [one.size, len(wrong)]),
        raw={row: lines[at] for row, at in enumerate(wrong, one.size)},
        numbers=np.append(number[first], np.array(wrong, np.int64) + 1),
        path=chunk.path,
        format=chunk.format,
    )


def merged_slots(t: Int64, i: Int64, j: Int64) -> tuple[Int64, Int64, Int64, Int64, Int64]:
    """Join the touching slots of each pair to one interval.

    Args:
        t: int64[n], the end of a slot, seconds.
        i: int64[n], one badge of a pair.
        j: int64[n], the other.

    Returns:
        Begin and end, seconds, the pair, the smaller first, and the position of the
        interval's first slot; ordered by begin and pair.
    """
    one, other = np.minimum(i, j), np.maximum(i, j)
    # The foremost key of a lexsort is its last: pair, then time.
    order = np.lexsort((t, other, one))
    t, one, other = t[order], one[order], other[order]
    begins = (np.diff(one, prepend=-1) != 0) | (np.diff(other, prepend=-1) != 0)
    # A slot that ends at most a slot's length after the one before touches it.
    begins[1:] |= np.diff(t) > SLOT_SECONDS
    first = np.flatnonzero(begins)
    last = np.append(first[1:], t.size)[: first.size] - 1  # the slice: none where there are no slots
    # `t` is the end of a slot, so an encounter begins a slot before its first.
    start_s, end_s, one, other = t[first] - SLOT_SECONDS, t[last], one[first], other[first]
    by_begin = np.lexsort((other, one, start_s))
    return start_s[by_begin], end_s[by_begin], one[by_begin], other[by_begin], order[first][by_begin]


def _devices(name: str, badge: Int64, count: int) -> pa.Array:
    texts = [f"device:{name}-{number}" for number in badge.tolist()]
    return pa.array(texts + [None] * (count - len(texts)), pa.string())
