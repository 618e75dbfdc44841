-- How many points there are, how many are used, and by how many people, over the two weeks before an instant.
-- Tables:     places (venue, area, is_point, is_new, closed_us: the registry; area may be null),
--             scans (venue, person, direction, scan_mode, occurred_us: of the two weeks),
--             used (venue: scanned at any time before the end).
-- Parameters: $from_us (start of the two weeks), $day_us.
-- Columns:    area (null: in no area), points, new_7d, active_1d, active_7d, regular_7d, never_used, silent_7d,
--             scans_7d, people_7d, scans_before, ins, outs (at points with both), guarded, visits, single
--             (visits, of a person and a local day, with one scan), busiest (most scans of a point on one day),
--             unregistered_scans.
WITH seen AS (
    SELECT
        p.area,
        s.venue,
        s.person,
        s.direction,
        s.scan_mode,
        (s.occurred_us - $from_us) // $day_us AS day,  -- 7 to 13 are the last 7 days
        coalesce(p.is_point AND s.occurred_us < p.closed_us, false) AS counted,
        coalesce(s.occurred_us >= p.closed_us, true) AS unregistered
    FROM scans s
    LEFT JOIN places p USING (venue)
),
visits AS (
    SELECT
        area,
        venue,
        person,
        day,
        count(*) AS scans,
        count(*) FILTER (direction = 'in') AS ins,
        count(*) FILTER (direction = 'out') AS outs,
        count(*) FILTER (scan_mode IN ('guard', 'kiosk')) AS guarded
    FROM seen
    WHERE counted AND day >= 7
    GROUP BY ALL
),
days AS (
    SELECT
        venue,
        day,
        sum(scans) AS scans,
        sum(ins) AS ins,
        sum(outs) AS outs,
        sum(guarded) AS guarded,
        count(*) AS visits,
        count(*) FILTER (scans = 1) AS single
    FROM visits
    GROUP BY ALL
),
weeks AS (
    SELECT
        venue,
        count(*) AS days,
        bool_or(day = 13) AS today,
        max(scans) AS busiest,
        sum(scans) AS scans,
        sum(ins) AS ins,
        sum(outs) AS outs,
        sum(guarded) AS guarded,
        sum(visits) AS visits,
        sum(single) AS single
    FROM days
    GROUP BY venue
),
points AS (
    SELECT
        p.area,
        count(*) AS points,
        count(*) FILTER (p.is_new) AS new_7d,
        count(*) FILTER (w.today) AS active_1d,
        count(w.days) AS active_7d,
        count(*) FILTER (w.days >= 4) AS regular_7d,
        count(*) FILTER (u.venue IS NULL) AS never_used,
        count(*) FILTER (u.venue IS NOT NULL AND w.days IS NULL) AS silent_7d,
        coalesce(sum(w.scans), 0) AS scans_7d,
        sum(w.ins) FILTER (w.ins > 0 AND w.outs > 0) AS ins,
        sum(w.outs) FILTER (w.ins > 0 AND w.outs > 0) AS outs,
        sum(w.guarded) AS guarded,
        sum(w.visits) AS visits,
        sum(w.single) AS single,
        max(w.busiest) AS busiest
    FROM places p
    LEFT JOIN weeks w USING (venue)
    LEFT JOIN used u USING (venue)
    WHERE p.is_point
    GROUP BY p.area
),
people AS (
    SELECT area, count(DISTINCT person) AS people_7d FROM visits GROUP BY area
),
others AS (
    SELECT
        area,
        count(*) FILTER (counted AND day < 7) AS scans_before,
        count(*) FILTER (unregistered AND day >= 7) AS unregistered_scans
    FROM seen
    GROUP BY area
),
areas AS (
    SELECT area FROM points
    UNION
    SELECT area FROM others WHERE unregistered_scans > 0
)
SELECT
    a.area,
    coalesce(p.points, 0) AS points,
    coalesce(p.new_7d, 0) AS new_7d,
    coalesce(p.active_1d, 0) AS active_1d,
    coalesce(p.active_7d, 0) AS active_7d,
    coalesce(p.regular_7d, 0) AS regular_7d,
    coalesce(p.never_used, 0) AS never_used,
    coalesce(p.silent_7d, 0) AS silent_7d,
    coalesce(p.scans_7d, 0)::BIGINT AS scans_7d,
    coalesce(n.people_7d, 0) AS people_7d,
    coalesce(o.scans_before, 0) AS scans_before,
    p.ins::BIGINT AS ins,
    p.outs::BIGINT AS outs,
    p.guarded::BIGINT AS guarded,
    p.visits::BIGINT AS visits,
    p.single::BIGINT AS single,
    coalesce(p.busiest, 0)::BIGINT AS busiest,
    coalesce(o.unregistered_scans, 0) AS unregistered_scans
FROM areas a
LEFT JOIN points p ON p.area IS NOT DISTINCT FROM a.area
LEFT JOIN people n ON n.area IS NOT DISTINCT FROM a.area
LEFT JOIN others o ON o.area IS NOT DISTINCT FROM a.area
ORDER BY a.area NULLS LAST
