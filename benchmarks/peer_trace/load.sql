-- The table `stays` (person, venue, enter_us, exit_us).
-- Variable stays: Parquet files of `stays` in one order.
CREATE TABLE stays AS
SELECT person, venue, epoch_us(enter) AS enter_us, epoch_us(exit) AS exit_us
FROM read_parquet(getvariable('stays'), hive_partitioning = false);
