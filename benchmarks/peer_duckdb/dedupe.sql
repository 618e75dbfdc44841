-- The first scan of an event id stands; a repeat is a duplicate, or conflicts with it.
-- Reads: read, in the order of the files.
-- Tables made: repeats (row, verdict), scans (the accepted ones, with their date), counts (reason, records).
CREATE TABLE repeats AS
WITH repeated AS (
    SELECT event_key FROM read WHERE reason IS NULL GROUP BY event_key HAVING count(*) > 1
),
ordered AS (
    SELECT
        rowid AS row,
        content,
        first_value(content) OVER same AS first_content,
        row_number() OVER same AS position
    FROM read SEMI JOIN repeated USING (event_key)
    WHERE reason IS NULL
    WINDOW same AS (PARTITION BY event_key ORDER BY rowid)
)
SELECT row, CASE WHEN content = first_content THEN 'duplicate' ELSE 'conflicting_event_id' END AS verdict
FROM ordered
WHERE position > 1;

CREATE TABLE counts AS
SELECT coalesce(reason, 'received_in_time') AS reason, count(*) AS records FROM read GROUP BY ALL
UNION ALL
SELECT verdict, count(*) FROM repeats GROUP BY ALL;

SET preserve_insertion_order = false;

CREATE TABLE scans AS
SELECT
    event_key, person, venue, zone, direction, occurred_at, scan_mode, scanner, occurred_at::DATE AS date
FROM (SELECT rowid AS row, * FROM read WHERE reason IS NULL) ANTI JOIN repeats USING (row);

CREATE TABLE rejects AS
SELECT reason, 'scans' AS source, getvariable('received_at') AS received_at FROM read WHERE reason IS NOT NULL
UNION ALL
SELECT verdict, 'scans', getvariable('received_at') FROM repeats WHERE verdict <> 'duplicate';

DROP TABLE read;
