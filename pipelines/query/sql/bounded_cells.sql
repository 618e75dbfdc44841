-- The people of a table's cells, each of them in no more than a few cells, which the person's token chooses.
-- Tables:     parts (row_value, column_value, unit, person).
-- Parameters: $cells (at most, of a person and unit).
-- Columns:    row_value, column_value, people.
WITH cells AS (
    SELECT DISTINCT row_value, column_value, unit, person FROM parts
),
ranked AS (
    SELECT
        row_value,
        column_value,
        row_number() OVER (
            PARTITION BY unit, person ORDER BY hash(person, row_value, column_value), row_value, column_value
        ) AS rank
    FROM cells
)
SELECT row_value, column_value, count(*) AS people
FROM ranked
WHERE rank <= $cells
GROUP BY ALL
