-- Variables: date, path. One date's scans in the order of the lake.
COPY (
    SELECT
        event_key, person, venue, zone, direction, occurred_at, scan_mode, scanner,
        NULL::VARCHAR AS authenticity, getvariable('received_at') AS received_at
    FROM scans
    WHERE date = getvariable('date')
    ORDER BY venue, occurred_at, event_key
) TO (getvariable('path')) (FORMAT parquet, COMPRESSION zstd);
