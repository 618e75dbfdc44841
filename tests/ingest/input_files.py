"""Input files of every format for the tests, and what the readers make of them as plain Python."""

import csv
import gzip
import io
import json
import warnings
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipelines.ingest.formats.blocks import NO_INSTANT, Lines
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.kernels.types import Spans
from schemas.contract import WIRE_FOLDER

PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}

SCANS = [
    {
        "event_id": "e1",
        "person": "phone:0905123456",
        "venue": "V1",
        "occurred_at": "2021-07-01T08:00:00+07:00",
    },
    {"person": "qid:Nguyễn, “A”", "venue": "V2", "occurred_at": "2021-07-01T08:05:00Z", "zone": 'T"1"\nx'},
    {"person": "device:x;y\tz", "venue": "V3", "occurred_at": "2021-07-01T09:00:00Z", "direction": "out"},
]


def ndjson_of(records, end="\n"):
    return "".join(json.dumps(record, ensure_ascii=False) + end for record in records).encode()


def names_of(records):
    return list(dict.fromkeys(name for record in records for name in record))


def csv_of(records, delimiter=",", end="\r\n"):
    text = io.StringIO()
    writer = csv.DictWriter(text, names_of(records), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def parquet_of(table, **options):
    if not isinstance(table, pa.Table):
        table = pa.table({name: [record.get(name) for record in table] for name in names_of(table)})
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def avro_of(records, schema="scan", **options):
    file = io.BytesIO()
    if isinstance(schema, str):
        schema = json.loads((WIRE_FOLDER / f"{schema}.avsc").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fastavro.writer(file, fastavro.parse_schema(schema), records, **options)
    return file.getvalue()


FORMS = {".ndjson": ndjson_of, ".csv": csv_of, ".parquet": parquet_of, ".avro": avro_of}


def write(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def blocks(*paths, contract="scan", chunk_bytes=32 << 20):
    chunks = list_chunks([str(path) for path in paths], chunk_bytes=chunk_bytes)
    return [block for chunk in chunks for block in read_blocks(chunk, contract)]


def records(*paths, contract="scan", chunk_bytes=32 << 20):
    """Return all records as dicts without what is absent; a broken one is its reason code."""
    found = []
    for block in blocks(*paths, contract=contract, chunk_bytes=chunk_bytes):
        if isinstance(block, Lines):
            found += [json.loads(line) for line in block.data.tobytes().split(b"\n") if line.strip()]
        else:
            found += [record_of(block, row) for row in range(block.rows)]
    return found


def record_of(block, row):
    if block.broken[row]:
        return int(block.broken[row])
    record = {}
    for name, column in block.fields.items():
        if isinstance(column, Spans):
            if text := column.value(row):
                record[name] = text.decode()
        elif column[row] != NO_INSTANT:
            record[name] = int(column[row])
    return record
