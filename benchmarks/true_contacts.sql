-- What kept the lake from seeing a true contact whole.
-- Tables: contacts (of the truth, numbered by row), stays (of the truth), tokens, cards, places, registry, scans.
-- Parameters: slack_us, how far a clock may be off.
-- Result: case_id, person (token), venue (code), type, start_us, end_us, lost_to.
WITH sides AS (
    SELECT row, person AS name, venue, start, "end" FROM contacts
    UNION ALL
    SELECT row, other AS name, venue, start, "end" FROM contacts
),
visits AS (
    SELECT
        sides.row,
        sides.name,
        places.venue,
        stays.unscanned,
        epoch_us(stays.enter) - $slack_us AS from_us,
        epoch_us(stays.exit) + $slack_us AS to_us
    FROM sides
    JOIN stays
        ON stays.person = sides.name AND stays.venue = sides.venue
        AND stays.enter <= sides.start AND stays.exit >= sides."end"
    JOIN places ON places.code = sides.venue
),
identified AS (
    SELECT visits.*, own.token AS own, other.token AS other
    FROM visits
    JOIN tokens AS own ON own.name = visits.name
    LEFT JOIN cards ON cards.person = visits.name
    LEFT JOIN tokens AS other ON other.name = cards.card
),
own_scans AS (
    SELECT DISTINCT i.row, i.name FROM identified AS i
    JOIN scans AS s ON s.person = i.own AND s.venue = i.venue
        AND epoch_us(s.occurred_at) BETWEEN i.from_us AND i.to_us
),
other_scans AS (
    SELECT DISTINCT i.row, i.name FROM identified AS i
    JOIN scans AS s ON s.person = i.other AND s.venue = i.venue
        AND epoch_us(s.occurred_at) BETWEEN i.from_us AND i.to_us
),
sums AS (
    SELECT
        i.row,
        bool_or(i.unscanned IS NOT NULL) AS unscanned,
        bool_or(own_scans.row IS NULL AND other_scans.row IS NOT NULL) AS other,
        bool_or(own_scans.row IS NULL) AS missing
    FROM identified AS i
    LEFT JOIN own_scans ON own_scans.row = i.row AND own_scans.name = i.name
    LEFT JOIN other_scans ON other_scans.row = i.row AND other_scans.name = i.name
    GROUP BY i.row
)
SELECT
    c.case_id,
    t.token AS person,
    c.venue,
    r.type,
    epoch_us(c.start) AS start_us,
    epoch_us(c."end") AS end_us,
    CASE
        WHEN r.venue IS NULL OR (r.closed_at IS NOT NULL AND r.closed_at <= c.start) THEN 'unregistered place'
        WHEN sums.unscanned THEN 'unscanned visit'
        WHEN sums.other THEN 'other identifier'
        WHEN sums.missing THEN 'refused record'
        ELSE 'imputed time'
    END AS lost_to
FROM contacts AS c
JOIN sums ON sums.row = c.row
JOIN tokens AS t ON t.name = c.other
JOIN places AS p ON p.code = c.venue
LEFT JOIN registry AS r ON r.venue = p.venue
ORDER BY c.row
