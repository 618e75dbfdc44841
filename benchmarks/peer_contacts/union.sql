-- The table `there` (person, venue, enter, exit): the union of each person's stays at each venue.
-- Variable files: Parquet files of `stays` in the order `venue`.
CREATE TABLE there AS
WITH marked AS (
    SELECT
        person, venue, enter, exit,
        max(exit) OVER (
            PARTITION BY venue, person ORDER BY enter, exit
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before
    FROM read_parquet(getvariable('files'), hive_partitioning = false)
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (before IS NULL OR enter > before) OVER (
            PARTITION BY venue, person ORDER BY enter, exit ROWS UNBOUNDED PRECEDING
        ) AS number
    FROM marked
)
SELECT person, venue, min(enter) AS enter, max(exit) AS exit
FROM numbered
GROUP BY venue, person, number;
