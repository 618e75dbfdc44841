-- A fingerprint of a set of contacts: one row (contacts, seconds, hash).
-- Variable files: Parquet files of contacts.
SELECT count(*), sum(seconds)::BIGINT, bit_xor(hash(person_a, person_b, venue, start, "end"))
FROM read_parquet(getvariable('files'), hive_partitioning = false);
