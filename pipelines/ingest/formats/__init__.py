"""Input files as blocks of records.

In: paths, folders, globs and URLs. Out: blocks of NDJSON lines, or of columns for CSV, Parquet, Avro and
SocioPatterns files. Refused: a file that cannot be read ends the run; a broken record becomes a broken row.
"""
