-- Keep what a hop has found, and make the table `sources` of the next: those found for the first time,
-- and those found with an earlier exposure, from then until they are isolated.
-- Variable tier: of this hop.
-- Variable isolated: a Parquet file (person, isolated_us).
-- Variable until_us: everything after it is ignored.
CREATE OR REPLACE TABLE improved AS
SELECT f.person, f.exposed_us, coalesce(b.tier, getvariable('tier')) AS tier, b.person IS NULL AS new
FROM found AS f
LEFT JOIN best AS b ON f.person = b.person
WHERE b.person IS NULL OR f.exposed_us < b.exposed_us;
INSERT INTO rows SELECT tier, person, exposed_us FROM improved WHERE new;
DELETE FROM best WHERE person IN (SELECT person FROM improved);
INSERT INTO best SELECT person, exposed_us, tier FROM improved;
CREATE OR REPLACE TABLE sources AS
SELECT
    n.person,
    n.exposed_us AS start_us,
    least(coalesce(i.isolated_us, getvariable('until_us')), getvariable('until_us')) AS end_us
FROM improved AS n
LEFT JOIN read_parquet(getvariable('isolated')) AS i ON n.person = i.person
WHERE n.exposed_us < least(coalesce(i.isolated_us, getvariable('until_us')), getvariable('until_us'));
