"""From files of records to the rows that the lake accepts.

In: scans, the registry, cases, encounters, declarations and links (NDJSON, CSV, Parquet, Avro; files,
folders, globs, object stores).
Out: new scans with keyed tokens, rows of the other inputs' tables, and the sealed identifiers.
Refused: a record becomes a row of `rejects` (reason and digest) and is told on standard error; an
unreadable file ends the run.
"""
