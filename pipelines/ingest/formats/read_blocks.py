"""Read a chunk as blocks of records, whatever its format."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipelines.ingest.formats.avro import read_avro
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.csv import read_csv
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.ndjson import read_ndjson
from pipelines.ingest.formats.parquet import read_parquet
from pipelines.ingest.formats.sociopatterns import read_tij


def read_blocks(chunk: Chunk, contract: str = "scan", epoch_us: int = 0) -> Iterator[Lines | Columns]:
    """Read the records of a chunk in order, a few tens of megabytes at a time.

    Args:
        chunk: from `list_chunks`.
        contract: what the records are, a name of `schemas.contract.INPUTS`.
        epoch_us: what the times of a SocioPatterns file count from.

    Raises:
        DataError: the file cannot be read or lacks a required column; it names
            the file and never its content.
        ServiceError: the file's store does not answer.
    """
    if chunk.format == "ndjson":
        return read_ndjson(chunk)
    if chunk.format == "tij":
        return read_tij(chunk, contract, epoch_us)
    return {"csv": read_csv, "parquet": read_parquet, "avro": read_avro}[chunk.format](chunk, contract)


def read_files(chunks: Iterable[Chunk], contract: str) -> Iterator[tuple[Chunk, Lines | Columns]]:
    """Read whole files in order; lines of NDJSON are numbered from the first of their file.

    Args:
        chunks: in order.
        contract: what the records are.

    Raises:
        DataError: as `read_blocks` does.
        ServiceError: likewise.
    """
    path, lines = "", 0
    for chunk in chunks:
        if chunk.path != path:
            path, lines = chunk.path, 0
        for block in read_blocks(chunk, contract):
            # A block counts lines from its chunk's first: the lines of the file before it are added up here.
            if isinstance(block, Lines):
                yield chunk, replace(block, first_line=lines + 1)
                lines += block.line_ends
            else:
                yield chunk, block
