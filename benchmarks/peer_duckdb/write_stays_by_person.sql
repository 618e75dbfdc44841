-- Variables: date, path. One date's stays in the order (person, enter).
COPY (
    SELECT
        person, venue, zone, make_timestamptz(enter_us) AS enter, make_timestamptz(exit_us) AS exit,
        enter_kind, exit_kind, make_timestamptz(last_seen_us) AS last_seen, scans, stay_id
    FROM stays
    WHERE date = getvariable('date')
    ORDER BY person, enter_us, venue, stay_id
) TO (getvariable('path')) (FORMAT parquet, COMPRESSION zstd);
