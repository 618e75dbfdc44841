-- Variables: path. The whole table.
COPY rejects TO (getvariable('path')) (FORMAT parquet, COMPRESSION zstd);
