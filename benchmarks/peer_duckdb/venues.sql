-- The registry, its newest row of each venue, with the durations of its type.
-- Variables: venues (path of the CSV). Reads: durations (type, dwell_us, max_stay_us).
-- Table made: venues.
CREATE TABLE venues AS
WITH rows AS (
    SELECT *, row_number() OVER () AS position FROM read_csv(getvariable('venues'), all_varchar = true)
)
SELECT
    hash(venue) AS venue,
    rows.* EXCLUDE (venue, type, closed_at, position),
    type,
    venue AS venue_code,
    CAST(nullif(closed_at, '') AS TIMESTAMPTZ) AS closed_at,
    dwell_us,
    max_stay_us
FROM rows JOIN durations USING (type)
QUALIFY row_number() OVER (PARTITION BY venue ORDER BY position DESC) = 1;
