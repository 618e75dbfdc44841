-- Adoption by district as one would write it: the scans of the last 7 local days joined to the registry.
-- Tables: scans (view over the Parquet files), venues (the registry). Parameters: $from_us, $end_us, $day_us.
WITH week AS (
    SELECT v.district_code AS area, s.venue, s.person, s.direction, s.scan_mode,
        (epoch_us(s.occurred_at) - $from_us) // $day_us AS day
    FROM scans s JOIN venues v USING (venue)
    WHERE epoch_us(s.occurred_at) >= $from_us AND epoch_us(s.occurred_at) < $end_us
),
before AS (
    SELECT v.district_code AS area, count(*) AS scans
    FROM scans s JOIN venues v USING (venue)
    WHERE epoch_us(s.occurred_at) >= $from_us - 7 * $day_us AND epoch_us(s.occurred_at) < $from_us
    GROUP BY 1
),
of_point AS (
    SELECT area, venue, count(DISTINCT day) AS days, bool_or(day = 6) AS today,
        count(*) FILTER (direction = 'in') AS ins, count(*) FILTER (direction = 'out') AS outs
    FROM week GROUP BY 1, 2
),
of_visit AS (
    SELECT area, count(*) AS visits, count(*) FILTER (scans = 1) AS single
    FROM (SELECT area, venue, person, day, count(*) AS scans FROM week GROUP BY ALL) GROUP BY 1
),
used AS (
    SELECT DISTINCT venue FROM scans WHERE epoch_us(occurred_at) < $end_us
),
points AS (
    SELECT v.district_code AS area, count(*) AS points, count(o.venue) AS active_7d,
        count(*) FILTER (o.today) AS active_1d, count(*) FILTER (o.days >= 4) AS regular_7d,
        count(*) FILTER (u.venue IS NULL) AS never_used,
        count(*) FILTER (u.venue IS NOT NULL AND o.venue IS NULL) AS silent_7d,
        sum(o.outs) FILTER (o.ins > 0 AND o.outs > 0) / sum(o.ins) FILTER (o.ins > 0 AND o.outs > 0) AS exit_entry_ratio
    FROM venues v LEFT JOIN of_point o USING (venue) LEFT JOIN used u USING (venue)
    GROUP BY 1
),
of_area AS (
    SELECT area, count(*) AS scans_7d, count(DISTINCT person) AS people_7d,
        count(*) FILTER (scan_mode IN ('guard', 'kiosk')) / count(*) AS guard_share
    FROM week GROUP BY 1
)
SELECT area, points, active_1d, active_7d, regular_7d, never_used, silent_7d, scans_7d, people_7d,
    exit_entry_ratio, guard_share, single / visits AS once_a_day_share, scans_7d - b.scans AS change_scans_7d
FROM points LEFT JOIN of_area USING (area) LEFT JOIN of_visit USING (area) LEFT JOIN before b USING (area)
ORDER BY area
