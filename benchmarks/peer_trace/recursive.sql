-- The answer in one statement, where any contact counts: the table `rows` (tier, person, exposed_us).
-- A person found again with no earlier exposure is followed again: that changes no row.
-- Variables depth, until_us, isolated: as of the others; `sources` and `closed` hold the index cases.
CREATE OR REPLACE TABLE rows AS
WITH RECURSIVE search AS (
    SELECT 0 AS tier, person, start_us, end_us FROM sources
    UNION ALL
    SELECT
        f.tier,
        f.person,
        f.exposed_us,
        least(coalesce(i.isolated_us, getvariable('until_us')), getvariable('until_us'))
    FROM (
        SELECT c.tier + 1 AS tier, o.person, min(greatest(o.enter_us, c.start_us)) AS exposed_us
        FROM (
            SELECT
                i.tier, s.person, s.venue,
                greatest(s.enter_us, i.start_us) AS start_us,
                least(s.exit_us, i.end_us) AS end_us,
                unnest(range(
                    greatest(s.enter_us, i.start_us) // 3_600_000_000,
                    (least(s.exit_us, i.end_us) - 1) // 3_600_000_000 + 1
                )) AS hour
            FROM search AS i
            JOIN stays AS s ON s.person = i.person AND s.enter_us < i.end_us AND i.start_us < s.exit_us
                AND i.start_us < i.end_us
            WHERE i.tier < getvariable('depth')
        ) AS c
        JOIN slotted AS o
            ON o.venue = c.venue AND o.hour = c.hour AND o.enter_us < c.end_us AND c.start_us < o.exit_us
                AND o.person <> c.person
        WHERE o.person NOT IN (SELECT person FROM closed)
        GROUP BY c.tier, o.person
    ) AS f
    LEFT JOIN read_parquet(getvariable('isolated')) AS i ON f.person = i.person
)
SELECT min(tier) AS tier, person, arg_min(start_us, tier) AS exposed_us
FROM search
WHERE tier > 0
GROUP BY person;
