-- The table `clipped` (person, venue, start_us, end_us): stays of infectious people while they are infectious.
CREATE OR REPLACE TABLE clipped AS
SELECT
    s.person,
    s.venue,
    greatest(s.enter_us, i.start_us) AS start_us,
    least(s.exit_us, i.end_us) AS end_us
FROM stays AS s
JOIN sources AS i ON s.person = i.person AND s.enter_us < i.end_us AND i.start_us < s.exit_us;
