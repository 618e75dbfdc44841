-- The overlaps of one person's stays with the rows found beside each of them.
-- Tables:     beside (person, venue, zone, enter, exit, imputed_from, and of the person's own stay
--             own_enter, own_exit, own_imputed_from), one row a pair of stays at one venue.
-- Parameters: $from_us, $to_us (microseconds UTC or NULL), $min_us (microseconds).
-- Columns:    person, venue, zone, start, end, seconds, seconds_imputed.
WITH pairs AS (
    SELECT
        person,
        venue,
        zone,
        greatest(own_enter, enter, make_timestamptz($from_us)) AS start,
        least(own_exit, exit, make_timestamptz($to_us)) AS "end",
        least(own_imputed_from, imputed_from) AS imputed_from
    FROM beside
),
lengths AS (
    SELECT
        *,
        epoch_us("end") - epoch_us(start) AS overlap_us,
        greatest(epoch_us(least("end", imputed_from)) - epoch_us(start), 0) AS covered_us
    FROM pairs
)
SELECT
    person,
    venue,
    zone,
    start,
    "end",
    overlap_us // 1000000 AS seconds,
    (overlap_us - covered_us) // 1000000 AS seconds_imputed
FROM lengths
WHERE overlap_us > 0 AND overlap_us >= $min_us
ORDER BY start, person, venue, "end", seconds_imputed, zone NULLS LAST
