-- Refused records of one source.
-- Parameters: $files (paths of `rejects`), $source.
-- Columns:    rejected.
SELECT count(*) AS rejected
FROM read_parquet($files, hive_partitioning = false)
WHERE source = $source
