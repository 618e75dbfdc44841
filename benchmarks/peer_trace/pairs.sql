-- The table `found` (person, exposed_us) of a hop where any contact counts, by a join of pairs.
CREATE OR REPLACE TABLE found AS
SELECT o.person, min(greatest(o.enter_us, c.start_us)) AS exposed_us
FROM (
    SELECT *, unnest(range(start_us // 3_600_000_000, (end_us - 1) // 3_600_000_000 + 1)) AS hour
    FROM clipped
) AS c
JOIN slotted AS o
    ON o.venue = c.venue AND o.hour = c.hour AND o.enter_us < c.end_us AND c.start_us < o.exit_us
        AND o.person <> c.person
WHERE o.person NOT IN (SELECT person FROM closed)
GROUP BY o.person;
