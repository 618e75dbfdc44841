-- How many points there are, how many are used, and by how many people, over the week before an instant.
-- Parameters: none.
-- Tables:  places (venue, area, is_point, is_new: the registry; area may be null),
--          days (venue, day, scans, ins, outs, guarded, visits, single: a point on a day with scans, the week is
--              days 0 to 6; a visit is of a person and a day, single ones have one scan),
--          around (venue, scans_before, unregistered_scans: of the week before and of the week; a null venue is
--              in no registry),
--          people (area, people_7d),
--          used (venue: scanned at any time before the end).
-- Columns: area (null: in no area), points, new_7d, active_1d, active_7d, regular_7d, never_used, silent_7d,
--          scans_7d, people_7d, scans_before, ins, outs (at points with both), guarded, visits, single,
--          unregistered_scans.
WITH weeks AS (
    SELECT
        venue,
        count(*) AS days,
        bool_or(day = 6) AS today,
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
        sum(w.single) AS single
    FROM places p
    LEFT JOIN weeks w USING (venue)
    LEFT JOIN used u USING (venue)
    WHERE p.is_point
    GROUP BY p.area
),
others AS (
    SELECT
        p.area,
        sum(a.scans_before)::BIGINT AS scans_before,
        sum(a.unregistered_scans)::BIGINT AS unregistered_scans
    FROM around a
    LEFT JOIN places p USING (venue)
    GROUP BY p.area
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
    coalesce(o.unregistered_scans, 0) AS unregistered_scans
FROM areas a
LEFT JOIN points p ON p.area IS NOT DISTINCT FROM a.area
LEFT JOIN people n ON n.area IS NOT DISTINCT FROM a.area
LEFT JOIN others o ON o.area IS NOT DISTINCT FROM a.area
ORDER BY a.area NULLS LAST
