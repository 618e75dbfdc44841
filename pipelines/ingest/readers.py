"""A chunk as blocks of records, whatever format it has."""

from collections.abc import Iterator

from pipelines.ingest.avro_reader import read_avro
from pipelines.ingest.csv_reader import read_csv
from pipelines.ingest.inputs import Chunk
from pipelines.ingest.ndjson_reader import read_ndjson
from pipelines.ingest.parquet_reader import read_parquet
from pipelines.ingest.sociopatterns import read_tij
from pipelines.ingest.spans import Columns, Lines


def read_blocks(chunk: Chunk, contract: str = "scan", epoch_us: int = 0) -> Iterator[Lines | Columns]:
    """The records of a chunk in their order, a few tens of megabytes at a time.

    Args:
        chunk: from `list_chunks`.
        contract: what the records are, a name of `schemas.contract.INPUTS`.
        epoch_us: what the times of a SocioPatterns file count from.

    Raises:
        DataError: the file cannot be read or lacks a required column; it names
            the file and never what is in it.
        ServiceError: the file's store does not answer.
    """
    if chunk.format == "ndjson":
        return read_ndjson(chunk)
    if chunk.format == "tij":
        return read_tij(chunk, contract, epoch_us)
    return {"csv": read_csv, "parquet": read_parquet, "avro": read_avro}[chunk.format](chunk, contract)
