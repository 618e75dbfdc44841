-- A table of the lake as a view over exactly the files that its log names.
-- Filled in (each piece quoted by `connect`): {name}, {columns}, {files}, {partitioning}.
-- Columns:    those of the table's schema, partition columns last.
CREATE VIEW {name} AS
SELECT {columns}
FROM read_parquet([{files}], {partitioning})
