-- Variables: date, path. One date's footfall.
COPY (
    SELECT * EXCLUDE (date) FROM footfall WHERE date = getvariable('date') ORDER BY venue, window_start
) TO (getvariable('path')) (FORMAT parquet, COMPRESSION zstd);
