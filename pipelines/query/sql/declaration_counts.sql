-- Declarations by area and span of 7 days, counted back from an instant.
-- Tables:     declared (person, declared_us, symptoms, area).
-- Parameters: $to_us (microseconds UTC, exclusive), $week_us.
-- Columns:    week (0 = the span that ends at $to_us), area (null where none was given), declarations,
--             people, symptomatic (people with fever, cough or breathlessness in one of the span's declarations).
SELECT
    ($to_us - 1 - declared_us) // $week_us AS week,
    area,
    count(*) AS declarations,
    count(DISTINCT person) AS people,
    count(DISTINCT person) FILTER (
        list_has_any(string_split(lower(symptoms), chr(59)), ['fever', 'cough', 'breathless'])
    ) AS symptomatic
FROM declared
WHERE declared_us < $to_us
GROUP BY ALL
ORDER BY week, area NULLS LAST
