-- A table of the lake that holds no file yet, as an empty view of the right types.
-- Filled in (each piece quoted by `connect`): {name}, {columns}.
-- Columns:    those of the table's schema, partition columns last.
CREATE VIEW {name} AS
SELECT {columns}
WHERE false
