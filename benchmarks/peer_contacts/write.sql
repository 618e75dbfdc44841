-- All contacts to one Parquet file, unordered. Variable path: the file.
COPY (
    SELECT
        x.person AS person_a,
        y.person AS person_b,
        x.venue,
        greatest(x.enter, y.enter) AS start,
        least(x.exit, y.exit) AS "end",
        epoch_us(least(x.exit, y.exit) - greatest(x.enter, y.enter)) // 1_000_000 AS seconds
    FROM there AS x
    JOIN there AS y
        ON x.venue = y.venue AND x.enter < y.exit AND y.enter < x.exit AND x.person < y.person
) TO (getvariable('path')) (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);
