-- NDJSON lines as typed, judged scans in the order of the files.
-- Variables: files (list of paths), oldest, newest (TIMESTAMPTZ).
-- Table made: read (reason, event_key, content, person, venue, zone, direction, occurred_at, scan_mode, scanner).
-- DuckDB's own hash() stands in for HMAC-SHA-256, and 8 bytes of event key for 16: both favour the peer.
-- A line that is no JSON object comes back with every column NULL. Control characters are not looked for.
CREATE TABLE read AS
WITH lines AS (
    SELECT * FROM read_json(
        getvariable('files'),
        format = 'newline_delimited',
        ignore_errors = true,
        maximum_object_size = 1048576,
        columns = {
            event_id: 'VARCHAR', person: 'VARCHAR', venue: 'VARCHAR', zone: 'VARCHAR', direction: 'VARCHAR',
            occurred_at: 'VARCHAR', scan_mode: 'VARCHAR', scanner: 'VARCHAR'
        })
),
tidy AS (
    SELECT
        * REPLACE (
            nullif(event_id, '') AS event_id,
            nullif(zone, '') AS zone,
            coalesce(nullif(direction, ''), 'unknown') AS direction,
            nullif(scan_mode, '') AS scan_mode,
            nullif(scanner, '') AS scanner
        ),
        canonical(person) AS identifier,
        instant(occurred_at) AS moment
    FROM lines
),
judged AS (
    SELECT
        *,
        CASE
            WHEN person IS NULL AND venue IS NULL AND occurred_at IS NULL THEN 'malformed'
            WHEN direction NOT IN ('unknown', 'in', 'out') THEN 'malformed'
            WHEN scan_mode NOT IN ('self', 'guard', 'kiosk', 'manual', 'nfc') THEN 'malformed'
            WHEN greatest(strlen(person), strlen(venue), strlen(zone), strlen(scanner)) > 128 THEN 'bad_text'
            WHEN strlen(event_id) > 64 THEN 'bad_text'
            WHEN coalesce(person, '') = '' OR coalesce(venue, '') = '' THEN 'missing_field'
            WHEN coalesce(occurred_at, '') = '' THEN 'missing_field'
            WHEN NOT is_person(identifier) THEN 'bad_person'
            WHEN moment IS NULL THEN 'bad_time'
            WHEN moment < getvariable('oldest') THEN 'too_old'
            WHEN moment > getvariable('newest') THEN 'too_new'
        END AS reason,
        hash(identifier, venue, zone, direction, moment) AS content
    FROM tidy
)
SELECT
    reason,
    CASE WHEN event_id IS NULL THEN content ELSE hash(event_id, scanner, moment::DATE) END AS event_key,
    content,
    hash(identifier) AS person,
    hash(venue) AS venue,
    zone,
    try_cast(direction AS way) AS direction,
    moment AS occurred_at,
    try_cast(scan_mode AS mode) AS scan_mode,
    CASE WHEN scanner IS NOT NULL THEN hash(scanner) END AS scanner
FROM judged;
