-- The overlaps of one person's stays with the rows found beside each of them.
-- Tables:     beside (person, venue, zone, enter_us, exit_us, imputed_from_us, and of the person's own stay
--             own_enter_us, own_exit_us, own_imputed_from_us), one row a pair of stays at one venue.
--             Times are microseconds UTC: DuckDB plans a query of plain numbers faster, and planning is
--             most of its time.
-- Parameters: $from_us, $to_us (NULL is open), $min_us (at least 1: touching does not count).
-- Columns:    person, venue, zone, start, end (microseconds UTC), seconds, seconds_imputed.
WITH pairs AS (
    SELECT
        person,
        venue,
        zone,
        greatest(own_enter_us, enter_us, $from_us) AS start,
        least(own_exit_us, exit_us, $to_us) AS "end",
        least(own_imputed_from_us, imputed_from_us) AS imputed_from_us
    FROM beside
)
SELECT
    person,
    venue,
    zone,
    start,
    "end",
    ("end" - start) // 1000000 AS seconds,
    ("end" - greatest(start, least("end", imputed_from_us))) // 1000000 AS seconds_imputed
FROM pairs
WHERE "end" - start >= $min_us
ORDER BY start, person, venue, "end", seconds_imputed, zone NULLS LAST
