-- The cells of a table.
-- Tables:  parts (row_value, column_value, person, records: several rows of one person and cell are added up).
-- Parameters: none.
-- Columns: row_value, column_value, people (distinct), records.
SELECT row_value, column_value, count(DISTINCT person) AS people, sum(records)::BIGINT AS records
FROM parts
GROUP BY ALL
