-- Stays become 15-minute windows of each venue.
-- Reads: stays. Table made: footfall.
--
-- No stay is expanded into the windows it covers. A venue's row counts change only where a piece begins or
-- ends, so two events a piece are summed and carried along; windows between events are filled in at the end.
CREATE TABLE pieces AS
-- A person's stays at a venue have ascending exits, so cutting each at the exit before it leaves their union.
WITH ordered AS (
    SELECT venue, enter_us, exit_us, lag(exit_us) OVER same AS previous_exit_us
    FROM stays
    WINDOW same AS (PARTITION BY person, venue ORDER BY stay)
),
cut AS (
    SELECT
        venue,
        greatest(enter_us, coalesce(previous_exit_us, enter_us)) AS begin_us,
        exit_us AS end_us,
        (previous_exit_us - 1) // 900_000_000 AS previous_slot
    FROM ordered
)
SELECT
    venue,
    begin_us,
    end_us,
    begin_us // 900_000_000 AS begin_slot,
    (end_us - 1) // 900_000_000 AS end_slot,
    coalesce(begin_us // 900_000_000 <> previous_slot, true) AS arrives
FROM cut
WHERE begin_us < end_us;

CREATE TABLE footfall AS
WITH events AS (
    SELECT venue, begin_us AS at_us, 1 AS step FROM pieces
    UNION ALL
    SELECT venue, end_us, -1 FROM pieces
),
occupied AS (
    -- Exits before entries of the same instant; only after an entry can the peak be new.
    -- A running sum of DOUBLE is exact here and takes half the time of one of INTEGER, which is HUGEINT.
    SELECT
        *,
        sum(step::DOUBLE) OVER (PARTITION BY venue ORDER BY at_us, step ROWS UNBOUNDED PRECEDING) AS present
    FROM events
),
sums AS (
    SELECT
        venue,
        begin_slot AS slot,
        count(*) FILTER (arrives) AS arriving,
        count(*) FILTER (end_slot > begin_slot) AS carried,
        sum(least(end_us, (begin_slot + 1) * 900_000_000) - begin_us) AS present_us,
        0 AS peak,
        0 AS entries,
        0 AS exits
    FROM pieces
    GROUP BY ALL
    UNION ALL
    SELECT venue, end_slot, 0, -count(*), sum(end_us - (end_slot + 1) * 900_000_000), 0, 0, 0
    FROM pieces
    WHERE end_slot > begin_slot
    GROUP BY ALL
    UNION ALL
    SELECT venue, at_us // 900_000_000, 0, 0, 0, max(present)::BIGINT, 0, 0
    FROM occupied
    WHERE step = 1
    GROUP BY ALL
    UNION ALL
    SELECT venue, enter_us // 900_000_000, 0, 0, 0, 0, count(*), 0 FROM stays GROUP BY ALL
    UNION ALL
    SELECT venue, exit_us // 900_000_000, 0, 0, 0, 0, 0, count(*) FROM stays GROUP BY ALL
),
slots AS (
    SELECT
        venue,
        slot,
        sum(entries)::BIGINT AS entries,
        sum(exits)::BIGINT AS exits,
        sum(arriving)::BIGINT AS arriving,
        sum(carried)::BIGINT AS carried,
        sum(present_us)::BIGINT AS present_us,
        max(peak) AS peak
    FROM sums
    GROUP BY ALL
),
running AS (
    SELECT
        *,
        sum(carried::DOUBLE) OVER (PARTITION BY venue ORDER BY slot ROWS UNBOUNDED PRECEDING)::BIGINT AS leaving,
        lead(slot) OVER (PARTITION BY venue ORDER BY slot) AS next_slot
    FROM slots
),
filled AS (
    SELECT
        venue,
        slot,
        entries,
        exits,
        leaving - carried + arriving AS people,
        greatest(peak, leaving - carried) AS peak,
        present_us + (leaving - carried) * 900_000_000 AS present_us
    FROM running
    UNION ALL
    SELECT venue, unnest(range(slot + 1, next_slot)), 0, 0, leaving, leaving, leaving * 900_000_000
    FROM running
    WHERE leaving > 0 AND next_slot > slot + 1
)
SELECT
    venue,
    make_timestamptz(slot * 900_000_000) AS window_start,
    make_timestamptz((slot + 1) * 900_000_000) AS window_end,
    entries::INTEGER AS entries,
    exits::INTEGER AS exits,
    people::INTEGER AS people,
    peak::INTEGER AS peak,
    (present_us // 1_000_000)::BIGINT AS person_seconds,
    make_timestamptz(slot * 900_000_000)::DATE AS date
FROM filled;

DROP TABLE pieces;
