-- The tables of a search: `sources` (person, start_us, end_us), infectious in the hop to come,
-- `closed` (person), never a contact, `best` (person, exposed_us, tier), who has been found and how early,
-- and `rows` (tier, person, exposed_us), the answer.
-- Variable sources: a Parquet file of the intervals of the index cases.
-- Variable cases: a Parquet file of their persons.
CREATE OR REPLACE TABLE sources AS SELECT * FROM read_parquet(getvariable('sources'));
CREATE OR REPLACE TABLE closed AS SELECT person FROM read_parquet(getvariable('cases'));
CREATE OR REPLACE TABLE best (person BIGINT, exposed_us BIGINT, tier BIGINT);
CREATE OR REPLACE TABLE rows (tier BIGINT, person BIGINT, exposed_us BIGINT);
