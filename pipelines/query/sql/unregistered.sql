-- Accepted scans that take no part in stays: no such venue is registered, or it was closed by then.
-- Tables:     venues (venue, closed_at).
-- Parameters: $files (paths of `scans`), $person (a token), $from_us, $to_us (microseconds UTC or NULL).
-- Columns:    unregistered, of_person.
SELECT
    count(*) AS unregistered,
    count(*) FILTER (WHERE scans.person = $person) AS of_person
FROM read_parquet($files, hive_partitioning = false) AS scans
ANTI JOIN venues
    ON venues.venue = scans.venue AND (venues.closed_at IS NULL OR scans.occurred_at < venues.closed_at)
WHERE
    scans.occurred_at >= coalesce(make_timestamptz($from_us), scans.occurred_at)
    AND coalesce(scans.occurred_at < make_timestamptz($to_us), true)
