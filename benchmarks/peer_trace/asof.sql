-- The table `found` (person, exposed_us) of a hop where any contact counts, by two joins to the nearest row:
-- exposed on entering if somebody infectious is there, else when the next one comes while one stays.
-- Meeting oneself does not make an earlier exposure.
CREATE OR REPLACE TABLE found AS
WITH arriving AS (
    SELECT venue, start_us, max(end_us) AS end_us FROM clipped GROUP BY venue, start_us
),
running AS (
    SELECT
        venue,
        start_us,
        max(end_us) OVER (PARTITION BY venue ORDER BY start_us ROWS UNBOUNDED PRECEDING) AS reach_us
    FROM arriving
),
there AS (
    SELECT o.person, o.venue, o.enter_us, o.exit_us, r.reach_us
    FROM stays AS o
    ASOF LEFT JOIN running AS r ON o.venue = r.venue AND o.enter_us >= r.start_us
    WHERE o.person NOT IN (SELECT person FROM closed)
),
exposed AS (
    SELECT person, enter_us AS exposed_us FROM there WHERE reach_us > enter_us
    UNION ALL
    SELECT t.person, r.start_us
    FROM there AS t
    ASOF JOIN running AS r ON t.venue = r.venue AND t.enter_us < r.start_us
    WHERE r.start_us < t.exit_us
)
SELECT person, min(exposed_us) AS exposed_us FROM exposed GROUP BY person;
