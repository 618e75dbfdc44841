-- The table `found` (person, exposed_us) of a hop under a rule of a number of minutes within 24 hours.
-- Variable min_us: the shortest contact, microseconds.
CREATE OR REPLACE TABLE found AS
WITH pieces AS (
    SELECT
        c.person AS via,
        o.person,
        greatest(o.enter_us, c.start_us) AS start_us,
        least(o.exit_us, c.end_us) AS end_us
    FROM (
        SELECT *, unnest(range(start_us // 3_600_000_000, (end_us - 1) // 3_600_000_000 + 1)) AS hour
        FROM clipped
    ) AS c
    JOIN slotted AS o
        ON o.venue = c.venue AND o.hour = c.hour AND o.enter_us < c.end_us AND c.start_us < o.exit_us
            AND o.person <> c.person AND greatest(o.enter_us, c.start_us) // 3_600_000_000 = c.hour
    WHERE o.person NOT IN (SELECT person FROM closed)
),
long_enough AS (
    SELECT via, person FROM pieces GROUP BY ALL HAVING sum(end_us - start_us) >= getvariable('min_us')
),
marked AS (
    SELECT
        *,
        max(end_us) OVER (
            PARTITION BY via, person ORDER BY start_us, end_us
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before_us
    FROM pieces
    SEMI JOIN long_enough USING (via, person)
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (before_us IS NULL OR start_us > before_us) OVER (
            PARTITION BY via, person ORDER BY start_us, end_us ROWS UNBOUNDED PRECEDING
        ) AS number
    FROM marked
),
contacts AS (
    SELECT via, person, min(start_us) AS start_us, max(end_us) AS end_us
    FROM numbered
    GROUP BY via, person, number
),
reached AS (
    SELECT a.via, a.person, a.start_us
    FROM contacts AS a
    JOIN contacts AS b
        ON a.via = b.via AND a.person = b.person
            AND b.start_us >= a.start_us AND b.start_us < a.start_us + 86_400_000_000
    GROUP BY ALL
    HAVING sum(least(b.end_us, a.start_us + 86_400_000_000) - b.start_us) >= getvariable('min_us')
)
SELECT person, min(start_us) AS exposed_us FROM reached GROUP BY person;
