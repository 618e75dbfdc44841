-- How often each person counts in each cell of a table; of a part of the records.
-- Tables:     records (venue, person, at_us), places (venue, row_value, column_value: text or null).
-- Parameters: $row_days, $column_days (0: the value of the place; 1: its local day; 7: the Monday of its local
--             week), $local_us (offset of local time), $day_us.
-- Columns:    row_value, column_value (text; days since 1970 as digits; null: the place has none, or is not
--             registered), unit (the Monday where one of both is a time, else 0), person, records.
WITH dated AS (
    SELECT venue, person, (at_us + $local_us) // $day_us AS day FROM records
),
placed AS (
    SELECT
        CASE WHEN $row_days > 0 THEN (day - (day + 3) % greatest($row_days, 1))::VARCHAR ELSE row_value END
            AS row_value,  -- 1970-01-01 was a Thursday
        CASE
            WHEN $column_days > 0 THEN (day - (day + 3) % greatest($column_days, 1))::VARCHAR
            ELSE column_value
        END AS column_value,
        CASE WHEN $row_days + $column_days > 0 THEN day - (day + 3) % 7 ELSE 0 END AS unit,
        person
    FROM dated
    LEFT JOIN places USING (venue)
)
SELECT row_value, column_value, unit, person, count(*) AS records
FROM placed
GROUP BY ALL
