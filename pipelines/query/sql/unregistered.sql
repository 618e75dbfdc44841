-- Accepted scans that take no part in stays: no such venue is registered, or it was closed by then.
-- Counted venue by venue, which is four times faster than asking of each scan; `asked` is read once a count,
-- of each only the columns it needs, since DuckDB would keep all of it in memory otherwise.
-- Tables:     venues (venue, closed_at).
-- Parameters: $files (paths of `scans`), $person (a token), $from_us, $to_us (microseconds UTC or NULL).
-- Columns:    never_registered, closed, of_person (of both kinds together).
WITH asked AS NOT MATERIALIZED (
    SELECT person, venue, occurred_at
    FROM read_parquet($files, hive_partitioning = false)
    WHERE
        ($from_us IS NULL OR occurred_at >= make_timestamptz($from_us))
        AND ($to_us IS NULL OR occurred_at < make_timestamptz($to_us))
),
by_venue AS (
    SELECT venue, count(*) AS scans
    FROM asked
    GROUP BY venue
)
SELECT
    (SELECT CAST(coalesce(sum(scans), 0) AS BIGINT) FROM by_venue ANTI JOIN venues USING (venue)) AS never_registered,
    (
        SELECT count(*)
        FROM asked
        JOIN venues ON venues.venue = asked.venue AND asked.occurred_at >= venues.closed_at
        WHERE venues.closed_at IS NOT NULL
    ) AS closed,
    (
        SELECT count(*)
        FROM (SELECT * FROM asked WHERE person = $person) AS own
        ANTI JOIN venues
            ON venues.venue = own.venue AND (venues.closed_at IS NULL OR own.occurred_at < venues.closed_at)
    ) AS of_person
