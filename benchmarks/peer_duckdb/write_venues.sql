-- Variables: path. The whole table.
COPY venues TO (getvariable('path')) (FORMAT parquet, COMPRESSION zstd);
