-- The overlaps of one person's stays from the views alone: the fallback, and the oracle of the tests.
-- Tables:     stays, venues (the views of `connect`).
-- Parameters: $person, $from_us, $to_us (microseconds UTC or NULL), $min_us (at least 1).
-- Columns:    person, venue, zone, start, end, seconds, seconds_imputed.
WITH graded AS (
    SELECT
        *,
        CASE
            WHEN enter_kind = 'imputed' THEN enter
            WHEN exit_kind <> 'scanned' THEN last_seen
            ELSE exit
        END AS imputed_from
    FROM stays
),
pairs AS (
    SELECT
        other.person,
        coalesce(venues.venue_code, printf('%016x', other.venue)) AS venue,
        other.zone,
        greatest(own.enter, other.enter, make_timestamptz($from_us)) AS start,
        least(own.exit, other.exit, make_timestamptz($to_us)) AS "end",
        least(own.imputed_from, other.imputed_from) AS imputed_from
    FROM graded AS own
    JOIN graded AS other
        ON other.venue = own.venue AND other.enter < own.exit AND own.enter < other.exit
    LEFT JOIN venues ON venues.venue = other.venue
    WHERE own.person = $person AND other.person <> $person
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
WHERE overlap_us >= $min_us
ORDER BY start, person, venue, "end", seconds_imputed, zone NULLS LAST
